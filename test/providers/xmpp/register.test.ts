import test from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { tokenOf, URL_BASE } from './bridge.ts';
import { GULTSCH, gultschRegister, hash, iq, legacyRegister, ROMEO, register, scene } from './scene.ts';

const URL_TOKEN = /^https:\/\/push\.example\/push\/[A-Za-z0-9_-]{27}$/;
const legacyError = (what: string, words: string): RegExp =>
  new RegExp(`^<iq type="error"[^>]*><${what} xmlns="unifiedpush.org"><error>${words}</error></${what}><error type=`);

test('the old dialect: an endpoint, the same again, by set and by get', async (t) => {
  const { peer, endpoints, events } = await scene(t);
  peer.write(iq('set', '1', legacyRegister('app')));
  const answer = await peer.next('id="1"');
  const url = /<endpoint>([^<]+)</.exec(answer)?.[1] ?? '';
  t.regex(url, URL_TOKEN);
  t.is(
    answer,
    `<iq type="result" from="up.example" to="${ROMEO}" id="1"><register xmlns="unifiedpush.org"><endpoint>${url}</endpoint></register></iq>`,
  );
  peer.write(iq('get', '2', legacyRegister('app'), 'romeo@example/other'));
  t.true((await peer.next('id="2"')).includes(`<endpoint>${url}</endpoint>`));
  t.like(await endpoints.find(tokenOf(url)), { owner: 'xmpp:xmpp:romeo@example', provider: 'xmpp' });
  t.is(events.get('registered'), 1);
  t.is(events.get('renewed'), 1);
  t.not(await register(peer, legacyRegister('another')), url);
  t.not(await register(peer, legacyRegister('app'), 'juliet@example/orchard'), url);
});

test('the newer dialect: an endpoint with its end, the same again with a later one', async (t) => {
  const { peer } = await scene(t, { options: { registrations: { lifetime: '30d' } } });
  const before = Date.now();
  peer.write(iq('set', '1', gultschRegister(1, 2)));
  const answer = await peer.next('id="1"');
  const [, url = '', expiration = ''] = /endpoint="([^"]+)" expiration="([^"]+)"/.exec(answer) ?? [];
  t.is(
    answer,
    `<iq type="result" from="up.example" to="${ROMEO}" id="1"><registered xmlns="${GULTSCH}" endpoint="${url}" expiration="${expiration}"/></iq>`,
  );
  t.regex(url, URL_TOKEN);
  t.regex(expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const life = Date.parse(expiration) - before;
  t.true(life > 30 * 86_400_000 - 2_000 && life < 30 * 86_400_000 + 60_000, String(life));
  t.is(await register(peer, gultschRegister(1, 2), 'romeo@example/new'), url);
  t.not(await register(peer, gultschRegister(1, 3)), url);
  t.not(await register(peer, gultschRegister(2, 2)), url);
});

test('the old dialect: what is given up is no more, and that may be said twice', async (t) => {
  const { peer, endpoints, events } = await scene(t);
  const url = await register(peer, legacyRegister('app'));
  const other = await register(peer, legacyRegister('other'));
  const unregister = "<unregister xmlns='unifiedpush.org'><token>app</token></unregister>";
  // Somebody else's token of the same name is not theirs.
  for (const [id, from] of [
    ['1', 'juliet@example/orchard'],
    ['2', 'romeo@example/other'],
    ['3', ROMEO],
  ] as const) {
    peer.write(iq('set', id, unregister, from));
    t.is(
      await peer.next(`id="${id}"`),
      `<iq type="result" from="up.example" to="${from}" id="${id}"><unregister xmlns="unifiedpush.org"><token>app</token><success/></unregister></iq>`,
    );
    const found = await endpoints.find(tokenOf(url));
    t.is(typeof found, id === '1' ? 'object' : 'string');
  }
  t.is(events.get('unregistered'), 1);
  t.is(typeof (await endpoints.find(tokenOf(other))), 'object');
});

const FORBIDDEN = ['romeo@elsewhere/orchard', 'romeo@sub.example/orchard', 'romeo@up.example/orchard'];
const MALFORMED = ['romeo@example', 'example/orchard', 'example', '@example/orchard'];

for (const from of [...FORBIDDEN, ...MALFORMED]) {
  test(`no endpoint for ${from}`, async (t) => {
    const { peer, gates } = await scene(t);
    const condition = FORBIDDEN.includes(from) ? 'forbidden' : 'jid-malformed';
    peer.write(iq('set', '1', legacyRegister('app'), from));
    const legacy = await peer.next('id="1"');
    t.regex(legacy, legacyError('register', '[a-z ]+'));
    t.true(legacy.includes(`<${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>`));
    peer.write(iq('set', '2', gultschRegister(1, 2), from));
    const gultsch = await peer.next('id="2"');
    t.true(gultsch.includes(`<${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>`));
    t.false(gultsch.includes('unifiedpush.org'));
    t.is(gates.calls('register'), 0);
  });
}

test('who may register is a matter of configuration; domains have no case', async (t) => {
  const { peer } = await scene(t, { options: { registrations: { hosts: ['Elsewhere'] } } });
  t.regex(await register(peer, legacyRegister('app'), 'romeo@elsewhere/r'), URL_TOKEN);
  t.regex(await register(peer, legacyRegister('app'), 'romeo@ELSEWHERE/r'), URL_TOKEN);
  peer.write(iq('set', '1', legacyRegister('app')));
  t.regex(await peer.next('id="1"'), /<forbidden /);
});

const BAD: readonly { what: string; child: string; answer: RegExp }[] = [
  { what: 'no token', child: "<register xmlns='unifiedpush.org'/>", answer: legacyError('register', 'unable decode') },
  { what: 'an empty token', child: legacyRegister(''), answer: legacyError('register', 'no token') },
  {
    what: 'a long token',
    child: legacyRegister('t'.repeat(101)),
    answer: legacyError('register', 'token: longer than 100 bytes'),
  },
  {
    what: 'a short application',
    child: gultschRegister(1, 2).replace(hash(1), 'AAAA'),
    answer:
      /^<iq type="error"[^>]*><error type="modify"><bad-request [^>]*\/><text [^>]*>application: must be base64 of 32 bytes<\/text><\/error><\/iq>$/,
  },
  { what: 'no instance', child: gultschRegister(1, 2).replace(hash(2), ''), answer: /instance: must be/ },
  {
    what: 'an unknown word',
    child: "<query xmlns='jabber:iq:version'/>",
    answer: /^<iq type="error"[^>]*><error type="cancel"><service-unavailable [^>]*\/><\/error><\/iq>$/,
  },
];

for (const { what, child, answer } of BAD) {
  test(`refused: ${what}`, async (t) => {
    const { peer, gates, events } = await scene(t);
    peer.write(iq('set', '1', child));
    t.regex(await peer.next('id="1"'), answer);
    t.is(gates.calls('register'), 0);
    t.is(events.get('bad_request'), 1);
  });
}

test('what is not meant for the service itself is unknown there', async (t) => {
  const { peer, gates } = await scene(t);
  for (const [id, to] of ['up.example/x', 'a@up.example', 'x.up.example'].entries()) {
    peer.write(iq('set', `i${id}`, legacyRegister('app'), ROMEO, to));
    const answer = await peer.next(`id="i${id}"`);
    t.regex(answer, /<service-unavailable /);
    t.true(answer.includes(` from="${to}"`));
  }
  t.is(gates.calls('register'), 0);
});

test('as many endpoints as an account may have, and not one more', async (t) => {
  const { peer, events } = await scene(t, { registrationsPerOwner: 2 });
  const url = await register(peer, legacyRegister('a'));
  await register(peer, gultschRegister(1, 2));
  peer.write(iq('set', '1', legacyRegister('b')));
  const answer = await peer.next('id="1"');
  t.regex(answer, legacyError('register', 'too many endpoints'));
  t.regex(answer, /<error type="wait"><resource-constraint /);
  t.is(events.get('full'), 1);
  t.is(await register(peer, legacyRegister('a')), url);
  t.regex(await register(peer, legacyRegister('b'), 'juliet@example/r'), URL_TOKEN);
});

test('a store that refuses is a passing trouble', async (t) => {
  const { peer, gates } = await scene(t);
  const well = gates.refuse('register', new StoreError('full', 'no space left on /var/lib'));
  peer.write(iq('set', '1', gultschRegister(1, 2)));
  const answer = await peer.next('id="1"');
  t.regex(answer, /<error type="wait"><internal-server-error /);
  t.false(answer.includes('/var/lib'));
  well();
  t.regex(await register(peer, gultschRegister(1, 2)), URL_TOKEN);
});

test('one account asks only so much at once, and does not stand in the way of others', async (t) => {
  const { peer, gates, events } = await scene(t, { options: { registrations: { at_once: 20 } } });
  const go = gates.hold('register');
  for (const n of [1, 2, 3]) peer.write(iq('set', `r${n}`, legacyRegister(`t${n}`)));
  t.regex(await peer.next('id="r3"'), /<error type="wait"><resource-constraint /);
  peer.write(iq('set', 'j', legacyRegister('t'), 'juliet@example/r'));
  await gates.called('register', 3);
  t.is(events.get('busy'), 1);
  go();
  for (const id of ['r1', 'r2', 'j']) t.true((await peer.next(`id="${id}"`)).includes(URL_BASE));
  t.regex(await register(peer, legacyRegister('t3')), URL_TOKEN);
});

test('all together ask only so much at once', async (t) => {
  const { peer, gates } = await scene(t, { options: { registrations: { at_once: 3 } } });
  const go = gates.hold('register');
  for (const n of [1, 2, 3, 4]) peer.write(iq('set', `r${n}`, legacyRegister('t'), `account${n}@example/r`));
  t.regex(await peer.next('id="r4"'), /<resource-constraint /);
  go();
  for (const n of [1, 2, 3]) t.true((await peer.next(`id="r${n}"`)).includes(URL_BASE));
});

test('discovery and ping', async (t) => {
  const { peer } = await scene(t);
  peer.write(iq('get', '1', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'who@elsewhere/r'));
  const features = [
    'unifiedpush.org',
    GULTSCH,
    'urn:pushbridge:content:0',
    'urn:pushbridge:vapid:0',
    'http://jabber.org/protocol/disco#info',
    'http://jabber.org/protocol/disco#items',
    'urn:xmpp:ping',
  ];
  t.is(
    await peer.next('id="1"'),
    `<iq type="result" from="up.example" to="who@elsewhere/r" id="1"><query xmlns="http://jabber.org/protocol/disco#info"><identity category="pubsub" type="push" name="pushbridge"/>${features.map((feature) => `<feature var="${feature}"/>`).join('')}</query></iq>`,
  );
  peer.write(iq('get', '2', "<query xmlns='http://jabber.org/protocol/disco#items'/>"));
  t.regex(await peer.next('id="2"'), /type="result".*<query xmlns="http:\/\/jabber.org\/protocol\/disco#items"\/>/);
  peer.write(iq('get', '3', "<ping xmlns='urn:xmpp:ping'/>"));
  t.is(await peer.next('id="3"'), `<iq type="result" from="up.example" to="${ROMEO}" id="3"/>`);
});

test('only the dialects that are configured are spoken and advertised', async (t) => {
  const { peer } = await scene(t, { options: { registrations: { dialects: ['gultsch'] } } });
  peer.write(iq('set', '1', legacyRegister('a')));
  t.regex(await peer.next('id="1"'), /<service-unavailable /);
  peer.write(iq('get', '2', "<query xmlns='http://jabber.org/protocol/disco#info'/>"));
  const info = await peer.next('id="2"');
  t.true(info.includes(GULTSCH));
  t.false(info.includes('unifiedpush.org'));
  t.false(info.includes('urn:pushbridge:content:0'));
});
