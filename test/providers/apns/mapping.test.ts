import test from 'ava';
import { LegacyProblem, readLegacy } from '../../../src/protocols/fcm/index.ts';
import { apnsId, notificationOf } from '../../../src/providers/apns/mapping.ts';

const TOPIC = 'com.example.app';

const map = (fields: object, topic: string | undefined = TOPIC) =>
  notificationOf(readLegacy(JSON.stringify({ to: 'abcd', ...fields })), topic);
const mapped = (fields: object, topic?: string) => {
  const { body, ...rest } = map(fields, topic);
  return { ...rest, body: JSON.parse(body) as unknown };
};
const alert = { notification: { title: 'T' } };
const alertBody = { aps: { alert: { title: 'T' } } };

type Headers = Readonly<Record<string, string>>;
const plain: Headers = { 'apns-topic': TOPIC, 'apns-push-type': 'alert' };
const background: Headers = { 'apns-topic': TOPIC, 'apns-push-type': 'background', 'apns-priority': '5' };

/** What is said, which headers it becomes, and which payload. */
const rows: readonly (readonly [name: string, fields: object, headers: Headers, body: object])[] = [
  ['a notification', alert, plain, alertBody],
  ['high priority', { ...alert, priority: 'high' }, { ...plain, 'apns-priority': '10' }, alertBody],
  ['normal priority', { ...alert, priority: 'normal' }, { ...plain, 'apns-priority': '5' }, alertBody],
  ['a collapse key', { ...alert, collapse_key: 'news' }, { ...plain, 'apns-collapse-id': 'news' }, alertBody],
  ['an empty collapse key', { ...alert, collapse_key: '' }, plain, alertBody],
  [
    'data beside a notification',
    { ...alert, data: { a: 1, b: { c: [] } } },
    plain,
    { a: '1', b: '{"c":[]}', ...alertBody },
  ],
  ['a sound is an alert', { notification: { sound: 'x' } }, plain, { aps: { sound: 'x' } }],
  ['a badge is an alert', { notification: { badge: 0 } }, plain, { aps: { badge: 0 } }],
  [
    'a notification that also wakes the app',
    { ...alert, content_available: true },
    plain,
    { aps: { alert: { title: 'T' }, 'content-available': 1 } },
  ],
  ['only waking the app', { content_available: true }, background, { aps: { 'content-available': 1 } }],
  [
    'only waking the app, in a hurry',
    { content_available: true, priority: 'high' },
    background,
    { aps: { 'content-available': 1 } },
  ],
  ['data alone', { data: { a: 'b' } }, background, { a: 'b', aps: { 'content-available': 1 } }],
  [
    'a notification for Android alone',
    { notification: { icon: 'i' } },
    background,
    { aps: { 'content-available': 1 } },
  ],
  [
    'other platforms and other things of FCM',
    {
      ...alert,
      android: { ttl: '3s' },
      webpush: {},
      fcm_options: {},
      restricted_package_name: 'x',
      apns: { fcm_options: {} },
    },
    plain,
    alertBody,
  ],
  [
    'a payload of its own goes over what is mapped, key by key',
    {
      ...alert,
      data: { a: '1', b: '2' },
      apns: { payload: { b: { c: 3 }, aps: { alert: { body: 'B' }, 'thread-id': 't' } } },
    },
    plain,
    { a: '1', b: { c: 3 }, aps: { alert: { title: 'T', body: 'B' }, 'thread-id': 't' } },
  ],
  [
    'a payload of its own alone',
    { apns: { payload: { aps: { alert: 'Hello' }, x: [1] } }, priority: 'high' },
    { ...plain, 'apns-priority': '10' },
    { aps: { alert: 'Hello' }, x: [1] },
  ],
  [
    'an alert that is none',
    { apns: { payload: { aps: { alert: null } } } },
    background,
    { aps: { alert: null, 'content-available': 1 } },
  ],
  [
    'every header',
    {
      ...alert,
      collapse_key: 'other',
      priority: 'high',
      apns: {
        headers: {
          'apns-topic': 'com.example.other',
          'apns-push-type': 'alert',
          'apns-priority': 1,
          'apns-expiration': '1700000000',
          'apns-collapse-id': 'mine',
          'apns-id': '0f8fad5b-d9cb-469f-a165-70867728950e',
        },
      },
    },
    {
      'apns-topic': 'com.example.other',
      'apns-push-type': 'alert',
      'apns-priority': '1',
      'apns-expiration': '1700000000',
      'apns-collapse-id': 'mine',
      'apns-id': '0f8fad5b-d9cb-469f-a165-70867728950e',
    },
    alertBody,
  ],
  [
    'a voip push says nothing about aps',
    { data: { call: '1' }, apns: { headers: { 'apns-push-type': 'voip' } } },
    { 'apns-topic': `${TOPIC}.voip`, 'apns-push-type': 'voip' },
    { call: '1' },
  ],
];

for (const [name, fields, headers, body] of rows) {
  test(`mapping: ${name}`, (t) => {
    const { path, ...rest } = mapped(fields);
    t.is(path, '/3/device/abcd');
    t.deepEqual(rest, { pushType: rest.pushType, headers, body });
    t.is(rest.pushType, headers['apns-push-type'] as typeof rest.pushType);
  });
}

/** [fcm.md §4] */
const suffixes: Headers = {
  alert: '',
  background: '',
  location: '.location-query',
  voip: '.voip',
  complication: '.complication',
  fileprovider: '.pushkit.fileprovider',
  mdm: '',
  liveactivity: '.push-type.liveactivity',
  pushtotalk: '.voip-ptt',
};

for (const [type, suffix] of Object.entries(suffixes)) {
  test(`topic of push type ${type}`, (t) => {
    const headers = { 'apns-push-type': type };
    t.is(mapped({ apns: { headers } }).headers['apns-topic'], TOPIC + suffix);
    t.is(mapped({ apns: { headers } }, TOPIC + suffix).headers['apns-topic'], TOPIC + suffix);
    const given = { ...headers, 'apns-topic': 'com.example.given' };
    t.is(mapped({ apns: { headers: given } }).headers['apns-topic'], 'com.example.given');
  });
}

test('a certificate without a topic says enough, but for what needs a suffix', (t) => {
  const withoutTopic = (fields: object) =>
    notificationOf(readLegacy(JSON.stringify({ to: 'a', ...fields })), undefined);
  t.false('apns-topic' in withoutTopic(alert).headers);
  t.throws(() => withoutTopic({ apns: { headers: { 'apns-push-type': 'voip' } } }), {
    instanceOf: LegacyProblem,
    message: 'apns.headers.apns-topic: is needed with push type voip: the provider has no topic',
  });
});

const refusals: readonly (readonly [fields: object, message: RegExp])[] = [
  [{ to: '/topics/news' }, /^to: APNs has no topics/],
  [{ to: undefined, condition: "'a' in topics" }, /^condition: APNs has no topics/],
  [{ to: 'x'.repeat(1_025) }, /^to: longer than 1024 characters/],
  [{ to: 'a\ud800' }, /^to: is no well-formed text/],
  [{ to: '..' }, /^to: is no token of a device/],
  [{ dry_run: true }, /^dry_run: APNs can not/],
  [{ data: { aps: 'x' } }, /^data\.aps: is a key that APNs keeps/],
  [{ apns: { headers: [] } }, /^apns\.headers: must be an object/],
  [{ apns: { payload: 'x' } }, /^apns\.payload: must be an object/],
  [{ apns: { payload: { aps: 'x' } } }, /^apns\.payload\.aps: must be an object/],
  [{ apns: { live_activity_token: 'x' } }, /^apns\.live_activity_token: /],
  [{ apns: { headers: { authorization: 'bearer x' } } }, /^apns\.headers\.authorization: is no header to be set here/],
  [{ apns: { headers: { ':path': '/' } } }, /^apns\.headers\.:path: is no header/],
  [{ apns: { headers: { 'Apns-Topic': 'x' } } }, /^apns\.headers\.Apns-Topic: is no header/],
  [{ apns: { headers: { 'apns-topic': 'a b' } } }, /^apns\.headers\.apns-topic: must be/],
  [{ apns: { headers: { 'apns-topic': '' } } }, /^apns\.headers\.apns-topic: must be/],
  [{ apns: { headers: { 'apns-topic': 'x'.repeat(256) } } }, /^apns\.headers\.apns-topic: must be/],
  [{ apns: { headers: { 'apns-push-type': 'loud' } } }, /^apns\.headers\.apns-push-type: must be one of alert, /],
  [{ apns: { headers: { 'apns-push-type': 'toString' } } }, /^apns\.headers\.apns-push-type: must be one of/],
  [{ apns: { headers: { 'apns-priority': '7' } } }, /^apns\.headers\.apns-priority: must be 10, 5 or 1/],
  [{ apns: { headers: { 'apns-priority': true } } }, /^apns\.headers\.apns-priority: must be 10, 5 or 1/],
  [
    { apns: { headers: { 'apns-priority': '10' } } },
    /^apns\.headers\.apns-priority: must be 5 for a push in the backgr/,
  ],
  [{ apns: { headers: { 'apns-expiration': '-1' } } }, /^apns\.headers\.apns-expiration: must be/],
  [{ apns: { headers: { 'apns-expiration': 1.5 } } }, /^apns\.headers\.apns-expiration: must be/],
  [{ apns: { headers: { 'apns-collapse-id': 'x'.repeat(65) } } }, /^apns\.headers\.apns-collapse-id: must be 1 to 64/],
  [{ apns: { headers: { 'apns-collapse-id': '' } } }, /^apns\.headers\.apns-collapse-id: must be/],
  [
    { apns: { headers: { 'apns-id': '0F8FAD5B-D9CB-469F-A165-70867728950E' } } },
    /^apns\.headers\.apns-id: must be a UUID/,
  ],
  [{ apns: { headers: { 'apns-id': 'x' } } }, /^apns\.headers\.apns-id: must be a UUID/],
];

for (const [fields, expected] of refusals) {
  test(`refused: ${JSON.stringify(fields).slice(0, 70)}`, (t) => {
    t.throws(() => map(fields), { instanceOf: LegacyProblem, message: expected });
  });
}

test('a header at the limit is taken', (t) => {
  const headers = { 'apns-topic': 'x'.repeat(255), 'apns-collapse-id': 'x'.repeat(64), 'apns-expiration': 0 };
  t.like(mapped({ ...alert, apns: { headers } }).headers, { ...headers, 'apns-expiration': '0' });
  t.is(mapped({ ...alert, to: 'x'.repeat(1_024) }).path.length, '/3/device/'.length + 1_024);
});

test('a token can not lead to another path', (t) => {
  t.is(mapped({ to: 'a/../../x?y#z %2f:ü' }).path, '/3/device/a%2F..%2F..%2Fx%3Fy%23z%20%252f%3A%C3%BC');
});

test('keys with a meaning to objects stay keys', (t) => {
  const json = '{"to":"a","notification":{"title":"T"},"apns":{"payload":{"__proto__":{"x":1},"constructor":"c"}}}';
  const { body } = notificationOf(readLegacy(json), TOPIC);
  t.is(body, '{"aps":{"alert":{"title":"T"}},"__proto__":{"x":1},"constructor":"c"}');
});

test('the id of a notification: a UUID of version 8, the same for the same wire id', (t) => {
  const id = apnsId('prefix-1');
  t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.is(apnsId('prefix-1'), id);
  t.not(apnsId('prefix-2'), id);
});
