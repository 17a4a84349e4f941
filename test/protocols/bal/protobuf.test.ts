import { readFileSync } from 'node:fs';
import test from 'ava';
import {
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  encodeBackendFrame,
  encodeBridgeFrame,
} from '../../../src/protocols/bal/index.ts';
import { pb, throwsBal } from './helpers.ts';

const decode = (...fields: number[][]) => decodeBackendFrame(Buffer.from(fields.flat()), 'protobuf');
const ack = pb.text(1, 'ACK');

test('reads bytes written by hand', (t) => {
  const logon = Buffer.from('0a054c4f474f4e1205612e622e63620474c3b66b6805820102' + '6231a00101', 'hex');
  t.is(detect(logon), 'protobuf');
  t.deepEqual(decodeBackendFrame(logon, 'protobuf'), {
    message_type: 'LOGON',
    session_id: 'a.b.c',
    secret: 'tök',
    window: 5,
    client: 'b1',
    confirm: true,
  });
});

test('writes those bytes, with the length in front', (t) => {
  t.is(
    encodeBackendFrame({ message_type: 'ACK', sequence_ids: [1, 300] }, 'protobuf').toString('hex'),
    '0000000a' + '0a0341434b' + '320301ac02',
  );
  t.is(
    encodeBridgeFrame({ message_type: 'ERROR', error: 'E', error_string: 'x' }, 'protobuf').toString('hex'),
    '00000010' + '0a054552524f52' + '420145' + '4a0178' + '520178',
  );
});

test('[BAL §Framing] taken is false, not absent', (t) => {
  const reject = {
    message_type: 'DOWNSTREAM_REJECT' as const,
    session_id: 's',
    message_id: 'm',
    error: 'NO_PROVIDER',
    error_string: 'none',
    taken: false,
    fcm_data: '{"to":"x"}',
  };
  const framed = encodeBridgeFrame(reject, 'protobuf');
  t.true(framed.includes(Buffer.from('b00100', 'hex')));
  t.deepEqual(decodeBridgeFrame(framed.subarray(4), 'protobuf'), { ...reject, fcm_data: { to: 'x' } });
});

test('sequence ids, packed, one by one and mixed', (t) => {
  const packed = pb.bytes(6, Buffer.from([...pb.varint(7n), ...pb.varint(2n ** 53n - 1n)]));
  t.deepEqual(decode(ack, packed), { message_type: 'ACK', sequence_ids: [7, 2 ** 53 - 1] });
  t.deepEqual(decode(ack, pb.number(6, 8), pb.number(6, 9), packed), {
    message_type: 'ACK',
    sequence_ids: [8, 9, 7, 2 ** 53 - 1],
  });
  t.deepEqual(decode(ack, pb.number(5, 2n ** 53n - 1n)), { message_type: 'ACK', sequence_ids: [2 ** 53 - 1] });
  t.deepEqual(decode(ack, pb.number(5, 2n ** 32n + 5n)), { message_type: 'ACK', sequence_ids: [2 ** 32 + 5] });
});

test('[BAL §Framing] a uint64 of 2^53 or more is refused', (t) => {
  for (const value of [2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    throwsBal(t, 'INVALID_FRAME', 'sequence_id', () => decode(ack, pb.number(5, value)));
    throwsBal(t, 'INVALID_FRAME', 'sequence_ids', () => decode(ack, pb.number(6, value)));
  }
});

test('[BAL §Framing] a wrong wire type is an error, an unknown field is not', (t) => {
  throwsBal(t, 'INVALID_FRAME', 'window has the wrong type', () =>
    decode(pb.text(1, 'LOGON'), pb.text(2, 's'), pb.text(13, '5')),
  );
  throwsBal(t, 'INVALID_FRAME', 'message_type has the wrong type', () => decode(pb.number(1, 5)));
  t.deepEqual(decode(pb.text(1, 'LOGOFF'), pb.text(99, 'x'), pb.number(14, 1), pb.number(536_870_911, 1)), {
    message_type: 'LOGOFF',
  });
});

test('[BAL §Framing] invalid UTF-8 is an error in every field', (t) => {
  for (const bad of ['ff', 'c3', 'eda080', 'c080', 'f4908080']) {
    throwsBal(t, 'INVALID_FRAME', 'protobuf', () => decode(pb.text(1, 'LOGON'), pb.bytes(2, Buffer.from(bad, 'hex'))));
  }
});

test('bytes that are no message', (t) => {
  for (const hex of ['00', '0a', '0aff', '0a05', '07', '0a0341434b80', 'ffffffffffffffffffffff', '0b', '0c']) {
    throwsBal(t, 'INVALID_FRAME', '', () => decodeBackendFrame(Buffer.from(hex, 'hex'), 'protobuf'));
  }
});

test('fcm_data is JSON text', (t) => {
  const down = (text: string) => decode(pb.text(1, 'DOWNSTREAM'), pb.text(3, 'm'), pb.text(11, text));
  t.deepEqual(down(' {"to":"x"}'), { message_type: 'DOWNSTREAM', message_id: 'm', fcm_data: { to: 'x' } });
  throwsBal(t, 'INVALID_FRAME', 'fcm_data is not valid JSON', () => down('{"to":}'));
  throwsBal(t, 'INVALID_FRAME', 'fcm_data must be an object', () => down('[]'));
  throwsBal(t, 'INVALID_FRAME', 'fcm_data is missing', () => down(''));
  t.like(down('{"to":"x","to":"y"}'), { problem: 'fcm_data has the key "to" twice' });
});

test('the field numbers are those of the contract', (t) => {
  const schema = readFileSync(new URL('../../../proto/bal.proto', import.meta.url), 'utf8');
  const numbers = [...schema.matchAll(/^ {2}(optional |repeated )?(\w+) (\w+) = (\d+);/gm)].map(
    ([, label = '', type, name, number]) => `${label}${type} ${name}=${number}`,
  );
  t.deepEqual(numbers, [
    'string message_type=1',
    'string session_id=2',
    'string message_id=3',
    'string group_id=4',
    'uint64 sequence_id=5',
    'repeated uint64 sequence_ids=6',
    'string status=7',
    'string error=8',
    'string error_string=9',
    'string error_description=10',
    'string fcm_data=11',
    'string secret=12',
    'uint32 window=13',
    'string client=16',
    'string server=17',
    'string provider=18',
    'string data=19',
    'bool confirm=20',
    'repeated string message_ids=21',
    'optional bool taken=22',
    'string token=23',
    'string vapid=24',
    'string endpoint=25',
    'string expiration=26',
    'string to=27',
  ]);
  t.regex(schema, /reserved 14, 15;/);
});
