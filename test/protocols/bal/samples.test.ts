import test from 'ava';
import { decodeBackendFrame, decodeBridgeFrame, encodeBridgeFrame } from '../../../src/protocols/bal/index.ts';
import { json, throwsBal } from './helpers.ts';
import { type Json, qtDocument } from './qt-reference.ts';

/** The frames of the original notes, with their fields as JSON and as Qt applications send them. */
const logon = { message_type: 'LOGON', session_id: 'asdfasdfasdf', status: '', error_string: '', fcm_data: {} };
const downstream = {
  message_type: 'DOWNSTREAM',
  session_id: 'asdfasdfasdf',
  message_id: '12345',
  group_id: '',
  fcm_data: { data: { greeting: 'Hello World' }, to: 'bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1...' },
};
const receipt = {
  category: 'com.gmail.rajeshkhumanthem.seabus',
  data: {
    device_registration_id: 'feQxxxxxxxa',
    message_sent_timestamp: '1498801519251',
    message_status: 'MESSAGE_SENT_TO_DEVICE',
    original_message_id: '39',
  },
  from: 'gcm.googleapis.com',
  message_id: 'dr2:39',
  message_type: 'receipt',
  time_to_live: 0,
};
const nack = {
  message_type: 'nack',
  from: 'eQq',
  message_id: '800001',
  error: 'BAD_REGISTRATION',
  error_description: '',
};

for (const [encoding, write] of [
  ['json', json],
  ['qt', (value: Json) => qtDocument(value)],
] as const) {
  test(`${encoding}: what a GIMMM application sends`, (t) => {
    t.deepEqual(decodeBackendFrame(write(logon), encoding), { message_type: 'LOGON', session_id: 'asdfasdfasdf' });
    const { group_id: _, ...expected } = downstream;
    t.deepEqual(decodeBackendFrame(write(downstream), encoding) as unknown, expected);
    const { message_id, ...rest } = downstream;
    const inside = { ...rest, fcm_data: { ...rest.fcm_data, message_id } };
    t.like(decodeBackendFrame(write(inside), encoding), { message_id: '12345' });
    throwsBal(t, 'INVALID_FRAME', 'message_id is missing', () => decodeBackendFrame(write(rest), encoding));
  });

  test(`${encoding}: what a GIMMM application is sent`, (t) => {
    const head = { session_id: 'asdfasdfasdf', message_id: '39', sequence_id: 9 };
    const receiptFrame = encodeBridgeFrame(
      { message_type: 'DOWNSTREAM_RECEIPT', ...head, fcm_data: JSON.stringify(receipt) },
      encoding,
    );
    const expected = { message_type: 'DOWNSTREAM_RECEIPT', ...head, fcm_data: receipt };
    t.deepEqual(decodeBridgeFrame(receiptFrame.subarray(4), encoding) as unknown, expected);
    t.deepEqual(decodeBridgeFrame(write(expected), encoding) as unknown, expected);
    const rejected = {
      message_type: 'DOWNSTREAM_REJECT' as const,
      ...head,
      error: 'BAD_REGISTRATION',
      error_string: 'Some Error',
      taken: true,
    };
    const rejectFrame = encodeBridgeFrame({ ...rejected, fcm_data: JSON.stringify(nack) }, encoding).subarray(4);
    t.deepEqual(decodeBridgeFrame(rejectFrame, encoding), { ...rejected, fcm_data: nack });
  });
}
