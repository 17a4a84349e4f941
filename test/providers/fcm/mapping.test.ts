import { createHash } from 'node:crypto';
import test from 'ava';
import { readLegacy } from '../../../src/protocols/fcm/index.ts';
import { requestOf } from '../../../src/providers/fcm/mapping.ts';

const EXPIRES_AT = 1_700_000_100_500;
const LONG = 'k'.repeat(65);
const hash = (text: string) => createHash('sha256').update(text).digest('base64url');

/** The `message` that is made of a legacy object; `to` is added if there is no target. */
function mapped(fcm: object, ttl?: number): Record<string, unknown> {
  const whole = 'to' in fcm || 'condition' in fcm ? fcm : { to: 'T', ...fcm };
  const { message, ...rest } = requestOf(readLegacy(JSON.stringify(whole)), { ttl, expiresAt: EXPIRES_AT });
  const { token, ...fields } = message as Record<string, unknown>;
  return { ...(token !== 'T' && token !== undefined && { token }), ...fields, ...rest };
}

/** Messages that show something have no apns-priority of their own. */
const seen = { notification: { title: 't' } };
const title = { notification: { title: 't' } };
const silent = { apns: { headers: { 'apns-priority': '5' } } };

// [fcm.md §3.5] Row by row: what is said, and all that is made of it.
const rows: [string, object, object, number?][] = [
  ['to: a token', { to: 'abc:def' }, { token: 'abc:def', ...silent }],
  ['to: a topic', { to: '/topics/news-1.a_b~c%20' }, { topic: 'news-1.a_b~c%20', ...silent }],
  ['to: a notification key', { to: 'APA91bKey' }, { token: 'APA91bKey', ...silent }],
  [
    'condition',
    { condition: "'a' in topics && 'b' in topics" },
    { condition: "'a' in topics && 'b' in topics", ...silent },
  ],
  ['message_id has no place', { message_id: 'x' }, silent],
  [
    'collapse_key',
    { collapse_key: 'score', ...seen },
    {
      ...title,
      android: { collapse_key: 'score' },
      apns: { headers: { 'apns-collapse-id': 'score' } },
      webpush: { headers: { Topic: 'score' } },
    },
  ],
  [
    'collapse_key beyond 64 bytes',
    { collapse_key: LONG, ...seen },
    {
      ...title,
      android: { collapse_key: LONG },
      apns: { headers: { 'apns-collapse-id': hash(LONG) } },
      webpush: { headers: { Topic: hash(LONG).slice(0, 32) } },
    },
  ],
  [
    'collapse_key of 64 bytes is none for browsers',
    { collapse_key: LONG.slice(1), ...seen },
    {
      ...title,
      android: { collapse_key: LONG.slice(1) },
      apns: { headers: { 'apns-collapse-id': LONG.slice(1) } },
      webpush: { headers: { Topic: hash(LONG.slice(1)).slice(0, 32) } },
    },
  ],
  [
    'collapse_key with a character that no Topic has',
    { collapse_key: 'a b', ...seen },
    {
      ...title,
      android: { collapse_key: 'a b' },
      apns: { headers: { 'apns-collapse-id': 'a b' } },
      webpush: { headers: { Topic: hash('a b').slice(0, 32) } },
    },
  ],
  [
    'collapse_key of 32 characters',
    { collapse_key: 'A-_9'.repeat(8), ...seen },
    {
      ...title,
      android: { collapse_key: 'A-_9'.repeat(8) },
      apns: { headers: { 'apns-collapse-id': 'A-_9'.repeat(8) } },
      webpush: { headers: { Topic: 'A-_9'.repeat(8) } },
    },
  ],
  [
    'priority high',
    { priority: 'high', ...seen },
    {
      ...title,
      android: { priority: 'HIGH' },
      apns: { headers: { 'apns-priority': '10' } },
      webpush: { headers: { Urgency: 'high' } },
    },
  ],
  [
    'priority normal',
    { priority: 'normal', ...seen },
    {
      ...title,
      android: { priority: 'NORMAL' },
      apns: { headers: { 'apns-priority': '5' } },
      webpush: { headers: { Urgency: 'normal' } },
    },
  ],
  [
    'priority high of data alone: never 10 for Apple',
    { priority: 'high', data: { a: 'b' } },
    {
      data: { a: 'b' },
      android: { priority: 'HIGH' },
      apns: { headers: { 'apns-priority': '5' } },
      webpush: { headers: { Urgency: 'high' } },
    },
  ],
  [
    'time_to_live',
    seen,
    {
      ...title,
      android: { ttl: '100s' },
      apns: { headers: { 'apns-expiration': '1700000101' } },
      webpush: { headers: { TTL: '100' } },
    },
    100,
  ],
  [
    'time_to_live 0',
    seen,
    {
      ...title,
      android: { ttl: '0s' },
      apns: { headers: { 'apns-expiration': '0' } },
      webpush: { headers: { TTL: '0' } },
    },
    0,
  ],
  [
    'content_available without an alert',
    { content_available: true },
    {
      apns: {
        headers: { 'apns-priority': '5', 'apns-push-type': 'background' },
        payload: { aps: { 'content-available': 1 } },
      },
    },
  ],
  [
    'content_available with an alert',
    { content_available: true, ...seen },
    { ...title, apns: { payload: { aps: { 'content-available': 1 } } } },
  ],
  [
    'mutable_content',
    { mutable_content: true, ...seen },
    { ...title, apns: { payload: { aps: { 'mutable-content': 1 } } } },
  ],
  ['false is absent', { content_available: false, mutable_content: false, dry_run: false, ...seen }, title],
  ['dry_run', { dry_run: true, ...seen }, { ...title, validate_only: true }],
  [
    'restricted_package_name',
    { restricted_package_name: 'com.example', ...seen },
    { ...title, android: { restricted_package_name: 'com.example' } },
  ],
  ['delay_while_idle is dropped', { delay_while_idle: true, ...seen }, title],
  ['delivery_receipt_requested is dropped', { delivery_receipt_requested: true, ...seen }, title],
  [
    'data: every value a text',
    { data: { s: 'x', n: 1.5, t: true, z: null, o: { a: [1] }, l: ['a'] } },
    { data: { s: 'x', n: '1.5', t: 'true', z: 'null', o: '{"a":[1]}', l: '["a"]' }, ...silent },
  ],
  [
    'title, body and image',
    { notification: { title: 't', body: 'b', image: 'https://example.com/i.png' } },
    { notification: { title: 't', body: 'b', image: 'https://example.com/i.png' } },
  ],
  [
    'icon, color, tag',
    { notification: { icon: 'ic', color: '#ff0000', tag: 'g' } },
    { android: { notification: { icon: 'ic', color: '#ff0000', tag: 'g' } } },
  ],
  [
    'icon: a link is for browsers too',
    { notification: { icon: 'https://example.com/i.png' } },
    {
      android: { notification: { icon: 'https://example.com/i.png' } },
      webpush: { notification: { icon: 'https://example.com/i.png' } },
    },
  ],
  [
    'sound',
    { notification: { sound: 'default' } },
    { android: { notification: { sound: 'default' } }, apns: { payload: { aps: { sound: 'default' } } } },
  ],
  [
    'click_action: an action',
    { notification: { click_action: 'OPEN' } },
    { android: { notification: { click_action: 'OPEN' } }, apns: { payload: { aps: { category: 'OPEN' } } } },
  ],
  [
    'click_action: an https link',
    { notification: { click_action: 'https://example.com/x' } },
    {
      android: { notification: { click_action: 'https://example.com/x' } },
      apns: { payload: { aps: { category: 'https://example.com/x' } } },
      webpush: { fcm_options: { link: 'https://example.com/x' } },
    },
  ],
  [
    'click_action: FCM refuses links without TLS',
    { notification: { click_action: 'http://example.com/x' } },
    {
      android: { notification: { click_action: 'http://example.com/x' } },
      apns: { payload: { aps: { category: 'http://example.com/x' } } },
    },
  ],
  [
    'android_channel_id',
    { notification: { android_channel_id: 'news' } },
    { android: { notification: { channel_id: 'news' } } },
  ],
  [
    'body_loc_key and args; the alert replaces the text and has it as well',
    { notification: { title: 't', body: 'b', body_loc_key: 'K', body_loc_args: ['x', 'y'] } },
    {
      notification: { title: 't', body: 'b' },
      android: { notification: { body_loc_key: 'K', body_loc_args: ['x', 'y'] } },
      apns: { payload: { aps: { alert: { title: 't', body: 'b', 'loc-key': 'K', 'loc-args': ['x', 'y'] } } } },
    },
  ],
  [
    'title_loc_key and args as JSON text',
    { notification: { title_loc_key: 'K', title_loc_args: '["x",2]' } },
    {
      android: { notification: { title_loc_key: 'K', title_loc_args: ['x', '2'] } },
      apns: { payload: { aps: { alert: { 'title-loc-key': 'K', 'title-loc-args': ['x', '2'] } } } },
    },
  ],
  ['badge as text', { notification: { badge: '7' } }, { apns: { payload: { aps: { badge: 7 } } } }],
  ['badge 0', { notification: { badge: 0 } }, { apns: { payload: { aps: { badge: 0 } } } }],
  [
    'subtitle',
    { notification: { title: 't', body: 'b', subtitle: 's' } },
    {
      notification: { title: 't', body: 'b' },
      apns: { payload: { aps: { alert: { title: 't', body: 'b', subtitle: 's' } } } },
    },
  ],
  [
    'fcm_options',
    { fcm_options: { analytics_label: 'x' }, ...seen },
    { ...title, fcm_options: { analytics_label: 'x' } },
  ],
];

for (const [name, fcm, expected, ttl] of rows) {
  test(`mapping: ${name}`, (t) => {
    t.deepEqual(mapped(fcm, ttl), expected as Record<string, unknown>);
  });
}

test('a plain message is its target, its data and the one header that Apple needs', (t) => {
  const body = requestOf(readLegacy('{"to":"T","data":{"a":"b"}}'), { ttl: undefined, expiresAt: EXPIRES_AT });
  t.is(JSON.stringify(body), '{"message":{"token":"T","data":{"a":"b"},"apns":{"headers":{"apns-priority":"5"}}}}');
});

test('blocks in the form of v1 go over what is mapped, key by key', (t) => {
  const made = mapped(
    {
      collapse_key: 'k',
      priority: 'high',
      notification: { title: 't', sound: 'ding', badge: 3 },
      android: { priority: 'NORMAL', direct_boot_ok: true, notification: { sound: 'dong', ticker: 'x' } },
      apns: { headers: { 'apns-priority': '1' }, payload: { aps: { badge: 4, alert: 'mine' }, custom: [1] } },
      webpush: { headers: { Urgency: 'low' }, data: { w: '1' } },
    },
    60,
  );
  t.deepEqual(made, {
    notification: { title: 't' },
    android: {
      collapse_key: 'k',
      priority: 'NORMAL',
      ttl: '60s',
      direct_boot_ok: true,
      notification: { sound: 'dong', ticker: 'x' },
    },
    apns: {
      headers: { 'apns-collapse-id': 'k', 'apns-priority': '1', 'apns-expiration': '1700000101' },
      payload: { aps: { badge: 4, sound: 'ding', alert: 'mine' }, custom: [1] },
    },
    webpush: { headers: { TTL: '60', Urgency: 'low', Topic: 'k' }, data: { w: '1' } },
  });
});

test('keys that mean something to JavaScript are keys like any other', (t) => {
  const body = requestOf(readLegacy('{"to":"T","data":{"__proto__":"x"},"android":{"__proto__":{"a":1}}}'), {
    ttl: undefined,
    expiresAt: EXPIRES_AT,
  });
  t.is(
    JSON.stringify(body),
    '{"message":{"token":"T","data":{"__proto__":"x"},"android":{"__proto__":{"a":1}},"apns":{"headers":{"apns-priority":"5"}}}}',
  );
});
