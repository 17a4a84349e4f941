import test from 'ava';
import {
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  encodeBackendFrame,
  encodeBridgeFrame,
  HEADER_BYTES,
  type JsonObject,
  MAX_QT_SEQUENCE,
} from '../../../src/protocols/bal/index.ts';
import { readQt } from '../../../src/protocols/bal/qt-read.ts';
import { seeded, throwsBal } from './helpers.ts';
import { type Json, qtDocument, word } from './qt-reference.ts';

/** What Qt itself wrote for {"test":"yes"}. */
const TEST_YES = '71626a73 01000000 24000000 03000000 20000000 1b030000 0400 74657374 0000 0300 796573 000000 0c000000';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
const body = (framed: Buffer): Buffer => framed.subarray(HEADER_BYTES);
const read = (value: Json): unknown => readQt(qtDocument(value)).header;

test('reads what Qt wrote', (t) => {
  t.deepEqual(readQt(bytes(TEST_YES)).header, { test: 'yes' });
});

test('the reference writer writes it too', (t) => {
  t.is(qtDocument({ test: 'yes' }).toString('hex'), bytes(TEST_YES).toString('hex'));
  // Arrays that Qt wrote: [10], [10.1] and ["ö"], here as the value of a key.
  t.is(container([10]), '10000000 02000000 0c000000 4a010000'.replaceAll(' ', ''));
  t.is(container([10.1]), '18000000 02000000 14000000 3333333333332440 82010000'.replaceAll(' ', ''));
  t.is(container(['ö']), '14000000 02000000 10000000 0100f600 8b010000'.replaceAll(' ', ''));
  t.is(container([{ test: 'yes' }]).slice(24, 48), bytes(TEST_YES).subarray(8, 20).toString('hex'));
});

/** The bytes of an array as they stand in a document. */
function container(items: Json[]): string {
  return qtDocument(items).subarray(8).toString('hex');
}

test('every kind of value', (t) => {
  const value = {
    null: null,
    true: true,
    false: false,
    zero: 0,
    one: 1,
    minus: -1,
    inline: 2 ** 26 - 1,
    minusInline: -(2 ** 26 - 1),
    outside: 2 ** 26,
    minusOutside: -(2 ** 26),
    int: 2 ** 31 - 1,
    safe: Number.MAX_SAFE_INTEGER,
    fraction: -12321312.21376,
    tiny: 1e-300,
    empty: '',
    latin: 'Grüße ÿ',
    wide: 'Ā \u{1f600} \ufffe',
    emptyObject: {},
    emptyArray: [],
    nested: [[], [{}], { a: [null, 'x', { b: 'c' }] }, 1.5],
    'schlüssel Ā': 1,
  };
  t.deepEqual(read(value), value);
});

test('strings around the limit between Latin-1 and UTF-16', (t) => {
  for (const length of [0x7fff, 0x8000]) {
    const text = 'x'.repeat(length);
    t.deepEqual(read({ [text]: text }), { [text]: text });
    const frame = { message_type: 'PONG' as const, data: text };
    t.deepEqual(body(encodeBridgeFrame(frame, 'qt')), qtDocument(frame));
  }
});

test('[BAL §Framing] writes byte for byte what Qt would', (t) => {
  const fcm = {
    to: 'tøken',
    data: { Ā: '\u{1f600}', z: 'y' },
    time_to_live: 0,
    n: [1, 2 ** 26, -5, 1.5, null, {}, []],
  };
  const down = { message_type: 'DOWNSTREAM' as const, message_id: 'm1', group_id: 'g', fcm_data: fcm };
  t.deepEqual(body(encodeBackendFrame(down, 'qt')), qtDocument(down));
  const up = {
    message_type: 'UPSTREAM' as const,
    sequence_id: 2 ** 30,
    session_id: 's',
    message_id: 'm',
  };
  t.deepEqual(
    body(encodeBridgeFrame({ ...up, fcm_data: JSON.stringify(fcm) }, 'qt')),
    qtDocument({ ...up, fcm_data: fcm }),
  );
});

test('[BAL §Framing] keys are sorted by UTF-16 code unit', (t) => {
  // U+1F600 begins with D83D and stands before U+FF5E, although its code point is larger.
  const fcm_data = { '～': 1, '\u{1f600}': 2, b: 3, a: 4, ä: 5, B: 6, '': 7 };
  const framed = body(encodeBackendFrame({ message_type: 'DOWNSTREAM', message_id: 'm', fcm_data }, 'qt'));
  t.deepEqual(framed, qtDocument({ message_type: 'DOWNSTREAM', message_id: 'm', fcm_data }));
  const frame = decodeBackendFrame(framed, 'qt');
  t.deepEqual(frame.message_type === 'DOWNSTREAM' && Object.keys(frame.fcm_data), [
    '',
    'B',
    'a',
    'b',
    'ä',
    '\u{1f600}',
    '～',
  ]);
});

test('the length in front counts the body', (t) => {
  const framed = encodeBridgeFrame({ message_type: 'PONG' }, 'qt');
  t.is(framed.readUInt32BE(0), framed.length - 4);
  t.is(detect(body(framed)), 'qt');
});

test('frames larger than the first piece of memory', (t) => {
  const data = { text: 'é'.repeat(5_000), list: Array.from({ length: 3_000 }, (_, i) => i) };
  const frame = { message_type: 'DOWNSTREAM' as const, message_id: 'm', fcm_data: data };
  t.deepEqual(body(encodeBackendFrame(frame, 'qt')), qtDocument(frame));
  t.deepEqual(decodeBackendFrame(qtDocument(frame), 'qt'), frame);
});

test('keys in another order are read all the same', (t) => {
  const header = { message_type: 'PING', data: 'x' };
  t.deepEqual(decodeBackendFrame(qtDocument(header, { unsorted: true }), 'qt'), { message_type: 'PING', data: 'x' });
});

test('a key that stands twice', (t) => {
  const down = { message_type: 'DOWNSTREAM', message_id: 'm', fcm_data: { aa: [{ xx: 1, xy: 2 }], to: 't' } };
  const inData = Buffer.from(qtDocument(down).toString('latin1').replace('\x02\0xy', '\x02\0xx'), 'latin1');
  const frame = decodeBackendFrame(inData, 'qt');
  t.is(frame.message_type === 'DOWNSTREAM' && frame.problem, 'fcm_data has the key "xx" twice');
  const logon = { message_type: 'LOGON', session_id: 's', session_ix: 't' };
  const inHeader = Buffer.from(qtDocument(logon).toString('latin1').replace('session_ix', 'session_id'), 'latin1');
  throwsBal(t, 'INVALID_FRAME', '"session_id" twice', () => decodeBackendFrame(inHeader, 'qt'));
});

test('__proto__ is a key like any other', (t) => {
  const data = JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as JsonObject;
  const framed = encodeBackendFrame({ message_type: 'DOWNSTREAM', message_id: 'm', fcm_data: data }, 'qt');
  const frame = decodeBackendFrame(body(framed), 'qt');
  t.true(frame.message_type === 'DOWNSTREAM' && Object.hasOwn(frame.fcm_data, '__proto__'));
  t.is(JSON.stringify(frame), `{"message_type":"DOWNSTREAM","message_id":"m","fcm_data":${JSON.stringify(data)}}`);
  t.is(({} as { polluted?: number }).polluted, undefined);
});

test('[BAL §Framing] depth of the limit passes, one level more does not', (t) => {
  const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);
  const frame = (levels: number) => ({ message_type: 'PING', other: nested(levels) });
  t.notThrows(() => decodeBackendFrame(qtDocument(frame(63)), 'qt'));
  throwsBal(t, 'INVALID_FRAME', '64 levels', () => decodeBackendFrame(qtDocument(frame(64)), 'qt'));
  const up = (levels: number) =>
    encodeBridgeFrame(
      {
        message_type: 'UPSTREAM',
        sequence_id: 1,
        session_id: 's',
        message_id: 'm',
        fcm_data: `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`,
      },
      'qt',
    );
  t.notThrows(() => up(62));
  throwsBal(t, 'INVALID_FRAME', '64 levels', () => up(63));
});

test('[BAL §Framing] sequence ids of a Qt connection have 31 bits', (t) => {
  const frame = { message_type: 'UPSTREAM' as const, session_id: 's', message_id: 'm', fcm_data: '{}' };
  const framed = encodeBridgeFrame({ ...frame, sequence_id: MAX_QT_SEQUENCE }, 'qt');
  t.like(decodeBridgeFrame(body(framed), 'qt'), { sequence_id: 2_147_483_647 });
  t.throws(() => encodeBridgeFrame({ ...frame, sequence_id: MAX_QT_SEQUENCE + 1 }, 'qt'), { instanceOf: RangeError });
});

test('[BAL §Framing] offsets and lengths that lie are refused', (t) => {
  const whole = bytes(TEST_YES);
  const patched = (at: number, value: number): Buffer => {
    const copy = Buffer.from(whole);
    copy.writeUInt32LE(value >>> 0, at);
    return copy;
  };
  const lies: [string, Buffer][] = [
    ['version', patched(4, 2)],
    ['an array', patched(12, 2)],
    ['size of a container: too large', patched(8, 0x25)],
    ['size of a container: too small', patched(8, 11)],
    ['table before the data', patched(16, 8)],
    ['table not aligned', patched(16, 0x1e)],
    ['table behind the end', patched(16, 0x24)],
    ['too many entries', patched(12, 5)],
    ['far too many entries', patched(12, 0xffff_ffff)],
    ['entry before the data', patched(40, 8)],
    ['entry not aligned', patched(40, 14)],
    ['entry in the table', patched(40, 32)],
    ['entry far away', patched(40, 0xffff_fffc)],
    ['value far away', patched(20, 0xffff_fffb)],
    ['value before the data', patched(20, 0x1b + (4 << 5))],
    ['value not aligned', patched(20, 0x1b + (25 << 5))],
    ['unknown type', patched(20, 0x1e + (24 << 5))],
    ['key too long', patched(24, 0x0000_0020)],
    ['text too long', patched(32, 0x0000_0007)],
    ['UTF-16 too long', patched(20, 0x13 + (24 << 5))],
    ['text read as a container', patched(20, 0x15 + (24 << 5))],
    ['text read as a double', patched(20, 0x12 + (28 << 5))],
  ];
  for (const [what, document] of lies) {
    throwsBal(t, 'INVALID_FRAME', 'the frame', () => t.log(what, readQt(document)));
  }
  for (let end = 0; end < whole.length; end++) {
    throwsBal(t, 'INVALID_FRAME', 'the frame', () => t.log(end, readQt(whole.subarray(0, end))));
  }
});

test('an object marked as an array, and a number that is not finite', (t) => {
  const marked = qtDocument({ a: {} });
  marked.writeUInt32LE((marked.readUInt32LE(20) & ~7) | 4, 20);
  throwsBal(t, 'INVALID_FRAME', 'marked as an array', () => readQt(marked));
  const number = qtDocument({ a: 1.5 });
  number.writeDoubleLE(Number.NaN, 28);
  throwsBal(t, 'INVALID_FRAME', 'not finite', () => readQt(number));
});

test('a small frame can not unfold into a large value', (t) => {
  // 60 arrays, each with 2 values that both point at the next array: 2^60 values if nobody counted.
  let inner = container([1]);
  for (let i = 0; i < 60; i++) {
    const data = Buffer.from(inner, 'hex');
    const value = word(4 + (12 << 5));
    inner = Buffer.concat([word(12 + data.length + 8), word(4), word(12 + data.length), data, value, value]).toString(
      'hex',
    );
  }
  const arrays = Buffer.from(inner, 'hex');
  const entry = Buffer.concat([word(4 + 16 + (20 << 5)), bytes('0100 61 00'), arrays]);
  const root = Buffer.concat([word(12 + entry.length + 4), word(3), word(12 + entry.length), entry, word(12)]);
  throwsBal(t, 'INVALID_FRAME', 'overlap', () => readQt(Buffer.concat([Buffer.from('qbjs'), word(1), root])));
});

test('random documents: ours and the reference agree in both directions', (t) => {
  const random = seeded(3);
  for (let round = 0; round < 500; round++) {
    const fcm_data = { x: randomJson(random, 4) };
    const frame = { message_type: 'DOWNSTREAM' as const, message_id: 'm', fcm_data };
    t.deepEqual(body(encodeBackendFrame(frame, 'qt')), qtDocument(frame));
    t.deepEqual(decodeBackendFrame(qtDocument(frame), 'qt'), frame);
  }
});

function randomJson(random: () => number, depth: number): Json {
  const kind = Math.floor(random() * (depth > 0 ? 8 : 6));
  const text = (): string =>
    String.fromCharCode(...Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * 0xd7ff)));
  switch (kind) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return Math.round((random() - 0.5) * 2 ** Math.floor(random() * 53)) || 0;
    case 3:
      return random() * 1e9;
    case 4:
      return text();
    case 5:
      return Math.floor(random() * 100).toString(36);
    case 6:
      return Array.from({ length: Math.floor(random() * 4) }, () => randomJson(random, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(random() * 4) }, () => [text(), randomJson(random, depth - 1)]),
      );
  }
}
