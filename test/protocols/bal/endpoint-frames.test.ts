import test from 'ava';
import {
  type BridgeFrame,
  decodeBackendFrame,
  decodeBridgeFrame,
  type Encoding,
  encodeBackendFrame,
  encodeBridgeFrame,
  encodings,
  type SentFrame,
} from '../../../src/protocols/bal/index.ts';
import { json, pb, protobufOf, throwsBal } from './helpers.ts';
import { type Json, qtDocument } from './qt-reference.ts';

/** Writers that know nothing of the codec. */
const writers: Readonly<Record<Encoding, (frame: Readonly<Record<string, Json>>) => Buffer>> = {
  json,
  protobuf: protobufOf,
  qt: (frame) => qtDocument(frame),
};

const register: SentFrame = { message_type: 'ENDPOINT_REGISTER', token: 'a', vapid: 'B', to: 't', provider: 'p' };
const unregister: SentFrame = { message_type: 'ENDPOINT_UNREGISTER', token: 'a' };
const registered: BridgeFrame = {
  message_type: 'ENDPOINT_REGISTERED',
  token: 'ü',
  endpoint: 'https://p/€',
  expiration: '2030-01-01T00:00:00Z',
};
const refused: BridgeFrame = { message_type: 'ENDPOINT_UNREGISTERED', token: 'a', error: 'E', error_string: 'x' };

/** The bodies as they have always been, byte by byte. */
const GOLDEN: Readonly<Record<Encoding, readonly [string, string, string, string]>> = {
  json: [
    '{"message_type":"ENDPOINT_REGISTER","token":"a","vapid":"B","to":"t","provider":"p"}',
    '{"message_type":"ENDPOINT_UNREGISTER","token":"a"}',
    '{"message_type":"ENDPOINT_REGISTERED","token":"ü","endpoint":"https://p/€","expiration":"2030-01-01T00:00:00Z"}',
    '{"message_type":"ENDPOINT_UNREGISTERED","token":"a","error":"E","error_string":"x","error_description":"x"}',
  ].map((text) => Buffer.from(text).toString('hex')) as [string, string, string, string],
  protobuf: [
    `0a11${hexOf('ENDPOINT_REGISTER')}920101${hexOf('p')}ba0101${hexOf('a')}c20101${hexOf('B')}da0101${hexOf('t')}`,
    `0a13${hexOf('ENDPOINT_UNREGISTER')}ba0101${hexOf('a')}`,
    `0a13${hexOf('ENDPOINT_REGISTERED')}ba0102${hexOf('ü')}ca010d${hexOf('https://p/€')}d20114${hexOf('2030-01-01T00:00:00Z')}`,
    `0a15${hexOf('ENDPOINT_UNREGISTERED')}4201${hexOf('E')}4a01${hexOf('x')}5201${hexOf('x')}ba0101${hexOf('a')}`,
  ],
  qt: [
    qtDocument({ ...register }).toString('hex'),
    // qbjs 1, an object of 0x50 bytes with 2 keys and its table at 0x48: message_type, then token.
    `71626a73010000005000000005000000480000001b0400000c00${hexOf('message_type')}00001300${hexOf('ENDPOINT_UNREGISTER')}0000009b0800000500${hexOf('token')}00010061000c00000038000000`,
    qtDocument({ ...registered }).toString('hex'),
    qtDocument({ ...refused, error_description: 'x' }).toString('hex'),
  ],
};

function hexOf(text: string): string {
  return Buffer.from(text).toString('hex');
}

for (const encoding of encodings) {
  const golden = GOLDEN[encoding];

  test(`${encoding}: the bytes of frames about endpoints`, (t) => {
    const written = [
      encodeBackendFrame(register, encoding),
      encodeBackendFrame(unregister, encoding),
      encodeBridgeFrame(registered, encoding),
      encodeBridgeFrame(refused, encoding),
    ];
    written.forEach((bytes, index) => {
      t.is(bytes.subarray(4).toString('hex'), golden[index] ?? '');
      t.is(bytes.readUInt32BE(0), bytes.length - 4);
    });
  });

  test(`${encoding}: what these bytes say`, (t) => {
    const [one, two, three, four] = golden.map((hex) => Buffer.from(hex, 'hex'));
    t.deepEqual(decodeBackendFrame(one ?? Buffer.alloc(0), encoding), register);
    t.deepEqual(decodeBackendFrame(two ?? Buffer.alloc(0), encoding), unregister);
    t.deepEqual(decodeBridgeFrame(three ?? Buffer.alloc(0), encoding), registered);
    t.deepEqual(decodeBridgeFrame(four ?? Buffer.alloc(0), encoding), refused);
  });

  test(`${encoding}: empty fields are absent ones, and unknown ones are passed over`, (t) => {
    const frame = { message_type: 'ENDPOINT_REGISTER', token: 'a', vapid: '', to: '', provider: '', other: 'x' };
    t.deepEqual(decodeBackendFrame(writers[encoding](frame), encoding), {
      message_type: 'ENDPOINT_REGISTER',
      token: 'a',
    });
  });

  test(`${encoding}: fields at their limits, and one byte past them`, (t) => {
    for (const [field, max] of [
      ['token', 100],
      ['vapid', 1_024],
      ['to', 4_096],
      ['provider', 1_024],
    ] as const) {
      const frame = (length: number) =>
        writers[encoding]({ message_type: 'ENDPOINT_REGISTER', token: 'a', [field]: 'x'.repeat(length) });
      t.like(decodeBackendFrame(frame(max), encoding), { [field]: 'x'.repeat(max) });
      throwsBal(t, 'INVALID_FRAME', field, () => decodeBackendFrame(frame(max + 1), encoding));
    }
    const wide = { message_type: 'ENDPOINT_UNREGISTER', token: 'ü'.repeat(50) }; // bytes of UTF-8, not characters
    t.deepEqual(decodeBackendFrame(writers[encoding](wide), encoding) as unknown, wide);
    const wider = writers[encoding]({ ...wide, token: `${wide.token}x` });
    throwsBal(t, 'INVALID_FRAME', 'token', () => decodeBackendFrame(wider, encoding));
  });

  test(`${encoding}: without a token it is no frame`, (t) => {
    for (const message_type of ['ENDPOINT_REGISTER', 'ENDPOINT_UNREGISTER']) {
      for (const more of [{}, { token: '' }]) {
        const bytes = writers[encoding]({ message_type, ...more });
        throwsBal(t, 'INVALID_FRAME', 'token is missing', () => decodeBackendFrame(bytes, encoding));
      }
    }
  });
}

for (const encoding of ['json', 'qt'] as const) {
  test(`${encoding}: values of other types`, (t) => {
    for (const field of ['token', 'vapid', 'to', 'provider']) {
      for (const value of [7, true, null, [], {}, ['a']]) {
        const bytes = writers[encoding]({ message_type: 'ENDPOINT_REGISTER', token: 'a', [field]: value });
        throwsBal(t, 'INVALID_FRAME', field, () => decodeBackendFrame(bytes, encoding));
      }
    }
  });
}

test('protobuf: values of other types, and texts that are no UTF-8', (t) => {
  for (const [field, number] of [
    ['token', 23],
    ['vapid', 24],
    ['to', 27],
  ] as const) {
    const head = pb.text(1, 'ENDPOINT_REGISTER');
    const frame = (...fields: number[][]) => Buffer.from([head, ...fields].flat());
    const own = field === 'token' ? [] : pb.text(23, 'a');
    throwsBal(t, 'INVALID_FRAME', field, () => decodeBackendFrame(frame(own, pb.number(number, 7)), 'protobuf'));
    const broken = frame(own, pb.bytes(number, Uint8Array.of(0xff)));
    throwsBal(t, 'INVALID_FRAME', '', () => decodeBackendFrame(broken, 'protobuf'));
  }
});
