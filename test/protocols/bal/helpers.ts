import type { ExecutionContext } from 'ava';
import { BalError, type ErrorCode } from '../../../src/protocols/bal/index.ts';

/** Runs `fn`, which must fail with this code and a text that holds `words`. */
export function throwsBal(t: ExecutionContext, code: ErrorCode, words: string, fn: () => unknown): void {
  const error = t.throws(fn, { instanceOf: BalError }, words);
  t.is(error?.code, code, words);
  t.true(error?.message.includes(words), `${error?.message} names ${words}`);
}

/** Mulberry32: numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A body in JSON, made without the codec. */
export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Field number and wire type, then the value: protobuf by hand. */
export const pb = {
  varint(value: bigint): number[] {
    const bytes: number[] = [];
    let rest = value;
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    return [...bytes, Number(rest)];
  },
  text(field: number, text: string): number[] {
    return pb.bytes(field, Buffer.from(text));
  },
  bytes(field: number, bytes: Uint8Array): number[] {
    return [...pb.varint(BigInt(field * 8 + 2)), ...pb.varint(BigInt(bytes.length)), ...bytes];
  },
  number(field: number, value: bigint | number): number[] {
    return [...pb.varint(BigInt(field * 8)), ...pb.varint(BigInt(value))];
  },
};

/** The header of BAL.md by hand: protobuf field numbers. */
const FIELDS: Readonly<Record<string, number>> = {
  message_type: 1,
  session_id: 2,
  message_id: 3,
  group_id: 4,
  sequence_id: 5,
  sequence_ids: 6,
  status: 7,
  error: 8,
  error_string: 9,
  error_description: 10,
  fcm_data: 11,
  secret: 12,
  window: 13,
  client: 16,
  server: 17,
  provider: 18,
  data: 19,
  confirm: 20,
  message_ids: 21,
  taken: 22,
  token: 23,
  vapid: 24,
  endpoint: 25,
  expiration: 26,
  to: 27,
};

/** A body in protobuf of a frame written as JSON, made without the codec. */
export function protobufOf(fields: Readonly<Record<string, unknown>>): Buffer {
  const bytes: number[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) continue;
    if (name === 'fcm_data') bytes.push(...pb.text(field, JSON.stringify(value)));
    else if (typeof value === 'string') bytes.push(...pb.text(field, value));
    else if (typeof value === 'boolean') bytes.push(...pb.number(field, value ? 1 : 0));
    else if (typeof value === 'number') bytes.push(...pb.number(field, value));
    else if (Array.isArray(value) && typeof value[0] === 'string') {
      for (const item of value) bytes.push(...pb.text(field, String(item)));
    } else if (Array.isArray(value)) {
      bytes.push(...pb.bytes(field, Buffer.from(value.flatMap((item) => pb.varint(BigInt(Number(item)))))));
    }
  }
  return Buffer.from(bytes);
}
