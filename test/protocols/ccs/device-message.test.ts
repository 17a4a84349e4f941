import test from 'ava';
import { deviceReceiptJson, upstreamJson } from '../../../src/protocols/ccs/index.ts';

test('[fcm.md §1.8] an upstream message has the fields that CCS gave, and its life only if the app named one', (t) => {
  const message = { from: 'token', category: 'com.example.app', messageId: 'u"1', data: { k: 'v' } };
  const expected = { from: 'token', category: 'com.example.app', message_id: 'u"1', data: { k: 'v' } };
  t.deepEqual(JSON.parse(upstreamJson(message)), expected);
  t.deepEqual(JSON.parse(upstreamJson({ ...message, timeToLive: 0 })), { ...expected, time_to_live: 0 });
});

test('[fcm.md §1.8] a receipt has the fields that were recorded, times as text', (t) => {
  const receipt = {
    device: 'token',
    category: 'com.example.app',
    messageId: 'm1',
    status: 'SEEN',
    sentAt: 1_700_000_000_000,
  };
  t.deepEqual(JSON.parse(deviceReceiptJson(receipt)), {
    message_type: 'receipt',
    from: 'gcm.googleapis.com',
    message_id: 'dr2:m1',
    category: 'com.example.app',
    time_to_live: 0,
    data: {
      message_status: 'SEEN',
      original_message_id: 'm1',
      device_registration_id: 'token',
      message_sent_timestamp: '1700000000000',
    },
  });
});
