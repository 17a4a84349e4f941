import test from 'ava';
import {
  emptyReply,
  infoReply,
  itemsReply,
  readRegisterResult,
  refusal,
  registeredReply,
  unregisteredReply,
} from '../../../src/protocols/unifiedpush/index.ts';
import { stanza } from './elements.ts';

const at = { from: 'up.example', to: 'a@example/"x"', id: '<1>' };
const START = 'from="up.example" to="a@example/&quot;x&quot;" id="&lt;1&gt;"';

test('a registration in the old dialect', (t) => {
  t.is(
    registeredReply(at, 'legacy', 'https://p.example/push/a?b&c', 1),
    `<iq type="result" ${START}><register xmlns="unifiedpush.org"><endpoint>https://p.example/push/a?b&amp;c</endpoint></register></iq>`,
  );
});

test('a registration in the newer one: with the second in which it ends', (t) => {
  t.is(
    registeredReply(at, 'gultsch', 'https://p.example/push/a?b&c', Date.UTC(2026, 1, 3, 4, 5, 6, 789)),
    `<iq type="result" ${START}><registered xmlns="http://gultsch.de/xmpp/drafts/unified-push" endpoint="https://p.example/push/a?b&amp;c" expiration="2026-02-03T04:05:06Z"/></iq>`,
  );
  t.notRegex(registeredReply(at, 'gultsch', 'https://p.example/push/a'), /expiration/);
});

test('refusals: a stanza error, and before it the word that old clients look for', (t) => {
  const error = { type: 'modify', condition: 'bad-request', text: 'no <token>' } as const;
  const standard =
    '<error type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">no &lt;token&gt;</text></error>';
  t.is(refusal(at, error), `<iq type="error" ${START}>${standard}</iq>`);
  t.is(
    refusal(at, error, 'register'),
    `<iq type="error" ${START}><register xmlns="unifiedpush.org"><error>no &lt;token&gt;</error></register>${standard}</iq>`,
  );
  const { text: _, ...silent } = error;
  t.regex(refusal(at, silent, 'unregister'), /<unregister xmlns="unifiedpush.org"><error>bad-request<\/error>/);
});

test('an endpoint that was given up', (t) => {
  t.is(
    unregisteredReply(at, 'a&b'),
    `<iq type="result" ${START}><unregister xmlns="unifiedpush.org"><token>a&amp;b</token><success/></unregister></iq>`,
  );
});

test('what the service is, what it has, that it is there', (t) => {
  t.is(
    infoReply(at, 'A "push" service', ['unifiedpush.org', 'urn:xmpp:ping']),
    `<iq type="result" ${START}><query xmlns="http://jabber.org/protocol/disco#info"><identity category="pubsub" type="push" name="A &quot;push&quot; service"/><feature var="unifiedpush.org"/><feature var="urn:xmpp:ping"/></query></iq>`,
  );
  t.is(itemsReply(at), `<iq type="result" ${START}><query xmlns="http://jabber.org/protocol/disco#items"/></iq>`);
  t.is(emptyReply(at), `<iq type="result" ${START}/>`);
  t.is(emptyReply({ from: 'a', to: 'b' }), '<iq type="result" from="a" to="b"/>');
});

test('what is written is read by the other side', (t) => {
  const endpoint = 'https://p.example/push/abc';
  const read = (text: string) => readRegisterResult(stanza(text, 'jabber:client'));
  t.deepEqual(read(registeredReply(at, 'legacy', endpoint)), { kind: 'registered', endpoint });
  t.deepEqual(read(registeredReply(at, 'gultsch', endpoint, 1_700_000_000_000)), {
    kind: 'registered',
    endpoint,
    expiresAt: 1_700_000_000_000,
  });
  const error = { type: 'auth', condition: 'forbidden', text: 'not for you' } as const;
  for (const what of [undefined, 'register'] as const) {
    t.deepEqual(read(refusal(at, error, what)), { kind: 'refused', condition: 'forbidden', text: 'not for you' });
  }
});
