import test from 'ava';
import {
  type Aps,
  apnsExpiration,
  apnsPriority,
  apsOf,
  COLLAPSE_ID_MAX,
  collapseId,
  isCollapseId,
  readLegacy,
} from '../../../src/protocols/fcm/index.ts';

const read = (fields: object) => readLegacy(JSON.stringify({ to: 'token', ...fields }));

/** The rows of the mapping table that are about Apple's devices. [fcm.md §3.5] */
const rows: readonly (readonly [name: string, fields: object, aps: Aps])[] = [
  ['content_available', { content_available: true }, { 'content-available': 1 }],
  ['mutable_content', { mutable_content: true }, { 'mutable-content': 1 }],
  ['neither', { content_available: false, mutable_content: false }, {}],
  ['title and body', { notification: { title: 'T', body: 'B' } }, { alert: { title: 'T', body: 'B' } }],
  ['subtitle', { notification: { subtitle: 'S' } }, { alert: { subtitle: 'S' } }],
  ['sound', { notification: { sound: 'ping.caf' } }, { sound: 'ping.caf' }],
  ['click_action', { notification: { click_action: 'OPEN' } }, { category: 'OPEN' }],
  ['badge as text', { notification: { badge: '3' } }, { badge: 3 }],
  ['badge as number', { notification: { badge: 0 } }, { badge: 0 }],
  ['body_loc_key', { notification: { body_loc_key: 'K' } }, { alert: { 'loc-key': 'K' } }],
  ['body_loc_args', { notification: { body_loc_args: ['a', 1] } }, { alert: { 'loc-args': ['a', '1'] } }],
  ['body_loc_args as text', { notification: { body_loc_args: '["a"]' } }, { alert: { 'loc-args': ['a'] } }],
  ['title_loc_key', { notification: { title_loc_key: 'K' } }, { alert: { 'title-loc-key': 'K' } }],
  ['title_loc_args', { notification: { title_loc_args: ['x'] } }, { alert: { 'title-loc-args': ['x'] } }],
  [
    'text beside keys: the alert says all, because it replaces the text',
    { notification: { title: 'T', body: 'B', body_loc_key: 'K' } },
    { alert: { title: 'T', body: 'B', 'loc-key': 'K' } },
  ],
  ['what only Android has', { notification: { icon: 'i', color: '#ffffff', tag: 't', android_channel_id: 'c' } }, {}],
  ['data alone', { data: { a: '1' } }, {}],
];

for (const [name, fields, aps] of rows) test(`aps: ${name}`, (t) => t.deepEqual(apsOf(read(fields)), aps));

test('priority: high is 10, normal is 5, and what nobody sees is 5', (t) => {
  const notification = { title: 'T' };
  t.is(apnsPriority(read({ notification, priority: 'high' })), '10');
  t.is(apnsPriority(read({ notification, priority: 'normal' })), '5');
  t.is(apnsPriority(read({ notification })), undefined);
  t.is(apnsPriority(read({ data: { a: '1' }, priority: 'high' })), '5');
  t.is(apnsPriority(read({ data: { a: '1' } })), '5');
  t.is(apnsPriority(read({ data: { a: '1' }, priority: 'high' }), true), '10');
  t.is(apnsPriority(read({ notification, priority: 'high' }), false), '5');
});

test('expiration: the moment in seconds, rounded up; 0 for now or never', (t) => {
  t.is(apnsExpiration(60, 1_700_000_060_001), '1700000061');
  t.is(apnsExpiration(0, 1_700_000_001_000), '0');
  t.is(apnsExpiration(undefined, 1_700_000_000_000), undefined);
});

test('a collapse id at the limit stays, one byte more is hashed, equal keys to equal ids', (t) => {
  const most = 'k'.repeat(COLLAPSE_ID_MAX);
  t.is(collapseId(most), most);
  const hashed = collapseId(`${most}k`);
  t.not(hashed, `${most}k`);
  t.is(collapseId(`${most}k`), hashed);
  t.not(collapseId(`${most}l`), hashed);
  t.true(isCollapseId(hashed));
});

test('a collapse key that is no text for a header is hashed too', (t) => {
  for (const key of ['ü', ' a', 'a ', 'a\nb', '\u0000', '😀']) {
    t.false(isCollapseId(key), key);
    t.true(isCollapseId(collapseId(key)), key);
  }
  for (const key of ['a', 'a b', 'news/today:1']) t.is(collapseId(key), key);
});
