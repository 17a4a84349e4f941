import test from 'ava';
import { readMessage } from '../../../src/providers/webpush/message.ts';
import { keysOf, receiver } from './stage.ts';

const rules = { max_payload_bytes: 3_993, allow_unencrypted: false };
const keys = keysOf(receiver());
const good = { to: 'https://push.example/abc', keys, data: { a: 1 } };

const read = (fields: unknown, changes = {}) =>
  readMessage(
    { kind: 'fcm', json: typeof fields === 'string' ? fields : JSON.stringify(fields) },
    { ...rules, ...changes },
  );

let deep: unknown = 1;
for (let n = 0; n < 40; n++) deep = { deep };

const refused: readonly (readonly [fields: unknown, because: string | RegExp])[] = [
  ['no json', 'fcm_data: is no JSON'],
  [[], 'fcm_data: must be a JSON object'],
  ['null', 'fcm_data: must be a JSON object'],
  [{ ...good, data: deep }, 'fcm_data: more than 32 levels deep'],
  [{ ...good, to: undefined }, /^to: missing/],
  [{ ...good, to: 7 }, 'to: must be a text'],
  [{ ...good, to: undefined, condition: "'a' in topics" }, 'condition: Web Push has nothing like it'],
  [{ ...good, notification: { title: 'a' } }, 'notification: Web Push has nothing like it'],
  [{ ...good, dry_run: true }, 'dry_run: Web Push has nothing like it'],
  [{ ...good, delivery_receipt_requested: true }, 'delivery_receipt_requested: Web Push has nothing like it'],
  [{ ...good, data: undefined }, /^data: must be an object/],
  [{ ...good, data: 'text' }, /^data: must be an object/],
  [{ ...good, data: ['a'] }, /^data: must be an object/],
  [{ ...good, content: 'AAAA' }, 'content: not beside data'],
  [{ ...good, data: undefined, content: 'a b' }, 'content: must be base64'],
  [{ ...good, data: undefined, content: 'AA\n' }, 'content: must be base64'],
  [{ ...good, data: undefined, content: 'Ä' }, 'content: must be base64'],
  [{ ...good, data: undefined, content: 5 }, 'content: must be a text'],
  [{ ...good, data: undefined, content: '' }, 'content: must not be empty'],
  [{ ...good, keys: undefined }, /^keys: missing/],
  [{ ...good, keys: 'abc' }, 'keys: must be an object with p256dh and auth'],
  [{ ...good, keys: [] }, 'keys: must be an object with p256dh and auth'],
  [{ ...good, keys: {} }, 'keys.p256dh: must be base64url'],
  [{ ...good, keys: { ...keys, p256dh: 'a b' } }, 'keys.p256dh: must be base64url'],
  [{ ...good, keys: { ...keys, p256dh: keys.p256dh.slice(4) } }, /^keys\.p256dh: must be 65 bytes/],
  [{ ...good, keys: { ...keys, p256dh: `${keys.p256dh}AAAA` } }, /^keys\.p256dh: must be 65 bytes/],
  [{ ...good, keys: { ...keys, p256dh: `A${keys.p256dh.slice(1)}` } }, /^keys\.p256dh: must be 65 bytes/],
  [{ ...good, keys: { p256dh: keys.p256dh } }, 'keys.auth: must be base64url'],
  [{ ...good, keys: { ...keys, auth: 'AAAA' } }, 'keys.auth: must be 16 bytes'],
  [{ ...good, keys: { ...keys, auth: 'A'.repeat(23) } }, 'keys.auth: must be 16 bytes'],
  [{ ...good, content_encoding: 'aesgcm' }, 'content_encoding: must be aes128gcm'],
  [{ ...good, content_encoding: 'aes128gcm' }, /^content_encoding: not beside keys/],
  [{ ...good, keys: undefined, content_encoding: 'aes128gcm' }, 'content_encoding: only beside content'],
  [{ ...good, collapse_key: 1 }, 'collapse_key: must be a text'],
  [{ ...good, priority: 'urgent' }, 'priority: must be normal or high'],
  [{ ...good, priority: 10 }, 'priority: must be a text'],
];
for (const [n, [fields, because]] of refused.entries()) {
  test(`refused (${n}): ${because}`, (t) => {
    const reading = read(fields);
    if (!('refusal' in reading)) return t.fail('it was taken');
    t.is(reading.refusal.code, 'INVALID_MESSAGE');
    if (typeof because === 'string') t.is(reading.refusal.because, because);
    else t.regex(reading.refusal.because, because);
  });
}

test('opaque pushes are for other providers', (t) => {
  const reading = readMessage({ kind: 'opaque', body: new Uint8Array(8), headers: '{}' }, rules);
  t.like(reading, { refusal: { code: 'INVALID_MESSAGE' } });
});

test('null means absent, unknown fields are ignored, and base64 may be of either alphabet', (t) => {
  const reading = read({ ...good, data: null, content: '-_+/', priority: null, condition: null, android: {}, any: 1 });
  t.like(reading, { message: { endpoint: good.to, keys } });
  t.deepEqual('message' in reading && reading.message.body, Buffer.from([0xfb, 0xff, 0xbf].slice(0, 3)));
});

test('the keys may be padded, and are handed on as they should be', (t) => {
  const reading = read({ ...good, keys: { p256dh: `${keys.p256dh}=`, auth: `${keys.auth}==` } });
  t.like(reading, { message: { keys } });
});

test('a payload at the limit is taken, and one byte more is not', (t) => {
  const data = { a: 'ä'.repeat(46) }; // {"a":"…"}: 8 bytes and 92
  t.true('message' in read({ ...good, data }, { max_payload_bytes: 100 }));
  t.deepEqual(read({ ...good, data }, { max_payload_bytes: 99 }), {
    refusal: { code: 'PAYLOAD_TOO_LARGE', because: 'the payload has 100 bytes, 99 are allowed' },
  });
});
