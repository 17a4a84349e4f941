/** BAL frames that a broken or hostile backend may send: valid, with wrong fields, mutated, random. */
import type { Encoding } from '../../src/protocols/bal/index.ts';
import { bytesOf, type Json } from '../../test/doors/bal/backend.ts';
import { pb } from '../../test/protocols/bal/helpers.ts';
import type { Chance, Value } from './fuzz-chance.ts';

/** How deep some objects are nested: at the limit of the protocol, past it, and far past it. */
const DEPTHS = [61, 62, 63, 64, 65, 5_000];

/** The body of one frame. Most of them keep a connection that has logged on alive. */
export function frameBody(chance: Chance, encoding: Encoding): Buffer {
  const roll = chance.float();
  if (roll < 0.02) return chance.bytes(1 + chance.int(80));
  if (roll < 0.03) return Buffer.concat([Buffer.from(chance.pick(['{', 'qbjs', 'qbjs\x01\0\0\0'])), chance.bytes(60)]);
  const body = encoded(chance, frame(chance), encoding);
  if (roll < 0.13 && body.length > 0) return chance.mutated(body);
  return body;
}

/** A LOGON that is right, or nearly so. */
export function logon(chance: Chance, session: string): Json {
  const right: Json = { message_type: 'LOGON', session_id: session };
  if (chance.odds(0.5)) right.confirm = true;
  if (chance.odds(0.3)) right.window = chance.pick([1, 100, 1_000]);
  if (chance.odds(0.2)) right.client = 'fuzz';
  return right;
}

/** The frame as a body in this encoding, written without the bridge's codec. */
export function encoded(chance: Chance, fields: Json, encoding: Encoding): Buffer {
  if (encoding === 'json') return jsonBody(chance, fields);
  if (encoding === 'qt') return bytesOf(fields, 'qt').subarray(4);
  const body = bytesOf(wholeNumbers(fields), 'protobuf').subarray(4);
  return chance.odds(0.1) ? Buffer.concat([body, Buffer.from(oddField(chance))]) : body;
}

function frame(chance: Chance): Json {
  const fields = rightFrame(chance);
  if (chance.odds(0.15)) wrong(chance, fields);
  if (chance.odds(0.1)) fields[chance.text()] = chance.value();
  return fields;
}

function rightFrame(chance: Chance): Json {
  const roll = chance.float();
  if (roll < 0.3) return { message_type: 'PING', ...(chance.odds(0.5) && { data: chance.text() }) };
  if (roll < 0.5) return { message_type: 'ACK', sequence_id: 1 + chance.int(10_000) };
  if (roll < 0.6) {
    const sequence_ids = Array.from({ length: 1 + chance.int(40) }, () => 1 + chance.int(5_000));
    return { message_type: 'ACK', sequence_ids };
  }
  if (roll < 0.68) return { message_type: chance.pick(['FUTURE', 'UPSTREAM', 'PONG', 'logon', 'x'.repeat(300)]) };
  if (roll < 0.69) return { message_type: 'LOGOFF' };
  if (roll < 0.7) return logon(chance, 'fuzz');
  return downstream(chance);
}

function downstream(chance: Chance): Json {
  const data: Json = { data: { n: chance.int(1_000) } };
  // Most are refused at the door, so that a run measures the door and not the disk.
  if (chance.odds(0.4)) data.to = chance.pick(['token', '/topics/a', 'BAD_REGISTRATION', 'DEVICE_UNREGISTERED']);
  if (chance.odds(0.2)) data[chance.pick(FIELDS_OF_DATA)] = chance.value();
  if (chance.odds(0.02)) data.data = nested(chance.pick(DEPTHS.slice(0, 5)));
  const fields: Json = { message_type: 'DOWNSTREAM', message_id: `f${chance.int(1e9)}`, fcm_data: data };
  if (chance.odds(0.2)) fields[chance.pick(FIELDS)] = chance.value(1);
  return fields;
}

const FIELDS = ['session_id', 'group_id', 'provider', 'fcm_message_id', 'message_id', 'fcm_data'];
const FIELDS_OF_DATA = [
  'to',
  'condition',
  'time_to_live',
  'priority',
  'delivery_receipt_requested',
  'message_id',
  'message_type',
  'from',
  'registration_ids',
  'data',
  'notification',
];

/** One field gets another value, or goes. */
function wrong(chance: Chance, fields: Json): void {
  const name = chance.pick(Object.keys(fields));
  if (name === 'message_type' && chance.odds(0.9)) return;
  if (chance.odds(0.3)) delete fields[name];
  else fields[name] = chance.value();
}

function nested(depth: number): Value {
  let value: Value = 1;
  for (let i = 2; i < depth; i++) value = i % 2 ? [value] : { v: value };
  return value;
}

/** JSON text has room for what other encodings can not say: keys twice, depth without end, odd spellings. */
function jsonBody(chance: Chance, fields: Json): Buffer {
  const text = JSON.stringify(fields);
  const roll = chance.float();
  if (roll < 0.9) return Buffer.from(text);
  if (roll < 0.92) return Buffer.from(JSON.stringify(fields, null, chance.int(4)));
  const depth = chance.pick(DEPTHS);
  const deep = '['.repeat(depth) + ']'.repeat(depth);
  const last = text.length - 1;
  const more = chance.pick([
    '"message_type":"PING"',
    '"x":1,"x":2',
    '"\\u0078":1e400',
    '"n":-0.0e-0',
    '"s":"\\ud800\\ud800"',
    `"deep":${deep}`,
    `"fcm_data":{"to":"t","data":${deep}}`,
    '"big":12345678901234567890',
  ]);
  return Buffer.from(`${text.slice(0, last)}${text === '{}' ? '' : ','}${more}}`);
}

/** The helper that writes protobuf knows whole numbers only. */
function wholeNumbers(fields: Json): Json {
  const whole = (value: unknown): unknown => (typeof value === 'number' ? Math.abs(Math.trunc(value)) || 0 : value);
  const entries = Object.entries(fields).map(([key, value]): [string, unknown] => {
    if (key === 'fcm_data') return [key, value];
    return [
      key,
      Array.isArray(value) ? value.map((item) => (typeof item === 'number' ? whole(item) : 1)) : whole(value),
    ];
  });
  return Object.fromEntries(entries);
}

/** A field of any number and wire type, perhaps broken. */
function oddField(chance: Chance): number[] {
  const field = chance.pick([0, 1, 5, 6, 11, 13, 14, 20, 22, 99, 536_870_911]);
  const tag = pb.varint(BigInt(field * 8 + chance.int(8)));
  return [...tag, ...chance.bytes(chance.int(14))];
}
