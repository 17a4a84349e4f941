import test from 'ava';
import { type Dialect, type Request, readRequest } from '../../../src/protocols/unifiedpush/index.ts';
import { hash, stanza } from './elements.ts';

const BOTH: readonly Dialect[] = ['legacy', 'gultsch'];
const read = (text: string, dialects = BOTH): Request | undefined => readRequest(stanza(text), dialects);
const set = (child: string): string => `<iq type="set" from="a@b/c" to="up.b" id="1">${child}</iq>`;
const get = (child: string): string => `<iq type="get" from="a@b/c" to="up.b" id="1">${child}</iq>`;
const legacy = (token: string): string => `<register xmlns="unifiedpush.org"><token>${token}</token></register>`;
const gultsch = (application: string, instance: string): string =>
  `<register xmlns="http://gultsch.de/xmpp/drafts/unified-push" application="${application}" instance="${instance}"/>`;

test('the old dialect: register and unregister, by set and by get', (t) => {
  for (const type of [set, get]) {
    t.deepEqual(read(type(legacy('abc'))), { kind: 'register', name: { dialect: 'legacy', token: 'abc' } });
    t.deepEqual(read(type(legacy('abc').replaceAll('register', 'unregister'))), { kind: 'unregister', token: 'abc' });
  }
});

test('the newer dialect: register, by set alone', (t) => {
  const name = { dialect: 'gultsch', application: hash(1), instance: hash(0xfe) } as const;
  t.deepEqual(read(set(gultsch(name.application, name.instance))), { kind: 'register', name });
  t.like(read(get(gultsch(name.application, name.instance))), {
    kind: 'bad',
    error: { condition: 'service-unavailable' },
  });
});

/** The key of RFC 8292's example. [RFC 8292 §2.4] */
const KEY = 'BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs';
const keyed = (child: string, key: string) =>
  child.replace(
    /<\/register>$|\/>$/,
    (end) => `${end === '/>' ? '>' : ''}<vapid xmlns="urn:pushbridge:vapid:0">${key}</vapid></register>`,
  );

test('an endpoint may be for one sender, in both dialects', (t) => {
  const name = { dialect: 'gultsch', application: hash(1), instance: hash(2) } as const;
  const newer = gultsch(name.application, name.instance);
  t.deepEqual(read(set(keyed(newer, KEY))), { kind: 'register', name, vapid: KEY });
  const older = { dialect: 'legacy', token: 'a' } as const;
  t.deepEqual(read(set(keyed(legacy('a'), ` ${KEY} `))), { kind: 'register', name: older, vapid: KEY });
  for (const wrong of ['', KEY.slice(1), `${KEY}A`, `B${'A'.repeat(86)}`]) {
    t.like(read(set(keyed(newer, wrong))), { kind: 'bad', error: { condition: 'bad-request' } }, wrong);
  }
});

const TOKENS: readonly { what: string; child: string; words?: string }[] = [
  { what: '100 bytes', child: legacy('t'.repeat(100)) },
  { what: '101 bytes', child: legacy('t'.repeat(101)), words: 'token: longer than 100 bytes' },
  { what: '34 characters of three bytes', child: legacy('€'.repeat(34)), words: 'token: longer than 100 bytes' },
  { what: 'an empty token', child: legacy(''), words: 'no token' },
  { what: 'no token', child: '<register xmlns="unifiedpush.org"/>', words: 'unable decode' },
  {
    what: 'a foreign token',
    child: '<register xmlns="unifiedpush.org"><token xmlns="x">abc</token></register>',
    words: 'unable decode',
  },
];

for (const { what, child, words } of TOKENS) {
  test(`the old dialect: ${what} ${words ? 'is refused' : 'is taken'}`, (t) => {
    const request = read(set(child));
    if (!words) return void t.is(request?.kind, 'register');
    const error = { type: 'modify', condition: 'bad-request', text: words } as const;
    t.deepEqual(request, { kind: 'bad', error, what: 'register' });
    const other = read(set(child.replaceAll('register', 'unregister')));
    t.deepEqual(other, { kind: 'bad', error, what: 'unregister' });
  });
}

const short = Buffer.alloc(31, 7).toString('base64');
const long = Buffer.alloc(33, 7).toString('base64');
const HASHES: readonly { what: string; value: string }[] = [
  { what: 'nothing', value: '' },
  { what: '31 bytes', value: short },
  { what: '33 bytes', value: long },
  { what: 'no padding', value: hash(1).slice(0, -1) },
  { what: 'base64url', value: hash(0xff).replaceAll('/', '_') },
  { what: 'bits left over', value: `${'A'.repeat(42)}B=` },
  { what: 'white space', value: ` ${hash(1)}` },
  { what: 'a megabyte', value: 'A'.repeat(50_000) },
];

for (const { what, value } of HASHES) {
  test(`the newer dialect refuses ${what} in place of a hash, and names the field`, (t) => {
    const error = (name: string) => ({
      type: 'modify' as const,
      condition: 'bad-request',
      text: `${name}: must be base64 of 32 bytes`,
    });
    t.deepEqual(read(set(gultsch(value, hash(1)))), { kind: 'bad', error: error('application') });
    t.deepEqual(read(set(gultsch(hash(1), value))), { kind: 'bad', error: error('instance') });
  });
}

test('discovery and ping', (t) => {
  t.deepEqual(read(get('<query xmlns="http://jabber.org/protocol/disco#info"/>')), { kind: 'info' });
  t.deepEqual(read(get('<query xmlns="http://jabber.org/protocol/disco#items"/>')), { kind: 'items' });
  t.deepEqual(read(get('<ping xmlns="urn:xmpp:ping"/>')), { kind: 'ping' });
  for (const list of ['info', 'items']) {
    const node = read(get(`<query xmlns="http://jabber.org/protocol/disco#${list}" node="n"/>`));
    t.like(node, { kind: 'bad', error: { type: 'cancel', condition: 'item-not-found' } });
  }
});

const FOREIGN = [
  set('<ping xmlns="urn:xmpp:ping"/>'),
  set('<register xmlns="unifiedpush.org.example"><token>a</token></register>'),
  set('<register><token>a</token></register>'),
  set('<forget xmlns="unifiedpush.org"><token>a</token></forget>'),
  set(
    `<unregister xmlns="http://gultsch.de/xmpp/drafts/unified-push" application="${hash(1)}" instance="${hash(1)}"/>`,
  ),
  get('<query xmlns="jabber:iq:version"/>'),
];

for (const text of FOREIGN) {
  test(`unknown words are unknown: ${text.slice(text.indexOf('><') + 1)}`, (t) => {
    t.deepEqual(read(text), { kind: 'bad', error: { type: 'cancel', condition: 'service-unavailable' } });
  });
}

test('a dialect that is not spoken is unknown', (t) => {
  const unknown = { kind: 'bad', error: { type: 'cancel', condition: 'service-unavailable' } } as const;
  t.deepEqual(read(set(legacy('a')), ['gultsch']), unknown);
  t.deepEqual(read(set(gultsch(hash(1), hash(2))), ['legacy']), unknown);
  t.is(read(set(legacy('a')), ['legacy'])?.kind, 'register');
});

test('prefixes mean nothing', (t) => {
  const child = '<u:register xmlns:u="unifiedpush.org"><u:token>a</u:token></u:register>';
  t.is(read(set(child))?.kind, 'register');
});

test('answers are no questions, and a question asks something', (t) => {
  for (const type of ['result', 'error', 'foo', '']) t.is(read(`<iq type="${type}" id="1"/>`), undefined);
  t.is(read('<iq id="1"/>'), undefined);
  t.like(read(set('text')), { kind: 'bad', error: { condition: 'bad-request' } });
});
