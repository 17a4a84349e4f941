import test from 'ava';
import {
  LONGEST_RECEIPT,
  RECEIPT_MAX,
  RECEIPT_PATTERN,
  readLegacy,
  readReceipt,
  receiptOf,
  withReceipt,
} from '../../../src/protocols/fcm/index.ts';

test('the name of the provider, a slash and the wire id, there and back', (t) => {
  t.is(receiptOf('fcm', 'ab12cd-1z'), 'fcm/ab12cd-1z');
  t.deepEqual(readReceipt('fcm/ab12cd-1z'), { provider: 'fcm', wireId: 'ab12cd-1z' });
  t.deepEqual(readReceipt('a/b/c'), { provider: 'a', wireId: 'b/c' });
});

test('the longest one', (t) => {
  const longest = receiptOf('p'.repeat(63), 'w'.repeat(64));
  t.regex(longest, RECEIPT_PATTERN);
  t.is(longest.length, RECEIPT_MAX);
  t.is(LONGEST_RECEIPT.length, RECEIPT_MAX);
});

test('it stands in the data of the message, and nothing else changes', (t) => {
  const message = readLegacy('{"to":"T","data":{"a":"b","pushbridge_receipt":"mine"},"priority":"high"}');
  t.deepEqual(withReceipt(message, 'fcm/1'), { ...message, data: { a: 'b', pushbridge_receipt: 'fcm/1' } });
  const bare = readLegacy('{"to":"T"}');
  t.deepEqual(withReceipt(bare, 'fcm/1'), { ...bare, data: { pushbridge_receipt: 'fcm/1' } });
});

test('and in data that a platform has of its own, which the others of the message do not reach', (t) => {
  const json = '{"to":"T","data":{"a":"b"},"android":{"data":{"c":"d"},"ttl":"3s"},"webpush":{"data":{}}}';
  t.like(withReceipt(readLegacy(json), 'fcm/1'), {
    android: { data: { c: 'd', pushbridge_receipt: 'fcm/1' }, ttl: '3s' },
    webpush: { data: { pushbridge_receipt: 'fcm/1' } },
  });
  for (const data of [null, 'x', ['x'], undefined]) {
    const message = readLegacy(JSON.stringify({ to: 'T', android: { data }, webpush: { headers: {} } }));
    t.like(withReceipt(message, 'fcm/1'), { android: message.android, webpush: message.webpush });
  }
});
