import test from 'ava';
import { payloadBytes, readPayload } from '../../../src/providers/fcm/inspect.ts';

const rules = { max_payload_bytes: 4_096, delivery_receipts: 'ignore' } as const;

function refusal(fcm: object, more: Partial<Parameters<typeof readPayload>[1]> = {}) {
  const reading = readPayload({ kind: 'fcm', json: JSON.stringify(fcm) }, { ...rules, ...more });
  return 'refusal' in reading ? reading.refusal : undefined;
}

const data = (bytes: number, letter = 'x') => ({ key: letter.repeat((bytes - 3) / Buffer.byteLength(letter)) });

test('4,096 bytes of data are taken, one more is not', (t) => {
  t.is(refusal({ to: 'T', data: data(4_096) }), undefined);
  t.deepEqual(refusal({ to: 'T', data: data(4_097) }), {
    code: 'PAYLOAD_TOO_LARGE',
    because: 'data has 4097 bytes of keys, values and texts, 4096 are allowed',
  });
});

test('2,048 bytes to topics and conditions', (t) => {
  for (const target of [{ to: '/topics/a' }, { condition: "'a' in topics" }]) {
    t.is(refusal({ ...target, data: data(2_048) }), undefined);
    t.is(refusal({ ...target, data: data(2_049) })?.code, 'PAYLOAD_TOO_LARGE');
  }
});

test('bytes of UTF-8 count, not characters', (t) => {
  t.is(refusal({ to: 'T', data: data(4_095, 'ü') }), undefined);
  t.is(refusal({ to: 'T', data: data(4_097, 'ü') })?.code, 'PAYLOAD_TOO_LARGE');
});

test('the texts of a notification count; what names a sound or an icon does not, nor blocks of v1', (t) => {
  const notification = { title: 'tt', body: 'bbb', subtitle: 's', body_loc_args: ['12'], title_loc_args: ['3', '4'] };
  const fcm = {
    to: 'T',
    data: { ab: 'cd' },
    notification: { ...notification, sound: 'ding', icon: 'i' },
    android: { a: 'x' },
  };
  const reading = readPayload({ kind: 'fcm', json: JSON.stringify(fcm) }, rules);
  t.is('message' in reading ? payloadBytes(reading.message) : 0, 4 + 2 + 3 + 1 + 2 + 1 + 1);
  t.is(refusal({ to: 'T', notification: { body: 'x'.repeat(4_096) } }), undefined);
  t.deepEqual(refusal({ to: 'T', notification: { body: 'x'.repeat(4_097) } }), {
    code: 'PAYLOAD_TOO_LARGE',
    because: 'data and notification have 4097 bytes of keys, values and texts, 4096 are allowed',
  });
});

test('values that are no texts count as their JSON', (t) => {
  t.is(refusal({ to: 'T', data: { key: [data(4_100).key] } })?.code, 'PAYLOAD_TOO_LARGE');
});

test('the limit is an option', (t) => {
  t.is(refusal({ to: 'T', data: data(10) }, { max_payload_bytes: 10 }), undefined);
  t.is(refusal({ to: 'T', data: data(11) }, { max_payload_bytes: 10 })?.code, 'PAYLOAD_TOO_LARGE');
});

test('a wrong field is named', (t) => {
  t.deepEqual(refusal({ to: 'T', data: { 'google.x': '1' } }), {
    code: 'INVALID_MESSAGE',
    because: 'data.google.x: is a key that FCM keeps for itself',
  });
  t.deepEqual(refusal({ to: 'T', notification: { title: 5 } }), {
    code: 'INVALID_MESSAGE',
    because: 'notification.title: must be a text',
  });
});

test('bytes for a browser are not for FCM', (t) => {
  t.deepEqual(readPayload({ kind: 'opaque', body: Buffer.from('x'), headers: '' }, rules), {
    refusal: { code: 'INVALID_MESSAGE', because: 'this provider takes FCM messages only' },
  });
});

test('receipts: refused, ignored, or left to the app, which takes room', (t) => {
  const fcm = { to: 'T', delivery_receipt_requested: true, data: data(4_096) };
  t.deepEqual(refusal(fcm, { delivery_receipts: 'refuse' }), {
    code: 'INVALID_MESSAGE',
    because: 'delivery_receipt_requested: FCM HTTP v1 has no receipts, and this provider refuses to ignore it',
  });
  t.is(refusal({ ...fcm, delivery_receipt_requested: false }, { delivery_receipts: 'refuse' }), undefined);
  t.is(refusal(fcm), undefined);
  t.is(refusal(fcm, { delivery_receipts: 'app' })?.code, 'PAYLOAD_TOO_LARGE');
  t.is(refusal({ ...fcm, data: data(3_950) }, { delivery_receipts: 'app' }), undefined);
});
