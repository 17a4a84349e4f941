import test from 'ava';
import { pushStanza, readPush, readPushAnswer, readReceipt } from '../../../src/protocols/unifiedpush/index.ts';
import { hash, stanza } from './elements.ts';

const at = { from: 'up.example', to: 'a@example/x', id: '7' };
const legacy = { dialect: 'legacy', token: 'tok' } as const;
const gultsch = { dialect: 'gultsch', application: hash(1), instance: hash(2) } as const;
const TAIL =
  '<request xmlns="urn:xmpp:receipts"/><no-permanent-store xmlns="urn:xmpp:hints"/><no-copy xmlns="urn:xmpp:hints"/><private xmlns="urn:xmpp:carbons:2"/></message>';
const HEAD = '<message from="up.example" to="a@example/x" id="7"><subject>tok</subject>';

test('the old dialect: no type, the token as subject, the text as body', (t) => {
  t.is(
    pushStanza(at, legacy, Buffer.from('a <b> & \u{1f600}\n\t]]>')),
    `${HEAD}<body>a &lt;b&gt; &amp; \u{1f600}\n\t]]&gt;</body>${TAIL}`,
  );
});

const BINARY: readonly { what: string; body: Buffer; text: string }[] = [
  { what: 'bytes that are no UTF-8', body: Buffer.from([0x61, 0xff, 0x62]), text: 'a\ufffdb' },
  { what: 'a control character', body: Buffer.from('a\0b'), text: 'a\ufffdb' },
  { what: 'a noncharacter', body: Buffer.from('a\uffffb'), text: 'a\ufffdb' },
  { what: 'a carriage return, which servers lose', body: Buffer.from('a\r\nb'), text: 'a\n\nb' },
];

for (const { what, body, text } of BINARY) {
  test(`the old dialect: ${what}: base64 beside the text`, (t) => {
    const content = `<content xmlns="urn:pushbridge:content:0">${body.toString('base64')}</content>`;
    t.is(pushStanza(at, legacy, body), `${HEAD}<body>${text}</body>${content}${TAIL}`);
  });
}

test('the newer dialect: a question with base64', (t) => {
  t.is(
    pushStanza(at, gultsch, Uint8Array.of(0, 0xff, 0x10)),
    `<iq type="set" from="up.example" to="a@example/x" id="7"><push xmlns="http://gultsch.de/xmpp/drafts/unified-push" application="${hash(1)}" instance="${hash(2)}">AP8Q</push></iq>`,
  );
});

test('a body is a piece of a larger buffer', (t) => {
  const piece = Buffer.from('__hello__').subarray(2, 7);
  t.regex(pushStanza(at, legacy, piece), /<body>hello<\/body>/);
  t.regex(pushStanza(at, gultsch, piece), />aGVsbG8=</);
});

test('what is written is read by the other side, whatever the bytes are', (t) => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (const name of [legacy, gultsch]) {
    for (const body of [every, Buffer.from(' \n'), Buffer.alloc(4096, 0xee), Buffer.from('€'.repeat(1365))]) {
      const read = readPush(stanza(pushStanza(at, name, body), 'jabber:client'));
      t.deepEqual(read, { kind: 'push', name, body, id: '7' });
    }
  }
});

const error = (condition: string, more = ''): string =>
  `<error type="cancel"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>${more}</error>`;

type Kind = 'gone' | 'away' | 'trouble';
const ANSWERS: readonly { condition: string; iq: Kind; message: Kind }[] = [
  { condition: 'item-not-found', iq: 'gone', message: 'trouble' },
  { condition: 'feature-not-implemented', iq: 'gone', message: 'trouble' },
  { condition: 'service-unavailable', iq: 'away', message: 'away' },
  { condition: 'recipient-unavailable', iq: 'away', message: 'away' },
  { condition: 'remote-server-not-found', iq: 'away', message: 'away' },
  { condition: 'remote-server-timeout', iq: 'away', message: 'away' },
  { condition: 'gone', iq: 'away', message: 'away' },
  { condition: 'bad-request', iq: 'trouble', message: 'trouble' },
  { condition: 'internal-server-error', iq: 'trouble', message: 'trouble' },
  { condition: 'resource-constraint', iq: 'trouble', message: 'trouble' },
  { condition: 'forbidden', iq: 'trouble', message: 'trouble' },
];

for (const { condition, ...kinds } of ANSWERS) {
  test(`an answer of ${condition} means ${kinds.iq}; the bounce of a message ${kinds.message}`, (t) => {
    for (const name of ['iq', 'message'] as const) {
      for (const ns of ['jabber:client', 'jabber:component:accept'] as const) {
        const answer = stanza(`<${name} type="error" id="7">${error(condition)}</${name}>`, ns);
        t.deepEqual(readPushAnswer(answer), { kind: kinds[name], condition, text: '' });
      }
    }
  });
}

test('a result is all that says taken', (t) => {
  t.deepEqual(readPushAnswer(stanza('<iq type="result" id="7"/>')), { kind: 'taken' });
  t.is(readPushAnswer(stanza('<iq type="get" id="7"/>')), undefined);
  t.is(readPushAnswer(stanza('<message id="7"/>')), undefined);
});

test('errors of every shape are read', (t) => {
  const read = (children: string) => readPushAnswer(stanza(`<iq type="error" id="7">${children}</iq>`));
  const kind = 'trouble' as const;
  t.deepEqual(read(''), { kind, condition: 'undefined-condition', text: '' });
  t.deepEqual(read('<error/>'), { kind, condition: 'undefined-condition', text: '' });
  t.deepEqual(read('<error>words<item-not-found/></error>'), { kind, condition: 'undefined-condition', text: '' });
  const text = `<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"> ${'w'.repeat(300)}</text>`;
  t.deepEqual(read(error('conflict', text)), { kind, condition: 'conflict', text: 'w'.repeat(200) });
  const own = '<odd xmlns="urn:example"/>';
  t.deepEqual(read(error('conflict', own)), { kind, condition: 'conflict', text: '' });
  // The echo of the push comes first.
  const echo = `<push xmlns="http://gultsch.de/xmpp/drafts/unified-push">AA==</push>${error('item-not-found')}`;
  t.deepEqual(read(echo), { kind: 'gone', condition: 'item-not-found', text: '' });
});

test('receipts', (t) => {
  t.is(readReceipt(stanza('<message><received xmlns="urn:xmpp:receipts" id="7"/></message>')), '7');
  t.is(readReceipt(stanza('<message><received xmlns="urn:xmpp:receipts"/></message>')), undefined);
  t.is(readReceipt(stanza('<message><received id="7"/></message>')), undefined);
});
