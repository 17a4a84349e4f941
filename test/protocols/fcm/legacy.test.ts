import test from 'ava';
import { isVisible, LegacyProblem, readLegacy } from '../../../src/protocols/fcm/index.ts';

const read = (fcm: object) => readLegacy(JSON.stringify({ to: 'T', ...fcm }));
const problem = (json: string): string => {
  try {
    readLegacy(json);
    return 'none';
  } catch (error) {
    if (!(error instanceof LegacyProblem)) throw error;
    return error.message;
  }
};
const problemOf = (fcm: object) => problem(JSON.stringify({ to: 'T', ...fcm }));

test('the smallest message', (t) => {
  t.deepEqual(readLegacy('{"to":"T"}'), {
    target: { kind: 'token', value: 'T' },
    contentAvailable: false,
    mutableContent: false,
    dryRun: false,
    deliveryReceiptRequested: false,
    data: {},
  });
});

test('every field', (t) => {
  t.deepEqual(
    readLegacy(
      JSON.stringify({
        to: '/topics/news',
        collapse_key: 'k',
        priority: 'HIGH',
        content_available: true,
        mutable_content: true,
        dry_run: true,
        delivery_receipt_requested: true,
        delay_while_idle: true,
        restricted_package_name: 'com.example',
        data: { a: 'b' },
        notification: {
          title: 't',
          body: 'b',
          subtitle: 's',
          icon: 'i',
          color: '#fff',
          sound: 'default',
          tag: 'g',
          image: 'https://example.com/i.png',
          click_action: 'OPEN',
          android_channel_id: 'c',
          badge: '3',
          body_loc_key: 'BK',
          body_loc_args: ['x'],
          title_loc_key: 'TK',
          title_loc_args: '["y"]',
        },
        android: { a: 1 },
        apns: { b: 2 },
        webpush: { c: 3 },
        fcm_options: { d: 4 },
        something_else: 5,
      }),
    ),
    {
      target: { kind: 'topic', value: 'news' },
      collapseKey: 'k',
      priority: 'high',
      contentAvailable: true,
      mutableContent: true,
      dryRun: true,
      deliveryReceiptRequested: true,
      restrictedPackageName: 'com.example',
      data: { a: 'b' },
      notification: {
        title: 't',
        body: 'b',
        subtitle: 's',
        icon: 'i',
        color: '#fff',
        sound: 'default',
        tag: 'g',
        image: 'https://example.com/i.png',
        clickAction: 'OPEN',
        androidChannelId: 'c',
        badge: 3,
        bodyLocKey: 'BK',
        bodyLocArgs: ['x'],
        titleLocKey: 'TK',
        titleLocArgs: ['y'],
      },
      android: { a: 1 },
      apns: { b: 2 },
      webpush: { c: 3 },
      fcmOptions: { d: 4 },
    },
  );
});

test('null is absent', (t) => {
  const nothing = { condition: null, priority: null, dry_run: null, data: null, notification: null, android: null };
  t.deepEqual(read(nothing), readLegacy('{"to":"T"}'));
  t.deepEqual(read({ notification: { title: null, badge: null, body_loc_args: null } }).notification, {});
});

// [fcm.md §1.4, §3.2] What no service would take, by the name of the field.
const problems: [string, string][] = [
  ['no json', 'fcm_data: is no JSON'],
  ['[]', 'fcm_data: must be a JSON object'],
  ['null', 'fcm_data: must be a JSON object'],
  ['{}', 'to: missing, and condition too'],
  ['{"to":""}', 'to: must not be empty'],
  ['{"condition":""}', 'condition: must not be empty'],
  ['{"to":"T","condition":"c"}', 'condition: not beside to'],
  ['{"to":5}', 'to: must be a text'],
  [JSON.stringify({ to: 'x'.repeat(4_097) }), 'to: longer than 4096 characters'],
  ['{"to":"/topics/"}', 'to: a topic has letters, digits and -_.~% only'],
  ['{"to":"/topics/a b"}', 'to: a topic has letters, digits and -_.~% only'],
  ['{"to":"T","data":{"from":"x"}}', 'data.from: is a key that FCM keeps for itself'],
  ['{"to":"T","data":{"message_type":"x"}}', 'data.message_type: is a key that FCM keeps for itself'],
  ['{"to":"T","data":{"gcm":"x"}}', 'data.gcm: is a key that FCM keeps for itself'],
  ['{"to":"T","data":{"gcm.x":"x"}}', 'data.gcm.x: is a key that FCM keeps for itself'],
  ['{"to":"T","data":{"google.a":"x"}}', 'data.google.a: is a key that FCM keeps for itself'],
  ['{"to":"T","data":{"googlex":"x"}}', 'data.googlex: is a key that FCM keeps for itself'],
  ['{"to":"T","data":[]}', 'data: must be an object'],
  ['{"to":"T","data":"x"}', 'data: must be an object'],
  ['{"to":"T","priority":"urgent"}', 'priority: must be normal or high'],
  ['{"to":"T","priority":10}', 'priority: must be a text'],
  ['{"to":"T","collapse_key":1}', 'collapse_key: must be a text'],
  ['{"to":"T","dry_run":"true"}', 'dry_run: must be true or false'],
  ['{"to":"T","content_available":1}', 'content_available: must be true or false'],
  ['{"to":"T","mutable_content":1}', 'mutable_content: must be true or false'],
  ['{"to":"T","delivery_receipt_requested":1}', 'delivery_receipt_requested: must be true or false'],
  ['{"to":"T","restricted_package_name":1}', 'restricted_package_name: must be a text'],
  ['{"to":"T","notification":"x"}', 'notification: must be an object'],
  ['{"to":"T","notification":{"title":1}}', 'notification.title: must be a text'],
  ['{"to":"T","notification":{"badge":"x"}}', 'notification.badge: must be a whole number, or one as text'],
  ['{"to":"T","notification":{"badge":-1}}', 'notification.badge: must be a whole number, or one as text'],
  ['{"to":"T","notification":{"badge":1.5}}', 'notification.badge: must be a whole number, or one as text'],
  [
    '{"to":"T","notification":{"body_loc_args":"x"}}',
    'notification.body_loc_args: must be a list, or its JSON as text',
  ],
  [
    '{"to":"T","notification":{"title_loc_args":{}}}',
    'notification.title_loc_args: must be a list, or its JSON as text',
  ],
  ['{"to":"T","android":[]}', 'android: must be an object'],
  ['{"to":"T","apns":5}', 'apns: must be an object'],
  ['{"to":"T","webpush":"x"}', 'webpush: must be an object'],
  ['{"to":"T","fcm_options":true}', 'fcm_options: must be an object'],
];

for (const [json, expected] of problems) {
  test(`problem: ${json.slice(0, 60)}`, (t) => {
    t.is(problem(json), expected);
  });
}

test('keys that only look reserved, and those of options, are allowed', (t) => {
  const data = { From: '1', from_: '2', goo: '3', collapse_key: '4', to: '5' };
  t.deepEqual(read({ data }).data, data);
});

test('the longest target, and depth up to its limit', (t) => {
  t.is(readLegacy(JSON.stringify({ to: 'x'.repeat(4_096) })).target.value.length, 4_096);
  const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) });
  // The message itself and `data` are two levels, the innermost object is one.
  t.is(problemOf({ data: nested(30) }), 'none');
  t.is(problemOf({ data: nested(31) }), 'fcm_data: more than 32 levels deep');
  t.is(
    problem(`{"to":"T","data":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`),
    'fcm_data: more than 32 levels deep',
  );
});

test('a key that means something to JavaScript is a key', (t) => {
  t.deepEqual(Object.entries(readLegacy('{"to":"T","data":{"__proto__":"x","a":"b"}}').data), [
    ['__proto__', 'x'],
    ['a', 'b'],
  ]);
});

test('what the user notices', (t) => {
  t.false(isVisible(read({ data: { a: 'b' } })));
  t.false(isVisible(read({ notification: {} })));
  t.true(isVisible(read({ notification: { badge: '1' } })));
});
