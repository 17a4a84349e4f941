import test from 'ava';
import {
  infoStanza,
  itemsStanza,
  presenceStanza,
  pushAnswer,
  readFeatures,
  readItems,
  readPush,
  readRegisterResult,
  readRequest,
  receiptStanza,
  registerStanza,
  unregisterStanza,
} from '../../../src/protocols/unifiedpush/index.ts';
import { hash, stanza } from './elements.ts';

const client = (text: string) => stanza(text, 'jabber:client');

test('what a client asks, as the service reads it', (t) => {
  const legacy = { dialect: 'legacy', token: 'a<b' } as const;
  const gultsch = { dialect: 'gultsch', application: hash(1), instance: hash(2) } as const;
  const read = (text: string) => readRequest(client(text), ['legacy', 'gultsch']);
  t.is(
    registerStanza('up.example', '1', legacy),
    '<iq type="set" to="up.example" id="1"><register xmlns="unifiedpush.org"><token>a&lt;b</token></register></iq>',
  );
  t.deepEqual(read(registerStanza('up.example', '1', legacy)), { kind: 'register', name: legacy });
  t.deepEqual(read(registerStanza('up.example', '1', gultsch)), { kind: 'register', name: gultsch });
  t.deepEqual(read(unregisterStanza('up.example', '1', 'a<b')), { kind: 'unregister', token: 'a<b' });
  t.deepEqual(read(infoStanza('up.example', '1')), { kind: 'info' });
  t.deepEqual(read(itemsStanza('up.example', '1')), { kind: 'items' });
});

test('what a client says', (t) => {
  t.is(presenceStanza('up.example', true), '<presence to="up.example"/>');
  t.is(presenceStanza('up.example', false), '<presence type="unavailable" to="up.example"/>');
  t.is(
    receiptStanza('up.example', '7'),
    '<message to="up.example"><received xmlns="urn:xmpp:receipts" id="7"/></message>',
  );
  t.is(pushAnswer('up.example', '7'), '<iq type="result" to="up.example" id="7"/>');
  t.is(
    pushAnswer('up.example', '7', { type: 'cancel', condition: 'item-not-found' }),
    '<iq type="error" to="up.example" id="7"><error type="cancel"><item-not-found xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>',
  );
});

const NS = 'http://gultsch.de/xmpp/drafts/unified-push';
const registered = (attributes: string): string =>
  `<iq type="result" id="1"><registered xmlns="${NS}" ${attributes}/></iq>`;
const endpoint = 'https://p.example/push/abc';
const longest = `https://p.example/${'a'.repeat(982)}`;

const GOOD: readonly { what: string; xml: string; endpoint: string; expiresAt?: number }[] = [
  {
    what: 'with whole seconds',
    xml: registered(`endpoint="${endpoint}" expiration="2026-02-03T04:05:06Z"`),
    endpoint,
    expiresAt: Date.UTC(2026, 1, 3, 4, 5, 6),
  },
  {
    what: 'with microseconds',
    xml: registered(`endpoint="${endpoint}" expiration="2026-02-03T04:05:06.789123Z"`),
    endpoint,
    expiresAt: Date.UTC(2026, 1, 3, 4, 5, 6, 789),
  },
  {
    what: 'with a zone',
    xml: registered(`endpoint="${endpoint}" expiration="2026-02-03T04:05:06+01:00"`),
    endpoint,
    expiresAt: Date.UTC(2026, 1, 3, 3, 5, 6),
  },
  { what: 'for ever', xml: registered(`endpoint="${endpoint}"`), endpoint },
  { what: 'of 1,000 bytes', xml: registered(`endpoint="${longest}"`), endpoint: longest },
  {
    what: 'old',
    xml: `<iq type="result" id="1"><register xmlns="unifiedpush.org"><endpoint>${endpoint}</endpoint></register></iq>`,
    endpoint,
  },
];

for (const { what, xml, ...rest } of GOOD) {
  test(`a registration ${what}`, (t) => t.deepEqual(readRegisterResult(client(xml)), { kind: 'registered', ...rest }));
}

const BAD: readonly { what: string; xml: string; condition?: string; text: string }[] = [
  { what: 'without an endpoint', xml: registered(''), text: 'no usable endpoint' },
  { what: 'for a file', xml: registered('endpoint="file:///etc/passwd"'), text: 'no usable endpoint' },
  { what: 'for no URL', xml: registered('endpoint="https://"'), text: 'no usable endpoint' },
  { what: 'of 1,001 bytes', xml: registered(`endpoint="${longest}a"`), text: 'no usable endpoint' },
  { what: 'until some day', xml: registered(`endpoint="${endpoint}" expiration="tomorrow"`), text: 'a bad expiration' },
  {
    what: 'until no day',
    xml: registered(`endpoint="${endpoint}" expiration="2026-99-03T04:05:06Z"`),
    text: 'a bad expiration',
  },
  {
    what: 'refused in the old words alone',
    xml: '<iq type="error" id="1"><register xmlns="unifiedpush.org"><error>no token</error></register></iq>',
    text: 'no token',
  },
  { what: 'refused without words', xml: '<iq type="error" id="1"/>', text: 'undefined-condition' },
];

for (const { what, xml, condition = 'undefined-condition', text } of BAD) {
  test(`a registration ${what} is none`, (t) => {
    t.deepEqual(readRegisterResult(client(xml)), { kind: 'refused', condition, text });
  });
}

const push = (attributes: string, text: string): string =>
  `<iq type="set" from="up.example" id="1"><push xmlns="${NS}" ${attributes}>${text}</push></iq>`;
const both = `application="${hash(1)}" instance="${hash(2)}"`;
const message = (children: string, type = ''): string => `<message${type} from="up.example">${children}</message>`;
const subject = '<subject>tok</subject>';
const content = (text: string): string => `<content xmlns="urn:pushbridge:content:0">${text}</content>`;

test('pushes of other services: lines of base64, the default type, no id', (t) => {
  t.like(readPush(client(push(both, '\n aGVs\r\n bG8=\n'))), { kind: 'push', body: Buffer.from('hello'), id: '1' });
  t.deepEqual(readPush(client(message(`${subject}<body>x</body>`, ' type="normal"'))), {
    kind: 'push',
    name: { dialect: 'legacy', token: 'tok' },
    body: Buffer.from('x'),
    id: undefined,
  });
});

const BAD_PUSHES: readonly { what: string; xml: string; condition: string }[] = [
  { what: 'no application', xml: push(`instance="${hash(1)}"`, 'AA=='), condition: 'item-not-found' },
  {
    what: 'a short instance',
    xml: push(`application="${hash(1)}" instance="AA=="`, 'AA=='),
    condition: 'item-not-found',
  },
  { what: 'no base64', xml: push(both, 'a!b='), condition: 'bad-request' },
  { what: 'half a group', xml: push(both, 'AAA'), condition: 'bad-request' },
  { what: 'nothing', xml: push(both, ''), condition: 'bad-request' },
  { what: '4,097 bytes', xml: push(both, Buffer.alloc(4097).toString('base64')), condition: 'bad-request' },
  { what: 'white space without end', xml: push(both, `AA==${' '.repeat(13_000)}`), condition: 'bad-request' },
  { what: 'no body', xml: message(subject), condition: 'bad-request' },
  { what: 'an empty body', xml: message(`${subject}<body/>`), condition: 'bad-request' },
  { what: 'an empty subject', xml: message('<subject/><body>x</body>'), condition: 'bad-request' },
  {
    what: 'a long subject',
    xml: message(`<subject>${'t'.repeat(101)}</subject><body>x</body>`),
    condition: 'bad-request',
  },
  { what: 'a long text', xml: message(`${subject}<body>${'x'.repeat(4097)}</body>`), condition: 'bad-request' },
  {
    what: 'a good text with bad content',
    xml: message(`${subject}<body>x</body>${content('a!b=')}`),
    condition: 'bad-request',
  },
];

for (const { what, xml, condition } of BAD_PUSHES) {
  test(`a push with ${what} is refused`, (t) => {
    t.like(readPush(client(xml)), { kind: 'bad', error: { condition } });
  });
}

test('a long fallback text does no harm to the content', (t) => {
  const body = Buffer.alloc(4096, 0xff);
  const xml = message(`${subject}<body>${'\ufffd'.repeat(4096)}</body>${content(body.toString('base64'))}`);
  t.like(readPush(client(xml)), { kind: 'push', body });
});

const NONE = [
  message(`${subject}<body>x</body>`, ' type="chat"'),
  message(`${subject}<body>x</body>`, ' type="error"'),
  message('<body>x</body>'),
  '<iq type="get" id="1"><ping xmlns="urn:xmpp:ping"/></iq>',
  push(both, 'AA==').replace('"set"', '"get"'),
  push(both, 'AA==').replace(NS, 'urn:example'),
  '<presence/>',
];

for (const xml of NONE) {
  test(`no push: ${xml}`, (t) => t.is(readPush(client(xml)), undefined));
}

test('discovery: features and items, of results, at most a thousand', (t) => {
  const info = (type: string, list: string): string =>
    `<iq type="${type}" id="1"><query xmlns="http://jabber.org/protocol/disco#info"><identity category="server"/>${list}</query></iq>`;
  t.deepEqual(readFeatures(client(info('result', '<feature var="a"/><feature/><feature var="b"/>'))), ['a', 'b']);
  t.deepEqual(readFeatures(client(info('error', '<feature var="a"/>'))), []);
  t.is(readFeatures(client(info('result', '<feature var="a"/>'.repeat(1_100)))).length, 1_000);
  const items =
    '<iq type="result" id="1"><query xmlns="http://jabber.org/protocol/disco#items"><item jid="x.example"/><item/></query></iq>';
  t.deepEqual(readItems(client(items)), ['x.example']);
  t.deepEqual(readItems(client('<iq type="result" id="1"/>')), []);
});
