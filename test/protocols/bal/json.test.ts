import test from 'ava';
import {
  type BridgeFrame,
  decodeBackendFrame,
  decodeBridgeFrame,
  detect,
  encodeBackendFrame,
  encodeBridgeFrame,
} from '../../../src/protocols/bal/index.ts';
import { throwsBal } from './helpers.ts';

const decode = (text: string | Buffer) => decodeBackendFrame(Buffer.from(text as string), 'json');
const text = (frame: BridgeFrame): string => encodeBridgeFrame(frame, 'json').subarray(4).toString();

test('[BAL §Framing] the first bytes tell the encoding', (t) => {
  t.is(detect(Buffer.from('{}')), 'json');
  t.is(detect(Buffer.from('qbjs\x01')), 'qt');
  for (const other of ['qbj', 'q', ' {', '\ufeff{', '[', '\x0a']) t.is(detect(Buffer.from(other)), 'protobuf', other);
});

test('bodies that are not one JSON object in UTF-8', (t) => {
  for (const bad of ['{', '{}{}', '{"message_type":"PING",}', "{'message_type':'PING'}", '{"a":01}', '{\ufeff}']) {
    throwsBal(t, 'INVALID_FRAME', 'not valid JSON', () => decode(bad));
  }
  const cut = Buffer.from('{"message_type":"PING","data":"é"}');
  throwsBal(t, 'INVALID_FRAME', 'UTF-8', () => decode(Buffer.concat([cut.subarray(0, -3), Buffer.from('"}')])));
  throwsBal(t, 'INVALID_FRAME', 'UTF-8', () => decode(Buffer.from('7b22eda080223a317d', 'hex')));
});

test('keys that stand twice', (t) => {
  throwsBal(t, 'INVALID_FRAME', 'key "session_id" twice', () =>
    decode('{"message_type":"LOGON","session_id":"a","session_id":"a"}'),
  );
  t.like(decode('{"message_type":"DOWNSTREAM","message_id":"m","fcm_data":{"to":"a","d":[{"x":1,"x":1}]}}'), {
    message_id: 'm',
    problem: 'fcm_data has the key "x" twice',
  });
  t.like(decode('{"message_type":"PING","other":{"a":1,"a":2}}'), { message_type: 'PING' });
  const long = 'k'.repeat(5_000);
  throwsBal(t, 'INVALID_FRAME', `"${'k'.repeat(64)}…" twice`, () => decode(`{"${long}":1,"${long}":2}`));
});

test('nesting beyond the limit: a REJECT for a message, an error elsewhere', (t) => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  const down = (levels: number) =>
    decode(`{"message_type":"DOWNSTREAM","fcm_data":{"message_id":"m","to":"t","data":${deep(levels)}}}`);
  t.is('problem' in down(62), false);
  t.deepEqual(down(63), {
    message_type: 'DOWNSTREAM',
    message_id: 'm',
    fcm_data: { message_id: 'm', to: 't' },
    problem: 'fcm_data is nested deeper than 64 levels',
  });
  t.like(down(20_000), { problem: 'fcm_data is nested deeper than 64 levels' });
  throwsBal(t, 'INVALID_FRAME', '64 levels', () => decode(`{"message_type":"PING","other":${deep(64)}}`));
});

test('__proto__ is a key like any other', (t) => {
  const source = '{"message_type":"DOWNSTREAM","message_id":"m","fcm_data":{"__proto__":{"to":1}}}';
  const frame = decode(source);
  t.is(JSON.stringify(frame), source);
  t.is(({} as { to?: number }).to, undefined);
  throwsBal(t, 'INVALID_FRAME', 'message_type is missing', () => decode('{"__proto__":{"message_type":"PING"}}'));
  throwsBal(t, 'INVALID_FRAME', 'message_id is missing', () =>
    decode('{"message_type":"DOWNSTREAM","fcm_data":{"__proto__":{"message_id":"m"}}}'),
  );
});

test('the frames of the bridge as text', (t) => {
  const answer = { sequence_id: 9_007_199_254_740_991, session_id: 's"', message_id: 'm\u2028\ud83d\ude00\n' };
  t.is(
    text({ message_type: 'DOWNSTREAM_ACK', ...answer, group_id: 'g\\', fcm_data: '{"a": 1.50}' }),
    '{"message_type":"DOWNSTREAM_ACK","sequence_id":9007199254740991,"session_id":"s\\"",' +
      '"message_id":"m\u2028\u{1f600}\\n","group_id":"g\\\\","fcm_data":{"a": 1.50}}',
  );
  t.is(
    text({ message_type: 'UPSTREAM', sequence_id: 1, session_id: 's', message_id: 'm', fcm_data: '{}' }),
    '{"message_type":"UPSTREAM","sequence_id":1,"session_id":"s","message_id":"m","fcm_data":{}}',
  );
  const reject = { session_id: 's', message_id: 'm', error: 'EXPIRED', error_string: 'too "late"', fcm_data: '{}' };
  t.is(
    text({ message_type: 'DOWNSTREAM_REJECT', ...reject, sequence_id: 3, taken: true }),
    '{"message_type":"DOWNSTREAM_REJECT","sequence_id":3,"session_id":"s","message_id":"m","error":"EXPIRED",' +
      '"error_string":"too \\"late\\"","error_description":"too \\"late\\"","taken":true,"fcm_data":{}}',
  );
  t.false(text({ message_type: 'DOWNSTREAM_REJECT', ...reject, taken: false }).includes('sequence_id'));
  t.is(
    text({ message_type: 'LOGON_RESPONSE', session_id: 's', status: 'SUCCESS', window: 100, server: 'pushbridge/1' }),
    '{"message_type":"LOGON_RESPONSE","session_id":"s","status":"SUCCESS","window":100,"server":"pushbridge/1"}',
  );
  t.deepEqual(
    JSON.parse(
      text({ message_type: 'LOGON_RESPONSE', session_id: 's', status: 'FAILURE', error: 'E', error_string: 'x' }),
    ),
    {
      message_type: 'LOGON_RESPONSE',
      session_id: 's',
      status: 'FAILURE',
      error: 'E',
      error_string: 'x',
      error_description: 'x',
    },
  );
  t.is(
    text({ message_type: 'DOWNSTREAM_TAKEN', message_ids: ['a', '"'] }),
    '{"message_type":"DOWNSTREAM_TAKEN","message_ids":["a","\\""]}',
  );
  t.is(text({ message_type: 'PONG' }), '{"message_type":"PONG"}');
  t.is(
    text({ message_type: 'ERROR', error: 'E', error_string: 'é' }),
    '{"message_type":"ERROR","error":"E","error_string":"é","error_description":"é"}',
  );
});

test('the length in front counts bytes, not characters', (t) => {
  const framed = encodeBridgeFrame({ message_type: 'PONG', data: 'é😀' }, 'json');
  t.is(framed.readUInt32BE(0), framed.length - 4);
  t.is(framed.length, 4 + Buffer.byteLength('{"message_type":"PONG","data":"é😀"}'));
});

test('what a backend can not put into JSON', (t) => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  for (const fcm_data of [cycle, { n: 5n }]) {
    for (const encoding of ['json', 'protobuf', 'qt'] as const) {
      throwsBal(t, 'INVALID_FRAME', 'fcm_data', () =>
        encodeBackendFrame({ message_type: 'DOWNSTREAM', message_id: 'm', fcm_data }, encoding),
      );
    }
  }
});

test('a problem is no field of the wire', (t) => {
  const frame = { message_type: 'DOWNSTREAM' as const, message_id: 'm', fcm_data: {}, problem: 'x' };
  for (const encoding of ['json', 'protobuf', 'qt'] as const) {
    t.false(encodeBackendFrame(frame, encoding).includes('problem'));
  }
});

test('a backend ignores frames that it does not know', (t) => {
  t.deepEqual(decodeBridgeFrame(Buffer.from('{"message_type":"NEWS","x":1}'), 'json'), {
    message_type: 'UNKNOWN',
    name: 'NEWS',
  });
});
