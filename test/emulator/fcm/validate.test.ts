import test from 'ava';
import { start, to } from './stage.ts';

/** Every field of the fact sheet. [fcm.md §3.2] */
const FULL = {
  validate_only: false,
  message: {
    token: 'device',
    data: { a: 'b' },
    notification: { title: 't', body: 'b', image: 'https://example.com/i.png' },
    android: {
      collapse_key: 'c',
      priority: 'HIGH',
      ttl: '3.5s',
      restricted_package_name: 'com.example',
      data: { a: 'b' },
      direct_boot_ok: true,
      bandwidth_constrained_ok: true,
      restricted_satellite_ok: false,
      fcm_options: { analytics_label: 'a' },
      notification: {
        title: 't',
        body: 'b',
        icon: 'i',
        color: '#00fFa0',
        sound: 's',
        tag: 't',
        click_action: 'c',
        body_loc_key: 'k',
        body_loc_args: ['1', '2'],
        title_loc_key: 'k',
        title_loc_args: [],
        channel_id: 'c',
        ticker: 't',
        sticky: true,
        event_time: '2026-01-02T03:04:05.123Z',
        local_only: false,
        notification_priority: 'PRIORITY_MAX',
        default_sound: true,
        default_vibrate_timings: false,
        vibrate_timings: ['0.5s', '1s'],
        light_settings: { color: { red: 1, green: 0.5 }, light_on_duration: '1s', light_off_duration: '1s' },
        default_light_settings: false,
        visibility: 'PUBLIC',
        notification_count: 3,
        image: 'https://example.com/i.png',
        proxy: 'DENY',
      },
    },
    apns: {
      headers: { 'apns-priority': '10' },
      payload: { aps: { alert: { title: 't' }, badge: 1 }, custom: [1, { a: null }] },
      live_activity_token: 'l',
      fcm_options: { analytics_label: 'a', image: 'i' },
    },
    webpush: {
      headers: { TTL: '10', Urgency: 'high', Topic: 't' },
      data: { a: 'b' },
      notification: { title: 't', actions: [{}] },
      fcm_options: { link: 'https://example.com', analytics_label: 'a' },
    },
    fcm_options: { analytics_label: 'a-b_c.d~e%f' },
  },
};

/** The same in lowerCamelCase, but for what is a map of the sender's own. */
function camel(value: unknown, own = false): unknown {
  if (Array.isArray(value)) return value.map((item) => camel(item, own));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      own ? key : key.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
      camel(inner, own || ['data', 'headers', 'payload'].includes(key)),
    ]),
  );
}

test('all fields there are, in snake_case and in lowerCamelCase; null is nothing', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  for (const body of [FULL, camel(FULL), { message: { token: 'd', android: null, data: null } }]) {
    const { status, body: text, json } = await send(body);
    t.is(status, 200, text);
    t.regex(String(json.name), /^projects\/emulated-project\/messages\/\S+$/);
  }
  t.notDeepEqual(camel(FULL), FULL);
  t.like(control.stats(), { successes: 3, validateOnly: 0, targets: { token: 3 } });
});

test('every message has an id of its own; one that is only validated has none', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  const names = [];
  for (let i = 0; i < 3; i++) names.push((await send(to('d'))).json.name);
  t.is(new Set(names).size, 3);
  for (const body of [
    { ...to('d'), validate_only: true },
    { ...to('d'), validateOnly: true },
  ]) {
    t.is((await send(body)).json.name, 'projects/emulated-project/messages/fake_message_id');
  }
  t.like(control.stats(), { messages: 5, validateOnly: 2 });
});

test('targets: tokens, topics, conditions, installations', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  for (const message of [
    { token: 'd:e-f' },
    { fid: 'installation' },
    { topic: 'a-Z0_9.~%' },
    { condition: "'a' in topics" },
    { condition: "('a' in topics && 'b' in topics) || !('c' IN TOPICS)" },
  ]) {
    t.is((await send({ message })).status, 200, JSON.stringify(message));
  }
  t.like(control.stats(), { targets: { token: 1, fid: 1, topic: 1, condition: 2 } });
});

const of = (size: number) => ({ key: 'x'.repeat(size - 3) });
const message = (more: object) => ({ message: { token: 'd', ...more } });

/** The body, and the field that is blamed; those before the gap are refused before FCM sees them. */
const misshapen: readonly (readonly [name: string, body: unknown, field: string | undefined])[] = [
  ['no JSON', '{"message"', undefined],
  ['a list', [], ''],
  ['an unknown field', { massage: {} }, ''],
  ['an unknown field of the message', message({ to: 'd' }), 'message'],
  ['an unknown field of a platform', message({ android: { time_to_live: '3s' } }), 'message.android'],
  ['two targets', message({ topic: 'a' }), 'message'],
  ['data that is a list', message({ data: ['a'] }), 'message.data'],
  ['a number in data', message({ data: { a: 'b', n: 5 } }), 'message.data[1].value'],
  ['an object in data', message({ data: { a: {} } }), 'message.data[0].value'],
  ['a number in the data of Android', message({ android: { data: { n: 5 } } }), 'message.android.data[0].value'],
  ['a number in headers', message({ apns: { headers: { 'apns-priority': 10 } } }), 'message.apns.headers[0].value'],
  ['a ttl that is a number', message({ android: { ttl: 3600 } }), 'message.android.ttl'],
  ['a ttl without its unit', message({ android: { ttl: '3600' } }), 'message.android.ttl'],
  ['an unknown priority', message({ android: { priority: 'urgent' } }), 'message.android.priority'],
  [
    'an unknown visibility',
    message({ android: { notification: { visibility: 'X' } } }),
    'message.android.notification.visibility',
  ],
  [
    'a text for a flag',
    message({ android: { notification: { sticky: 'yes' } } }),
    'message.android.notification.sticky',
  ],
  [
    'arguments that are a text',
    message({ android: { notification: { body_loc_args: '[]' } } }),
    'message.android.notification.body_loc_args',
  ],
  [
    'an argument that is a number',
    message({ android: { notification: { body_loc_args: ['a', 5] } } }),
    'message.android.notification.body_loc_args[1]',
  ],
  [
    'a count that is a fraction',
    message({ android: { notification: { notification_count: 1.5 } } }),
    'message.android.notification.notification_count',
  ],
  [
    'a moment that is none',
    message({ android: { notification: { event_time: 'noon' } } }),
    'message.android.notification.event_time',
  ],
  [
    'a color that is none',
    message({ android: { notification: { light_settings: { color: { red: '1' } } } } }),
    'message.android.notification.light_settings.color.red',
  ],
  ['a payload that is a text', message({ apns: { payload: '{}' } }), 'message.apns.payload'],
  ['a notification that is a text', message({ notification: 'hi' }), 'message.notification'],
];

for (const [name, body, field] of misshapen) {
  test(`refused for its form: ${name}`, async (t) => {
    const { login, control } = await start(t);
    const { send } = await login();
    const { status, json, body: text } = await send(body);
    t.is(status, 400);
    t.like(json, { error: { code: 400, status: 'INVALID_ARGUMENT' } });
    t.notRegex(text, /FcmError/);
    const [detail] = (json.error as { details: { '@type': string; fieldViolations: { field?: string }[] }[] }).details;
    t.is(detail?.['@type'], 'type.googleapis.com/google.rpc.BadRequest');
    t.is(detail?.fieldViolations[0]?.field ?? '', field ?? '');
    t.is(control.stats().errors.INVALID_ARGUMENT, 1);
  });
}

const invalid: readonly (readonly [name: string, body: object, field: string])[] = [
  ['no message', {}, 'message'],
  ['no target', { message: { data: { a: 'b' } } }, 'message'],
  ['an empty target', { message: { token: '' } }, 'message'],
  ['a topic with its path', { message: { topic: '/topics/a' } }, 'message.topic'],
  ['a condition that is none', { message: { condition: 'a && b' } }, 'message.condition'],
  ['a condition that is not closed', { message: { condition: "('a' in topics" } }, 'message.condition'],
  [
    'six topics',
    { message: { condition: Array.from('abcdef', (name) => `'${name}' in topics`).join(' || ') } },
    'message.condition',
  ],
  ['the key from', message({ data: { from: 'x' } }), 'message.data'],
  ['the key message_type', message({ data: { message_type: 'x' } }), 'message.data'],
  ['a key of google', message({ data: { 'google.x': 'x' } }), 'message.data'],
  ['a key of gcm', message({ data: { gcmx: 'x' } }), 'message.data'],
  ['a reserved key for Android', message({ android: { data: { from: 'x' } } }), 'message.android.data'],
  ['a ttl beyond four weeks', message({ android: { ttl: '2419201s' } }), 'message.android.ttl'],
  ['a color of words', message({ android: { notification: { color: 'red' } } }), 'message.android.notification.color'],
  [
    'a link without TLS',
    message({ webpush: { fcm_options: { link: 'http://x' } } }),
    'message.webpush.fcm_options.link',
  ],
  ['a label with a space', message({ fcm_options: { analytics_label: 'a b' } }), 'message.fcm_options.analytics_label'],
  [
    'a long label of a platform',
    message({ apns: { fcmOptions: { analyticsLabel: 'a'.repeat(51) } } }),
    'message.apns.fcm_options.analytics_label',
  ],
];

for (const [name, body, field] of invalid) {
  test(`refused for what it says: ${name}`, async (t) => {
    const { login } = await start(t);
    const { send } = await login();
    const { status, json } = await send(body);
    t.is(status, 400);
    const [fcm, request] = (json.error as { details: Record<string, unknown>[] }).details;
    t.like(fcm, { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: 'INVALID_ARGUMENT' });
    t.like(request, { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field }] });
  });
}

test('data at its limit, and one byte more: 400 without any details', async (t) => {
  const { login } = await start(t);
  const { send } = await login();
  for (const [target, limit] of [
    [{ token: 'd' }, 4_096],
    [{ topic: 'd' }, 2_048],
    [{ condition: "'d' in topics" }, 2_048],
  ] as const) {
    t.is((await send({ message: { ...target, data: of(limit) } })).status, 200);
    const { status, json } = await send({ message: { ...target, data: of(limit + 1) } });
    t.is(status, 400);
    t.like(json, { error: { status: 'INVALID_ARGUMENT' } });
    t.false(Object.hasOwn(json.error as object, 'details'));
  }
  t.is((await send(message({ android: { data: of(4_097) } }))).status, 400);
  t.is((await send(message({ data: { ü: 'x'.repeat(4_094) } }))).status, 200);
  t.is((await send(message({ data: { ü: 'x'.repeat(4_095) } }))).status, 400, 'bytes, not characters');
});

test('a body at the limit of the server is read, one beyond is refused unread', async (t) => {
  const { login } = await start(t, { max_body_bytes: 4_096 });
  const { send } = await login();
  const frame = JSON.stringify(message({ apns: { payload: { pad: '' } } }));
  const body = (bytes: number): string => frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
  t.is((await send(body(4_096))).status, 200);
  t.is((await send(body(4_097))).status, 413);
});
