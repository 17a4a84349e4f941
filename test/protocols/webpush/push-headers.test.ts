import test from 'ava';
import {
  HEADER_VALUE_MAX,
  isHeaderValue,
  PUSH_TTL_MAX,
  type PushHeaders,
  readPushHeaders,
  writePushHeaders,
} from '../../../src/protocols/webpush/index.ts';

const least: PushHeaders = { urgency: 'normal', ttl: 0 };
const full: PushHeaders = {
  encoding: 'aesgcm',
  type: 'application/octet-stream',
  urgency: 'very-low',
  ttl: PUSH_TTL_MAX,
  topic: 'aA0_-',
  legacy: { encryption: 'salt=AAAA', crypto_key: 'dh=BBBB;p256ecdsa=CCCC' },
};

test('headers travel as JSON text', (t) => {
  t.is(writePushHeaders({ ...least, topic: 't' }), '{"urgency":"normal","ttl":0,"topic":"t"}');
  for (const headers of [least, full]) t.deepEqual(readPushHeaders(writePushHeaders(headers)), headers);
});

test('a text of another kind is not read', (t) => {
  const wrong = [
    '',
    '{',
    'null',
    '[]',
    '{}',
    ...[
      { ttl: -1 },
      { ttl: 1.5 },
      { ttl: PUSH_TTL_MAX + 1 },
      { ttl: '5' },
      { urgency: 'urgent' },
      { topic: '' },
      { topic: 'a'.repeat(33) },
      { topic: 'a.b' },
      { encoding: 'a\r\nb' },
      { type: '' },
      { legacy: { encryption: 'ü' } },
      { legacy: 5 },
      { more: 1 },
    ].map((change) => JSON.stringify({ ...least, ...change })),
  ];
  for (const text of wrong) t.is(readPushHeaders(text), undefined, text);
});

test('a header value is visible ASCII with spaces only between', (t) => {
  const longest = 'a'.repeat(HEADER_VALUE_MAX);
  for (const value of ['a', 'a b', '~', longest]) t.true(isHeaderValue(value), value);
  for (const value of ['', ' a', 'a ', 'a\tb', 'a\n', '\n', 'a\r\nb', 'ü', 'a\u0000', 'a\u007f', `${longest}a`]) {
    t.false(isHeaderValue(value), JSON.stringify(value));
  }
});
