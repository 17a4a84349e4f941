import test from 'ava';
import { PUSH_TTL_MAX, readPrefer, readPushRequest } from '../../../src/protocols/webpush/index.ts';

/** Header lines as a request would have them. */
const lines =
  (headers: Readonly<Record<string, string | readonly string[]>> = {}) =>
  (name: string): readonly string[] => {
    const found = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? [];
    return typeof found === 'string' ? [found] : found;
  };

const rules = { max: PUSH_TTL_MAX, missing: 86_400 };
const read = (headers: Readonly<Record<string, string | readonly string[]>>) => readPushRequest(lines(headers), rules);

test('without headers a push is normal and lives as long as the server says', (t) => {
  t.deepEqual(read({}), { headers: { urgency: 'normal', ttl: 86_400 }, receipt: false });
});

test('every header is read and handed on', (t) => {
  t.deepEqual(
    read({
      TTL: '60',
      Urgency: 'high',
      Topic: 'upd',
      Prefer: 'respond-async',
      'Content-Encoding': 'aesgcm',
      'Content-Type': 'application/octet-stream',
      Encryption: 'salt=AAAA',
      'Crypto-Key': 'dh=BBBB;p256ecdsa=CCCC',
    }),
    {
      headers: {
        encoding: 'aesgcm',
        type: 'application/octet-stream',
        urgency: 'high',
        ttl: 60,
        topic: 'upd',
        legacy: { encryption: 'salt=AAAA', crypto_key: 'dh=BBBB;p256ecdsa=CCCC' },
      },
      receipt: true,
    },
  );
  t.like(read({ 'Crypto-Key': 'dh=B' }), { headers: { legacy: { crypto_key: 'dh=B' } } });
});

test('TTL: whole seconds, as many as the server keeps', (t) => {
  for (const [value, max, ttl] of [
    ['0', PUSH_TTL_MAX, 0],
    ['1', PUSH_TTL_MAX, 1],
    ['007', PUSH_TTL_MAX, 7],
    ['2419200', PUSH_TTL_MAX, PUSH_TTL_MAX],
    ['2419201', PUSH_TTL_MAX, PUSH_TTL_MAX],
    ['2147483648', PUSH_TTL_MAX, PUSH_TTL_MAX],
    ['9'.repeat(400), PUSH_TTL_MAX, PUSH_TTL_MAX],
    ['61', 60, 60],
    ['2419200', PUSH_TTL_MAX + 1, PUSH_TTL_MAX],
  ] as const) {
    t.like(readPushRequest(lines({ TTL: value }), { max }), { headers: { ttl } }, value);
  }
  t.like(readPushRequest(lines(), { max: 60, missing: 86_400 }), { headers: { ttl: 60 } });
  for (const value of ['', '-1', '+1', '1.5', '1e3', '0x10', 'soon', '1, 2', '1 ']) {
    t.deepEqual(read({ TTL: value }), { problem: 'TTL: must be a whole number of seconds, 0 or more' }, value);
  }
});

test('TTL: a server that is strict does without it', (t) => {
  t.deepEqual(readPushRequest(lines(), { max: 60 }), { problem: 'TTL: is required' });
  t.like(readPushRequest(lines({ TTL: '0' }), { max: 60 }), { headers: { ttl: 0 } });
});

test('Urgency: one of four, in any case of letters', (t) => {
  for (const [value, urgency] of [
    ['very-low', 'very-low'],
    ['low', 'low'],
    ['normal', 'normal'],
    ['high', 'high'],
    ['High', 'high'],
  ]) {
    t.like(read({ Urgency: value ?? '' }), { headers: { urgency } });
  }
  for (const value of ['', 'urgent', 'high,low', 'high ', 'very_low']) {
    t.deepEqual(read({ Urgency: value }), { problem: 'Urgency: must be one of very-low, low, normal, high' }, value);
  }
});

test('Topic: 1 to 32 characters of base64url', (t) => {
  for (const topic of ['a', 'aZ09-_', 'a'.repeat(32)]) t.like(read({ Topic: topic }), { headers: { topic } });
  for (const topic of ['', 'a'.repeat(33), 'a=', 'a.b', 'a b', 'a/b', 'ä', 'a\n']) {
    t.deepEqual(read({ Topic: topic }), { problem: 'Topic: must be 1 to 32 characters of base64url' }, topic);
  }
});

test('what is sent twice is refused, except for Prefer', (t) => {
  for (const name of ['TTL', 'Urgency', 'Topic', 'Content-Encoding', 'Content-Type', 'Encryption', 'Crypto-Key']) {
    const value = name === 'Urgency' ? 'low' : '1';
    t.deepEqual(read({ [name]: [value, value] }), { problem: `${name}: must not be sent twice` });
  }
  t.like(read({ Prefer: ['wait=5', 'respond-async'] }), { receipt: true });
});

test('what is handed on is visible ASCII of a bounded length', (t) => {
  for (const name of ['Content-Encoding', 'Content-Type', 'Encryption', 'Crypto-Key']) {
    t.false('problem' in read({ [name]: 'a'.repeat(1_024) }));
    for (const value of ['', 'a'.repeat(1_025), 'a\r\nb', 'ü', '\u0000']) {
      t.deepEqual(
        read({ [name]: value }),
        { problem: `${name}: must be visible ASCII, at most 1024 characters` },
        `${name}: ${JSON.stringify(value)}`,
      );
    }
  }
});

test('Prefer: preferences, their values and their parameters', (t) => {
  for (const [value, expected] of [
    [[], { respondAsync: false }],
    [['respond-async'], { respondAsync: true }],
    [['Respond-Async'], { respondAsync: true }],
    [['respond-async; x=y, wait=10'], { respondAsync: true, wait: 10 }],
    [['wait=10', 'respond-async'], { respondAsync: true, wait: 10 }],
    [['wait="7"'], { respondAsync: false, wait: 7 }],
    [['wait = 7'], { respondAsync: false, wait: 7 }],
    [['wait=1, wait=2'], { respondAsync: false, wait: 1 }],
    [['wait=soon'], { respondAsync: false }],
    [['wait=-1'], { respondAsync: false }],
    [['wait=1234567890'], { respondAsync: false }],
    [['return=minimal, , ;'], { respondAsync: false }],
    [['not-respond-async'], { respondAsync: false }],
  ] as const) {
    t.deepEqual(readPrefer(value), expected, value.join(' | '));
  }
});
