import test from 'ava';
import {
  decodeBackendFrame,
  detect,
  type Encoding,
  MAX_MESSAGE_ID_BYTES,
  MAX_NAME_BYTES,
  MAX_PING_DATA_BYTES,
} from '../../../src/protocols/bal/index.ts';
import { json, protobufOf, throwsBal } from './helpers.ts';
import { type Json, qtDocument } from './qt-reference.ts';

type Fields = { [key: string]: Json };

/** Bodies made without the codec. */
const write: Record<Encoding, (fields: Fields) => Buffer> = { json, qt: qtDocument, protobuf: protobufOf };

function read(encoding: Encoding, fields: Fields) {
  const body = write[encoding](fields);
  if (detect(body) !== encoding) throw new Error('detected as another encoding');
  return decodeBackendFrame(body, encoding);
}

const down = (fields: Fields = {}): Fields => ({
  message_type: 'DOWNSTREAM',
  message_id: 'm1',
  fcm_data: { to: 't' },
  ...fields,
});

for (const encoding of ['json', 'qt', 'protobuf'] as const) {
  const frame = (fields: Fields) => read(encoding, fields);

  test(`${encoding}: the frames of a backend`, (t) => {
    t.deepEqual(frame({ message_type: 'LOGON', session_id: 's' }), { message_type: 'LOGON', session_id: 's' });
    t.deepEqual(frame({ message_type: 'LOGON', session_id: 's', secret: 'x', window: 7, client: 'c', confirm: true }), {
      message_type: 'LOGON',
      session_id: 's',
      secret: 'x',
      window: 7,
      client: 'c',
      confirm: true,
    });
    t.deepEqual(frame(down({ session_id: 's', group_id: 'g', provider: 'p' })), {
      message_type: 'DOWNSTREAM',
      message_id: 'm1',
      session_id: 's',
      group_id: 'g',
      provider: 'p',
      fcm_data: { to: 't' },
    });
    t.deepEqual(frame({ message_type: 'ACK', sequence_id: 5 }), { message_type: 'ACK', sequence_ids: [5] });
    t.deepEqual(frame({ message_type: 'ACK', sequence_ids: [6, 5] }), { message_type: 'ACK', sequence_ids: [6, 5] });
    t.deepEqual(frame({ message_type: 'PING', data: 'x' }), { message_type: 'PING', data: 'x' });
    t.deepEqual(frame({ message_type: 'LOGOFF' }), { message_type: 'LOGOFF' });
    t.deepEqual(frame({ message_type: 'HELLO', other: 1 }), { message_type: 'UNKNOWN', name: 'HELLO' });
    t.deepEqual(frame({ message_type: 'UPSTREAM' }), { message_type: 'UNKNOWN', name: 'UPSTREAM' });
  });

  test(`${encoding}: [BAL §Framing] an empty string or 0 in an optional field means absent`, (t) => {
    t.deepEqual(
      frame({ message_type: 'LOGON', session_id: 's', secret: '', window: 0, client: '', group_id: '', status: '' }),
      { message_type: 'LOGON', session_id: 's' },
    );
    t.deepEqual(frame(down({ session_id: '', group_id: '', provider: '' })), {
      message_type: 'DOWNSTREAM',
      message_id: 'm1',
      fcm_data: { to: 't' },
    });
    t.deepEqual(frame({ message_type: 'PING', data: '' }), { message_type: 'PING' });
    t.deepEqual(frame({ message_type: 'ACK', sequence_id: 0, sequence_ids: [3] }), {
      message_type: 'ACK',
      sequence_ids: [3],
    });
    t.like(frame(down({ fcm_data: { to: '', time_to_live: 0 } })), { fcm_data: { to: '', time_to_live: 0 } });
  });

  test(`${encoding}: a missing field is named`, (t) => {
    throwsBal(t, 'INVALID_FRAME', 'message_type is missing', () => frame({ session_id: 's' }));
    throwsBal(t, 'INVALID_FRAME', 'message_type is missing', () => frame({ message_type: '', session_id: 's' }));
    throwsBal(t, 'INVALID_FRAME', 'session_id is missing', () => frame({ message_type: 'LOGON' }));
    throwsBal(t, 'INVALID_FRAME', 'session_id is missing', () => frame({ message_type: 'LOGON', session_id: '' }));
    throwsBal(t, 'INVALID_FRAME', 'fcm_data is missing', () => frame({ message_type: 'DOWNSTREAM', message_id: 'm' }));
    throwsBal(t, 'INVALID_FRAME', 'sequence_id is missing', () => frame({ message_type: 'ACK' }));
    throwsBal(t, 'INVALID_FRAME', 'sequence_id is missing', () => frame({ message_type: 'ACK', sequence_ids: [] }));
    throwsBal(t, 'INVALID_FRAME', 'message_id is missing', () => frame(down({ message_id: '' })));
    throwsBal(t, 'INVALID_FRAME', 'message_id is missing', () =>
      frame(down({ message_id: '', fcm_data: { message_id: '' } })),
    );
  });

  test(`${encoding}: window is 1 to 1000`, (t) => {
    const logon = (window: number) => frame({ message_type: 'LOGON', session_id: 's', window });
    t.like(logon(1), { window: 1 });
    t.like(logon(1_000), { window: 1_000 });
    throwsBal(t, 'INVALID_FRAME', 'window must be a whole number from 1 to 1000', () => logon(1_001));
    throwsBal(t, 'INVALID_FRAME', 'window', () => logon(4_000_000_000));
  });

  test(`${encoding}: texts of the limit pass, one byte more does not`, (t) => {
    t.deepEqual([MAX_MESSAGE_ID_BYTES, MAX_NAME_BYTES, MAX_PING_DATA_BYTES], [1_024, 1_024, 1_024]);
    const long = 'é'.repeat(512);
    t.like(frame(down({ message_id: long, group_id: long, provider: long })), { message_id: long, group_id: long });
    throwsBal(t, 'INVALID_FRAME', 'message_id is longer than 1024', () => frame(down({ message_id: `${long}x` })));
    throwsBal(t, 'INVALID_FRAME', 'fcm_data.message_id is longer', () =>
      frame(down({ message_id: '', fcm_data: { message_id: `${long}x` } })),
    );
    t.like(frame(down({ group_id: `${long}x` })), { problem: 'group_id is longer than 1024 bytes' });
    t.like(frame(down({ provider: `${long}x` })), { problem: 'provider is longer than 1024 bytes' });
    throwsBal(t, 'INVALID_FRAME', 'session_id', () => frame({ message_type: 'LOGON', session_id: `${long}x` }));
    t.like(frame({ message_type: 'PING', data: long }), { data: long });
    throwsBal(t, 'INVALID_FRAME', 'data', () => frame({ message_type: 'PING', data: `${long}x` }));
  });

  test(`${encoding}: [BAL §Frames] the message id may stand in fcm_data, or both`, (t) => {
    t.deepEqual(frame({ message_type: 'DOWNSTREAM', fcm_data: { message_id: 'in', to: 't' } }), {
      message_type: 'DOWNSTREAM',
      message_id: 'in',
      fcm_data: { message_id: 'in', to: 't' },
    });
    t.is('problem' in frame(down({ fcm_data: { message_id: 'm1' } })), false);
    t.like(frame(down({ fcm_data: { message_id: 'm2' } })), {
      message_id: 'm1',
      problem: 'message_id and fcm_data.message_id differ',
    });
    t.like(frame(down({ fcm_data: { message_id: 5 } })), { problem: 'message_id and fcm_data.message_id differ' });
    t.like(frame(down({ fcm_data: { message_id: '' } })), { problem: 'message_id and fcm_data.message_id differ' });
    throwsBal(t, 'INVALID_FRAME', 'fcm_data.message_id must be a string', () =>
      frame({ message_type: 'DOWNSTREAM', fcm_data: { message_id: 5 } }),
    );
  });

  test(`${encoding}: [BAL §Downstream rules] fields that fcm_data must not have`, (t) => {
    for (const field of ['message_type', 'from', 'registration_ids']) {
      t.like(frame(down({ fcm_data: { to: 't', [field]: null } })), {
        message_id: 'm1',
        problem: `fcm_data.${field} is not allowed`,
      });
      t.is('problem' in frame(down({ fcm_data: { data: { [field]: 'x' } } })), false, 'only at its root');
    }
  });

  test(`${encoding}: the name of an unknown type is cut`, (t) => {
    t.deepEqual(frame({ message_type: 'X'.repeat(1_000) }), { message_type: 'UNKNOWN', name: 'X'.repeat(64) });
  });
}

for (const encoding of ['json', 'qt'] as const) {
  test(`${encoding}: a wrong type is named`, (t) => {
    const frame = (fields: Fields) => read(encoding, fields);
    const logon = (fields: Fields) => frame({ message_type: 'LOGON', session_id: 's', ...fields });
    throwsBal(t, 'INVALID_FRAME', 'message_type must be a string', () => frame({ message_type: 5 }));
    throwsBal(t, 'INVALID_FRAME', 'session_id must be a string', () => logon({ session_id: 5 }));
    throwsBal(t, 'INVALID_FRAME', 'secret must be a string', () => logon({ secret: null }));
    for (const window of ['5', 1.5, -1, null, true, [], 1e300]) {
      throwsBal(t, 'INVALID_FRAME', 'window must be', () => logon({ window }));
    }
    throwsBal(t, 'INVALID_FRAME', 'confirm must be', () => logon({ confirm: 1 }));
    for (const id of ['5', 1.5, -1, 2 ** 53, null]) {
      throwsBal(t, 'INVALID_FRAME', 'sequence_id must', () => frame({ message_type: 'ACK', sequence_id: id }));
      throwsBal(t, 'INVALID_FRAME', 'sequence_ids must', () => frame({ message_type: 'ACK', sequence_ids: [1, id] }));
    }
    throwsBal(t, 'INVALID_FRAME', 'sequence_ids must', () => frame({ message_type: 'ACK', sequence_ids: [0] }));
    throwsBal(t, 'INVALID_FRAME', 'sequence_ids must be a list', () => frame({ message_type: 'ACK', sequence_ids: 5 }));
    throwsBal(t, 'INVALID_FRAME', 'message_id must be a string', () => frame(down({ message_id: 5 })));
    throwsBal(t, 'INVALID_FRAME', 'group_id must be a string', () => frame(down({ group_id: 5 })));
    for (const fcm_data of ['{}', 5, null, [], true]) {
      throwsBal(t, 'INVALID_FRAME', 'fcm_data must be an object', () => frame(down({ fcm_data })));
    }
  });

  test(`${encoding}: half a surrogate pair`, (t) => {
    const frame = (fields: Fields) => read(encoding, fields);
    throwsBal(t, 'INVALID_FRAME', 'message_id has half', () => frame(down({ message_id: 'a\ud800' })));
    throwsBal(t, 'INVALID_FRAME', 'session_id has half', () => frame({ message_type: 'LOGON', session_id: '\udc00' }));
    t.like(frame(down({ group_id: '\ud800' })), { problem: 'group_id has half a surrogate pair' });
    t.like(frame(down({ fcm_data: { to: '\ud800' } })), { fcm_data: { to: '\ud800' } }, 'JSON may carry it');
    t.deepEqual(frame({ message_type: `${'x'.repeat(63)}😀` }), {
      message_type: 'UNKNOWN',
      name: `${'x'.repeat(63)}\ufffd`,
    });
  });

  test(`${encoding}: [BAL §Frames] fcm_message_id is an alias`, (t) => {
    const alias = (fields: Fields) => read(encoding, { message_type: 'DOWNSTREAM', fcm_message_id: 'a', ...fields });
    t.deepEqual(alias({ fcm_data: { to: 't' } }), {
      message_type: 'DOWNSTREAM',
      message_id: 'a',
      fcm_data: { to: 't' },
    });
    t.is('problem' in alias({ message_id: 'a', fcm_data: { message_id: 'a' } }), false);
    t.like(alias({ message_id: 'b', fcm_data: {} }), {
      message_id: 'b',
      problem: 'message_id and fcm_message_id differ',
    });
    t.like(alias({ fcm_data: { message_id: 'b' } }), {
      message_id: 'a',
      problem: 'message_id and fcm_data.message_id differ',
    });
  });
}

test('a number that would reach the device as another one is a problem that names it', (t) => {
  const problem = (data: string) => {
    const body = Buffer.from(`{"message_type":"DOWNSTREAM","message_id":"m","fcm_data":{"to":"t","data":${data}}}`);
    const frame = decodeBackendFrame(body, 'json');
    return frame.message_type === 'DOWNSTREAM' ? frame.problem : undefined;
  };
  t.is(problem('{"n":9007199254740991,"m":-9007199254740991,"f":0.1,"z":0,"e":1e-7}'), undefined);
  for (const number of ['9007199254740992', '-9007199254740993', '12345678901234567890', '1e400']) {
    t.regex(problem(`{"list":[1,${number}]}`) ?? '', /^fcm_data\.data\.list\.1 is a number that would be altered/);
  }
});
