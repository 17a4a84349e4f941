import test from 'ava';
import { ServerStream, type XmlLimits } from '../../../src/protocols/xmpp/index.ts';
import { chunks, fc, holds, same } from '../../properties.ts';
import { stanzas } from '../ccs/elements.ts';

const NS = 'urn:ietf:params:xml:ns:xmpp-';
const HEADER =
  '<stream:stream to="host" version="1.0" xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">';
const AUTH = `<auth xmlns="${NS}sasl" mechanism="PLAIN">${Buffer.from('\0user\0key').toString('base64')}</auth>`;
const BIND = `<iq type="set" id="b"><bind xmlns="${NS}bind"/></iq>`;

/** A server's stream and all that it wrote and told. */
function open(limits: Partial<XmlLimits> = {}) {
  const told = { written: '', stanzas: 0, ends: [] as string[] };
  const stream: ServerStream = new ServerStream(
    {
      domain: 'host',
      hosts: ['host'],
      mechanisms: ['PLAIN'],
      session: true,
      maxLogins: 3,
      limits,
      newId: () => '1',
      resource: () => 'R',
    },
    {
      send: (xml) => {
        told.written += xml;
      },
      onCredentials: ({ authcid }) => (authcid === 'user' ? stream.accept(authcid) : stream.refuse('not-authorized')),
      onBound() {},
      onStanza: () => void told.stanzas++,
      onEnd: (end) => void told.ends.push(end.by === 'error' ? end.condition : end.by),
    },
  );
  return { stream, told };
}

/** What clients say, in order and out of it. */
const bits = fc.constantFrom(
  HEADER,
  `<?xml version="1.0"?>${HEADER}`,
  HEADER.replace('1.0', '0.9'),
  HEADER.replace('jabber:client', 'jabber:server'),
  HEADER.replace('"host"', '"other"'),
  AUTH,
  AUTH.replace('PLAIN', 'X-OAUTH2'),
  `<auth xmlns="${NS}sasl" mechanism="PLAIN"/>`,
  `<auth xmlns="${NS}sasl" mechanism="PLAIN">!</auth>`,
  `<response xmlns="${NS}sasl">${Buffer.from('\0other\0key').toString('base64')}</response>`,
  `<abort xmlns="${NS}sasl"/>`,
  BIND,
  `<p:iq xmlns:p="jabber:client" type="set"><q:bind xmlns:q="${NS}bind"><q:resource>r</q:resource></q:bind></p:iq>`,
  `<iq type="set" id="s"><session xmlns="${NS}session"/></iq>`,
  '<iq type="get" id="p"><ping xmlns="urn:xmpp:ping"/></iq>',
  '<iq type="get" id="q"><a:b xmlns:a="u" a:c="d"/></iq>',
  '<iq type="result" id="r"/>',
  '<message>hi</message>',
  '<presence/>',
  '<message xmlns="other"/>',
  ' ',
  '</stream:stream>',
  '<!-- -->',
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '<?p i?>',
  '<message>&b;</message>',
);
/** Mostly a login as it should be, and then anything. */
const talk = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 4, 4, 4), fc.array(bits, { maxLength: 8 }))
  .map(([steps, rest]) => Buffer.from([...[HEADER, AUTH, HEADER, BIND].slice(0, steps), ...rest].join('')));

test('whatever a client says, and however it is cut: readable answers, one end at most, nothing after it', (t) => {
  const cut = talk.chain((bytes) => chunks(bytes).map((pieces) => ({ bytes, pieces })));
  holds(
    t,
    cut,
    ({ bytes, pieces }) => {
      const [whole, parts] = [open(), open()];
      whole.stream.write(bytes);
      for (const piece of pieces) parts.stream.write(piece);
      same(parts.told, whole.told);
      const { written, ends } = whole.told;
      same(ends.length <= 1, true);
      if (ends.length === 1) same(written === '' || written.endsWith('</stream:stream>'), true);
      for (const piece of written.split(/<stream:stream [^>]*>/)) stanzas(piece.replace('</stream:stream>', ''));
      if (ends.length === 0) return;
      whole.stream.write('<message/>');
      same(whole.told, { ...whole.told, written, ends: ends.slice(0, 1) });
    },
    1_000,
  );
});

test('stanzas come through only behind a login and a binding, whatever else is said', (t) => {
  const noLogin = fc.array(bits, { maxLength: 10 }).map((list) => list.filter((bit) => !bit.includes(AUTH)));
  holds(t, noLogin, (list) => {
    const { stream, told } = open();
    stream.write(list.join(''));
    same(told.stanzas, 0);
  });
});

test('[RFC 6120 §4.9.3.14] limits of a server hold at the limit and one past it, before and after the login', (t) => {
  const login = HEADER + AUTH + HEADER + BIND;
  holds(t, fc.tuple(fc.integer({ min: 300, max: 5_000 }), fc.constantFrom(login, HEADER)), ([stanzaBytes, before]) => {
    const message = (size: number) => `<message>${'x'.repeat(size - '<message></message>'.length)}</message>`;
    const ends = (size: number) => {
      const { stream, told } = open({ stanzaBytes });
      stream.write(before + message(size));
      return told.ends;
    };
    same(ends(stanzaBytes), before === login ? [] : ['not-authorized']);
    same(ends(stanzaBytes + 1), ['policy-violation']);
  });
});
