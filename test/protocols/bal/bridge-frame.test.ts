import test from 'ava';
import {
  type BridgeFrame,
  decodeBridgeFrame,
  type Encoding,
  encodeBridgeFrame,
} from '../../../src/protocols/bal/index.ts';
import { json, protobufOf, throwsBal } from './helpers.ts';
import { type Json, qtDocument } from './qt-reference.ts';

type Fields = { [key: string]: Json };

/** Bodies made without the codec. */
const write: Record<Encoding, (fields: Fields) => Buffer> = { json, qt: qtDocument, protobuf: protobufOf };

const answer = { sequence_id: 70_000_000, session_id: 's', message_id: 'm', group_id: 'g' };
const reject = { ...answer, error: 'EXPIRED', error_string: 'late', taken: true };

/** Each frame as the bridge holds it, and what must stand on the wire. */
const frames: [BridgeFrame, Fields][] = [
  ...(['UPSTREAM', 'DOWNSTREAM_ACK', 'DOWNSTREAM_RECEIPT'] as const).map((message_type): [BridgeFrame, Fields] => [
    { message_type, ...answer, fcm_data: '{"from":"x","data":{"a":"é"}}' },
    { message_type, ...answer, fcm_data: { from: 'x', data: { a: 'é' } } },
  ]),
  [
    { message_type: 'DOWNSTREAM_REJECT', ...reject, fcm_data: '{"to":"t"}' },
    { message_type: 'DOWNSTREAM_REJECT', ...reject, error_description: 'late', fcm_data: { to: 't' } },
  ],
  [
    { message_type: 'DOWNSTREAM_TAKEN', message_ids: ['a', 'b'] },
    { message_type: 'DOWNSTREAM_TAKEN', message_ids: ['a', 'b'] },
  ],
  [
    { message_type: 'LOGON_RESPONSE', session_id: 's', status: 'SUCCESS', window: 100, server: 'pushbridge/1' },
    { message_type: 'LOGON_RESPONSE', session_id: 's', status: 'SUCCESS', window: 100, server: 'pushbridge/1' },
  ],
  [
    { message_type: 'LOGON_RESPONSE', session_id: 's', status: 'FAILURE', error: 'E', error_string: 'no' },
    {
      message_type: 'LOGON_RESPONSE',
      session_id: 's',
      status: 'FAILURE',
      error: 'E',
      error_string: 'no',
      error_description: 'no',
    },
  ],
  [
    { message_type: 'PONG', data: 'x' },
    { message_type: 'PONG', data: 'x' },
  ],
  [
    { message_type: 'ERROR', error: 'SHUTTING_DOWN', error_string: 'bye' },
    { message_type: 'ERROR', error: 'SHUTTING_DOWN', error_string: 'bye', error_description: 'bye' },
  ],
];

for (const encoding of ['json', 'qt', 'protobuf'] as const) {
  const read = (fields: Fields) => decodeBridgeFrame(write[encoding](fields), encoding);

  test(`${encoding}: every frame of the bridge, written and read`, (t) => {
    for (const [frame, fields] of frames) {
      const body = encodeBridgeFrame(frame, encoding).subarray(4);
      if (encoding === 'json') t.deepEqual(JSON.parse(body.toString()), fields);
      if (encoding === 'qt') t.deepEqual(body, qtDocument(fields));
      const { error_description: _, ...expected } = fields;
      t.deepEqual(decodeBridgeFrame(body, encoding) as unknown, expected);
      t.deepEqual(read(fields) as unknown, expected);
    }
  });

  test(`${encoding}: what a frame of the bridge may lack`, (t) => {
    t.deepEqual(read({ message_type: 'DOWNSTREAM_REJECT', message_id: 'm', error: 'E', error_description: 'old' }), {
      message_type: 'DOWNSTREAM_REJECT',
      session_id: '',
      message_id: 'm',
      error: 'E',
      error_string: 'old',
      taken: false,
      fcm_data: {},
    });
    t.like(read({ message_type: 'DOWNSTREAM_REJECT', sequence_id: 4, message_id: 'm', error: 'E' }), { taken: true });
    t.deepEqual(read({ message_type: 'PONG' }), { message_type: 'PONG' });
    t.deepEqual(read({ message_type: 'DOWNSTREAM_TAKEN' }), { message_type: 'DOWNSTREAM_TAKEN', message_ids: [] });
  });

  test(`${encoding}: what it must not lack`, (t) => {
    const fails = (words: string, fields: Fields) => throwsBal(t, 'INVALID_FRAME', words, () => read(fields));
    fails('sequence_id is missing', { message_type: 'UPSTREAM', message_id: 'm', fcm_data: {} });
    fails('message_id is missing', { message_type: 'DOWNSTREAM_ACK', sequence_id: 1, fcm_data: {} });
    fails('error is missing', { message_type: 'DOWNSTREAM_REJECT', message_id: 'm' });
    fails('status is missing', { message_type: 'LOGON_RESPONSE', session_id: 's' });
    fails('status must be', { message_type: 'LOGON_RESPONSE', session_id: 's', status: 'MAYBE' });
    fails('message_type is missing', { session_id: 's' });
    fails('fcm_data must be an object', { message_type: 'UPSTREAM', sequence_id: 1, message_id: 'm', fcm_data: [1] });
  });
}
