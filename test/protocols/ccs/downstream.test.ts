import test from 'ava';
import { ackStanza, downstreamStanza, pingStanza } from '../../../src/protocols/ccs/index.ts';
import { stanzas } from './elements.ts';

const json = (stanza: string): string => stanzas(stanza)[0]?.child('gcm', 'google:mobile:data')?.text ?? '';

test('id and TTL stand in front, the rest is not printed again', (t) => {
  const rest = '{ "to":"a:b",  "data":{"n":1.50,"big":12345678901234567890} }';
  t.is(
    downstreamStanza({ wireId: 'w1', json: rest, ttl: 0 }),
    '<message id="w1"><gcm xmlns="google:mobile:data">{"message_id":"w1","time_to_live":0, "to":"a:b",  "data":{"n":1.50,"big":12345678901234567890} }</gcm></message>',
  );
  t.is(
    downstreamStanza({ wireId: 'w1', json: '{"to":"a"}' }),
    '<message id="w1"><gcm xmlns="google:mobile:data">{"message_id":"w1","to":"a"}</gcm></message>',
  );
});

test('an empty object gets no comma', (t) => {
  t.deepEqual(JSON.parse(json(downstreamStanza({ wireId: 'w', json: '{}' }))), { message_id: 'w' });
  t.deepEqual(JSON.parse(json(downstreamStanza({ wireId: 'w', json: ' { } ', ttl: 5 }))), {
    message_id: 'w',
    time_to_live: 5,
  });
});

test('markup and what XML forbids survive; tokens and ids cannot break out', (t) => {
  const data = { a: `<b c="d">&'</gcm>]]>`, forbidden: '\ufffe\uffff', lone: '\ud800', pair: '👋' };
  const wireId = `"><&'`;
  const stanza = downstreamStanza({ wireId, json: JSON.stringify({ data }).replace('\\ud800', '\ud800') });
  t.false(/[\ufffe\uffff]|\p{Surrogate}/u.test(stanza));
  t.deepEqual(JSON.parse(json(stanza)), { message_id: wireId, data });
  t.is(stanzas(stanza)[0]?.attrs.id, wireId);
});

test('an ack names device and id, has no stanza id and no to attribute', (t) => {
  const stanza = ackStanza('dev"ice', 'id<1');
  t.deepEqual(JSON.parse(json(stanza)), { to: 'dev"ice', message_id: 'id<1', message_type: 'ack' });
  t.deepEqual({ ...stanzas(stanza)[0]?.attrs }, { id: '' });
});

test('[XEP-0199 §4.2] a ping goes to the server itself', (t) => {
  t.is(pingStanza('p1'), '<iq type="get" id="p1"><ping xmlns="urn:xmpp:ping"/></iq>');
});
