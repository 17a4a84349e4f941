import test from 'ava';
import {
  BalError,
  decodeBackendFrame,
  encodeBackendFrame,
  encodeBridgeFrame,
} from '../../../src/protocols/bal/index.ts';
import { readProtobuf } from '../../../src/protocols/bal/protobuf.ts';
import { type Arbitrary, fc, holds, same, wholeText } from '../../properties.ts';
import { bridgeFrame, sentFrame } from './arbitraries.ts';
import { pb, protobufOf } from './helpers.ts';
import { mutation } from './mutations.ts';
import { Malformed, readProtobufReference } from './protobuf-reference.ts';

/** What the codec reads: fields that are set, without the schema's defaults. */
function ours(body: Buffer): Record<string, unknown> | 'refused' {
  try {
    const { header } = readProtobuf(body);
    const isSet = ([name, value]: [string, unknown]) =>
      Array.isArray(value) ? value.length > 0 : name === 'taken' ? value !== undefined : Boolean(value);
    return Object.fromEntries(Object.entries(header).filter(isSet));
  } catch (error) {
    if (error instanceof BalError && error.code === 'INVALID_FRAME') return 'refused';
    throw error;
  }
}

function theirs(body: Buffer): Record<string, unknown> | 'refused' {
  try {
    return readProtobufReference(body);
  } catch (error) {
    if (error instanceof Malformed) return 'refused';
    throw error;
  }
}

/** A varint in more bytes than it needs, as lazy writers fill them up. */
const padded = (value: bigint, bytes: number): number[] => {
  const short = pb.varint(value);
  if (bytes <= short.length) return short;
  return [...short.slice(0, -1), (short.at(-1) ?? 0) | 128, ...Array(bytes - short.length - 1).fill(128), 0];
};

const number = fc.integer({ min: 0, max: 30 });
const wide = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const value = fc.oneof(
  wide,
  fc.bigInt({ min: 0n, max: 2n ** 53n }),
  fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n),
);

/** One field: of any number and type, with padded varints, groups, packed lists, and now and then nonsense. */
const field: Arbitrary<number[]> = fc.oneof(
  fc.tuple(number, value, number).map(([n, v, pad]) => [...padded(BigInt(n * 8), pad % 7), ...padded(v, pad % 12)]),
  fc.tuple(number, wholeText()).map(([n, text]) => pb.text(n, text)),
  fc
    .tuple(fc.constantFrom(6, 6, 21, 13, 30), fc.array(value, { maxLength: 5 }))
    .map(([n, list]) => pb.bytes(n, Buffer.from(list.flatMap((v) => pb.varint(v))))),
  fc.tuple(number, fc.uint8Array({ maxLength: 9 })).map(([n, bytes]) => pb.bytes(n, bytes)),
  fc
    .tuple(number, fc.constantFrom(1, 3, 4, 5, 6, 7), fc.uint8Array({ maxLength: 9 }))
    .map(([n, wire, bytes]) => [n * 8 + wire, ...bytes]),
  fc.tuple(fc.constantFrom(14, 15, 28, 99), wholeText(), fc.integer({ min: 1, max: 120 })).map(([n, text, depth]) => {
    const open = Array.from({ length: depth }, () => pb.varint(BigInt(n * 8 + 3))).flat();
    const close = Array.from({ length: depth }, () => pb.varint(BigInt(n * 8 + 4))).flat();
    return [...open, ...pb.text(7, text), ...close];
  }),
);

const fields = fc.array(field, { maxLength: 5 }).map((list) => Buffer.from(list.flat()));
const frames = fc.oneof(
  fields,
  sentFrame.map((frame) => encodeBackendFrame(frame, 'protobuf').subarray(4)),
  sentFrame.map((frame) => protobufOf(frame as unknown as Record<string, unknown>)),
  bridgeFrame.map((frame) => encodeBridgeFrame(frame, 'protobuf').subarray(4)),
);

test('fields of any number, type, length and order are read as the specification says', (t) => {
  const counts = { refused: 0, read: 0 };
  holds(
    t,
    frames,
    (body) => {
      const result = ours(body);
      same(result, theirs(body));
      counts[result === 'refused' ? 'refused' : 'read']++;
    },
    4_000,
  );
  t.true(counts.refused > 300 && counts.read > 300, JSON.stringify(counts));
});

test('whatever is done to a frame, it is refused, or it is well-formed and means what the specification says', (t) => {
  const counts = { refused: 0, read: 0 };
  holds(
    t,
    fc.tuple(frames, mutation).map(([body, mutate]) => mutate(body)),
    (body) => {
      const result = ours(body);
      same(result, theirs(body));
      counts[result === 'refused' ? 'refused' : 'read']++;
    },
    4_000,
  );
  t.true(counts.refused > 300 && counts.read > 300, JSON.stringify(counts));
});

test('unknown fields change nothing, wherever they stand', (t) => {
  const unknown = fc
    .tuple(fc.constantFrom(14, 15, 28, 5_000, 536_870_911), fc.oneof(wholeText(), wide))
    .map(([n, content]) => (typeof content === 'string' ? pb.text(n, content) : pb.number(n, content)));
  holds(t, fc.tuple(sentFrame, unknown, unknown), ([frame, before, after]) => {
    const body = encodeBackendFrame(frame, 'protobuf').subarray(4);
    const more = Buffer.concat([Buffer.from(before), body, Buffer.from(after)]);
    same(decodeBackendFrame(more, 'protobuf'), decodeBackendFrame(body, 'protobuf'));
  });
});
