import test from 'ava';
import type { ServerStreamOptions } from '../../../src/protocols/xmpp/index.ts';
import { parsePlain, ServerStream } from '../../../src/protocols/xmpp/index.ts';

const HEADER = `<stream:stream to="gcm.googleapis.com" version="1.0" xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">`;
const OURS = `<stream:stream from="gcm.googleapis.com" id="ID" version="1.0" xmlns:stream="http://etherx.jabber.org/streams" xmlns="jabber:client">`;
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const PLAIN = Buffer.from('\0user@host\0pass').toString('base64');
const AUTH = `<auth xmlns="${SASL}" mechanism="PLAIN">${PLAIN}</auth>`;
const BIND = `<iq type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>`;

/** A stream with a log of what it wrote (each write an entry) and what happened (in brackets). */
function open(options: Partial<ServerStreamOptions> = {}, decide: 'accept' | 'refuse' | 'later' = 'accept') {
  const log: string[] = [];
  const stream: ServerStream = new ServerStream(
    {
      domain: 'gcm.googleapis.com',
      mechanisms: ['X-OAUTH2', 'PLAIN'],
      session: true,
      maxLogins: 3,
      newId: () => 'ID',
      resource: (asked) => asked ?? 'RES',
      ...options,
    },
    {
      send: (xml) => log.push(xml),
      onCredentials({ authcid, password }) {
        log.push(`[${authcid} ${password}]`);
        if (decide === 'accept') stream.accept(authcid);
        else if (decide === 'refuse') stream.refuse('not-authorized');
      },
      onBound: (jid) => log.push(`[bound ${jid}]`),
      onStanza: (stanza) => log.push(`[${stanza.name} ${stanza.text}]`),
      onPing: () => log.push('[ping]'),
      onWhitespace: () => log.push('[space]'),
      onEnd: (end) => log.push(`[end ${end.by}${end.by === 'error' ? ` ${end.condition}` : ''}]`),
    },
  );
  const say = (xml: string): string[] => {
    log.length = 0;
    stream.write(xml);
    return [...log];
  };
  return { stream, say, log };
}

function bound(options: Partial<ServerStreamOptions> = {}) {
  const peer = open(options);
  for (const xml of [HEADER, AUTH, HEADER, BIND]) peer.say(xml);
  return peer;
}

test('login, restart, bind, session, ping, message, close', (t) => {
  const { say, stream } = open();
  t.deepEqual(say(`<?xml version="1.0"?>${HEADER}`), [
    OURS,
    `<stream:features><mechanisms xmlns="${SASL}"><mechanism>X-OAUTH2</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>`,
  ]);
  t.deepEqual(say(AUTH), ['[user@host pass]', `<success xmlns="${SASL}"/>`]);
  t.deepEqual(say(HEADER), [
    OURS,
    '<stream:features><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></stream:features>',
  ]);
  t.deepEqual(say(BIND), [
    '<iq type="result" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>user@host/RES</jid></bind></iq>',
    '[bound user@host/RES]',
  ]);
  t.is(stream.state, 'bound');
  t.deepEqual(say('<iq type="set" id="s"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq>'), [
    '<iq type="result" id="s"/>',
  ]);
  t.deepEqual(say('<iq type="get" id="p"><ping xmlns="urn:xmpp:ping"/></iq>'), [
    '<iq type="result" id="p"/>',
    '[ping]',
  ]);
  t.deepEqual(say(' <message>hi</message>'), ['[space]', '[message hi]']);
  t.deepEqual(say('</stream:stream>'), ['</stream:stream>', '[end peer]']);
  t.deepEqual(say('<message/>'), []);
});

test('everything in one chunk, as a hasty client sends it', (t) => {
  const { say } = open();
  const seen = say(HEADER + AUTH + HEADER + BIND);
  t.is(seen.at(-1), '[bound user@host/RES]');
});

test('bind without id, and with a resource', (t) => {
  const { say } = open();
  for (const xml of [HEADER, AUTH, HEADER]) say(xml);
  const [result, event] = say(
    '<iq type="set"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>a&amp;b</resource></bind></iq>',
  );
  t.true(result?.startsWith('<iq type="result"><bind'));
  t.true(result?.includes('<jid>user@host/a&amp;b</jid>'));
  t.is(event, '[bound user@host/a&b]');
});

test('an unknown iq gets service-unavailable with what it asked [RFC 6120 §8.4]', (t) => {
  const { say } = bound();
  t.deepEqual(say('<iq type="get" id="r"><query xmlns="jabber:iq:roster"/></iq>'), [
    '<iq type="error" id="r"><query xmlns="jabber:iq:roster"/><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>',
  ]);
  t.deepEqual(say('<iq type="result" id="x"/>'), []);
  t.regex(say(BIND)[0] ?? '', /not-allowed/);
});

test('refuses a login, and ends the stream after too many', (t) => {
  const { say } = open({ maxLogins: 2 }, 'refuse');
  say(HEADER);
  t.deepEqual(say(AUTH).slice(1), [`<failure xmlns="${SASL}"><not-authorized/></failure>`]);
  t.is(say(AUTH).at(-1), '[end error policy-violation]');
});

for (const [what, auth, condition] of [
  ['a mechanism that is not offered', '<auth mechanism="SCRAM-SHA-1"/>', 'invalid-mechanism'],
  ['an offered mechanism that is not PLAIN', '<auth mechanism="X-OAUTH2">AAAA</auth>', 'not-authorized'],
  ['bad base64', '<auth mechanism="PLAIN">A</auth>', 'incorrect-encoding'],
  ['no NUL', '<auth mechanism="PLAIN">QUJD</auth>', 'malformed-request'],
  ['abort', '<abort/>', 'aborted'],
  ['something else', '<response/>', 'malformed-request'],
] as const) {
  test(`SASL failure: ${what}`, (t) => {
    const { say } = open();
    say(HEADER);
    const xml = auth.replace(/^<(\w+)/, `<$1 xmlns="${SASL}"`);
    t.deepEqual(say(xml), [`<failure xmlns="${SASL}"><${condition}/></failure>`]);
    t.is(say(AUTH).at(-1), `<success xmlns="${SASL}"/>`);
  });
}

test('asks for an initial response that is missing [RFC 6120 §6.4.2]', (t) => {
  const { say } = open();
  say(HEADER);
  t.deepEqual(say(`<auth xmlns="${SASL}" mechanism="PLAIN"/>`), [`<challenge xmlns="${SASL}"/>`]);
  t.is(say(`<response xmlns="${SASL}">${PLAIN}</response>`).at(-1), `<success xmlns="${SASL}"/>`);
});

test('PLAIN [RFC 4616 §2]', (t) => {
  const b64 = (text: string): string => Buffer.from(text).toString('base64');
  t.deepEqual(parsePlain(`\n${b64('a\0b\0ü')}\n`), { authzid: 'a', authcid: 'b', password: 'ü' });
  for (const bad of ['a\0b', '\0\0p', '\0b\0', 'a\0b\0c\0d']) t.is(parsePlain(b64(bad)), 'malformed-request');
  t.is(parsePlain(Buffer.from([0, 0xff, 0, 1]).toString('base64')), 'malformed-request');
  t.is(parsePlain('QQ'), 'incorrect-encoding');
});

test('nothing but waiting while credentials are checked', (t) => {
  const { say, stream } = open({}, 'later');
  say(HEADER);
  say(AUTH);
  t.is(stream.state, 'deciding');
  t.is(say('<message/>').at(-1), '[end error not-authorized]');
  stream.accept('x');
  t.is(stream.state, 'closed');
});

for (const [what, xml, condition] of [
  ['a self-closed header', `${HEADER.slice(0, -1)}/>`, undefined],
  ['another root', '<stream xmlns="jabber:client">', 'invalid-namespace'],
  ['another content namespace', HEADER.replace('jabber:client', 'jabber:server'), 'invalid-namespace'],
  ['no version', HEADER.replace('version="1.0"', ''), 'unsupported-version'],
  ['a foreign host', HEADER.replace('to="gcm', 'to="xyz'), 'host-unknown'],
  ['a stanza before the login', `${HEADER}<message/>`, 'not-authorized'],
  ['bad XML', `${HEADER}<a></b>`, 'not-well-formed'],
  ['a comment', `${HEADER}<!-- -->`, 'restricted-xml'],
] as const) {
  test(`ends the stream: ${what}`, (t) => {
    const { say, stream } = open({ hosts: ['gcm.googleapis.com'] });
    const seen = say(xml);
    t.is(seen[0], OURS, 'an error needs a header before it [RFC 6120 §4.9.1.2]');
    t.is(seen.at(-1), condition ? `[end error ${condition}]` : '[end peer]');
    t.true(seen.at(-2)?.endsWith('</stream:stream>'));
    t.is(stream.state, 'closed');
  });
}

test('a message before binding and an unknown stanza end the stream', (t) => {
  const unbound = open();
  for (const xml of [HEADER, AUTH, HEADER]) unbound.say(xml);
  t.is(unbound.say('<message/>').at(-1), '[end error not-authorized]');
  t.is(bound().say('<foo/>').at(-1), '[end error unsupported-stanza-type]');
});

test('closes in order: our end first, stanzas until theirs [RFC 6120 §4.4]', (t) => {
  const { say, stream, log } = bound();
  log.length = 0;
  stream.close();
  stream.close();
  t.deepEqual(log, ['</stream:stream>']);
  t.deepEqual(say('<message>last</message>'), ['[message last]']);
  t.deepEqual(say('</stream:stream>'), ['[end us]']);
});

test('limits reach the parser', (t) => {
  const { say } = bound({ limits: { stanzaBytes: 500 } });
  t.is(say(`<message>${'x'.repeat(600)}`).at(-1), '[end error policy-violation]');
});
