import test from 'ava';
import type { Outcome } from '../../../src/core/index.ts';
import { type Bench, bench, message, said, until } from './bench.ts';
import type { Peer, Sent } from './scripted-server.ts';

/** Sends one message and answers it with `answer`. */
async function answered(answer: (peer: Peer, m: Sent) => void): Promise<{ outcome: Outcome; b: Bench }> {
  const b = await bench({ script: { message: answer } });
  return { outcome: await b.send(message({ messageId: 'own', target: 'token' })), b };
}

const verdicts: readonly [code: string, kind: Outcome['kind'], scope?: 'message' | 'target'][] = [
  ['SERVICE_UNAVAILABLE', 'later', 'message'],
  ['INTERNAL_SERVER_ERROR', 'later', 'message'],
  ['SOMETHING_NEW', 'later', 'message'],
  ['DEVICE_MESSAGE_RATE_EXCEEDED', 'later', 'target'],
  ['QUOTA_EXCEEDED', 'later', 'target'],
  ['TOPICS_MESSAGE_RATE_EXCEEDED', 'later', 'target'],
  ['CONNECTION_DRAINING', 'unsent'],
  ['DEVICE_UNREGISTERED', 'gone'],
  ['BAD_REGISTRATION', 'refused'],
  ['INVALID_JSON', 'refused'],
  ['INVALID_APNS_CREDENTIAL', 'refused'],
  ['AUTHENTICATION_FAILED', 'refused'],
  ['INVALID_TTL', 'refused'],
  ['JSON_TYPE_ERROR', 'refused'],
];

for (const [code, kind, scope] of verdicts) {
  test(`[fcm.md §1.6] nack ${code}: ${kind} ${scope ?? ''}`, async (t) => {
    const { outcome, b } = await answered((peer, m) => peer.nack(m, code, { error_description: 'why' }));
    t.is(outcome.kind, kind);
    if (outcome.kind === 'later') t.is(outcome.scope, scope ?? 'message');
    if ('code' in outcome) {
      t.is(outcome.code, code);
      t.is(outcome.because, 'why');
      t.deepEqual(JSON.parse(outcome.reply), {
        from: 'token',
        message_id: 'own',
        message_type: 'nack',
        error: code,
        error_description: 'why',
      });
    }
    await b[Symbol.asyncDispose]();
  });
}

test('a nack in the words of 2013: the code is the first of them', async (t) => {
  const { outcome, b } = await answered((peer, m) => peer.nack(m, 'InvalidJson : INVALID_TTL : Invalid value (-1)'));
  t.like(outcome, { kind: 'refused', code: 'InvalidJson', because: 'INVALID_TTL : Invalid value (-1)' });
  await b[Symbol.asyncDispose]();
});

test('a nack without an error is tried again like INTERNAL_SERVER_ERROR', async (t) => {
  const { outcome, b } = await answered((peer, m) => peer.nack(m, ''));
  t.like(outcome, { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR' });
  await b[Symbol.asyncDispose]();
});

test('a canonical registration_id reaches the backend', async (t) => {
  const { outcome, b } = await answered((peer, m) => peer.ack(m, { registration_id: 'new-token' }));
  t.like(outcome.kind === 'accepted' && JSON.parse(outcome.reply), { registration_id: 'new-token', message_id: 'own' });
  await b[Symbol.asyncDispose]();
});

test('both element forms, any prefix, CDATA, pretty JSON', async (t) => {
  const forms = [
    (json: string) => `<message id=""><gcm xmlns="google:mobile:data">\n${json}\n</gcm></message>`,
    (json: string) => `<message><data:gcm xmlns:data="google:mobile:data">${json}</data:gcm></message>`,
    (json: string) =>
      `<message type='normal'><x:gcm xmlns:x='google:mobile:data'><![CDATA[${json}]]></x:gcm></message>`,
    (json: string) => `<message><gcm xmlns="google:mobile:data">${json.replaceAll('"', '&quot;')}</gcm></message>`,
  ];
  let n = 0;
  await using b = await bench({
    script: {
      message: (peer, m) =>
        peer.write(
          forms[n++ % forms.length]?.(
            JSON.stringify({ message_type: 'ack', from: 'token', message_id: m.json.message_id }, null, 1),
          ) ?? '',
        ),
    },
  });
  for (const _ of forms) t.is((await b.send(message())).kind, 'accepted');
});

test('the same name in a foreign namespace is no payload', async (t) => {
  await using b = await bench();
  b.server.peers[0]?.write('<message><gcm xmlns="other">{"message_type":"ack","message_id":"x"}</gcm></message>');
  await until(() => b.events.no_payload === 1);
  t.is(b.provider.pool().open, 1);
});

test('[fcm.md §1.7] stanza errors are correlated by stanza id, or by the echoed JSON even if that is broken', async (t) => {
  const error =
    '<error code="400" type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">InvalidJson: JSON_PARSING_ERROR</text></error>';
  const answers = [
    (m: Sent) =>
      `<message id="${m.id}" type="error" to="1@gcm.googleapis.com/R"><gcm xmlns="google:mobile:data"/>${error}</message>`,
    (m: Sent) =>
      `<message type="error"><gcm xmlns="google:mobile:data">${JSON.stringify(m.json)}</gcm>${error}</message>`,
    (m: Sent) =>
      `<message id="" type="error"><data:gcm xmlns:data="google:mobile:data">{"message_id" : "${m.id}", broken</data:gcm>${error}</message>`,
  ];
  let n = 0;
  await using b = await bench({ script: { message: (peer, m) => peer.write(answers[n++]?.(m) ?? '') } });
  for (const _ of answers) {
    const outcome = await b.send(message({ messageId: 'own', target: 'the-token' }));
    t.like(outcome, { kind: 'refused', code: 'INVALID_JSON', because: 'InvalidJson: JSON_PARSING_ERROR' });
    t.like(outcome.kind === 'refused' && JSON.parse(outcome.reply), { message_id: 'own', to: 'the-token' });
  }
  t.is(b.events.stanza_error, 3);
  t.is(b.provider.pool().open, 1);
});

test('a stanza error that says wait is tried again', async (t) => {
  const { outcome, b } = await answered((peer, m) =>
    peer.write(
      `<message id="${m.id}" type="error"><error type="wait"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>`,
    ),
  );
  t.like(outcome, { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' });
  await b[Symbol.asyncDispose]();
});

test('406 is counted and never answered, even if its id is one in flight', async (t) => {
  await using b = await bench();
  const sent = b.send(message());
  const peer = await until(() => b.server.peers[0]);
  const m = await until(() => peer.messages[0]);
  const { text } = peer;
  peer.write(
    `<message id="${m.id}" type="error"><error code="406" type="modify"><not-acceptable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>`,
  );
  await until(() => b.events.error_406 === 1);
  t.is(await said(peer, text.length), '');
  peer.ack(m);
  t.is((await sent).kind, 'accepted');
});

test('unknown types, unknown ids, broken JSON and BAD_ACK are counted, and nothing is answered', async (t) => {
  await using b = await bench();
  const peer = await until(() => b.server.peers[0]);
  const { text } = peer;
  peer.say({ message_type: 'whatever', message_id: '1' });
  peer.say({ message_type: 'control', control_type: 'SOMETHING_ELSE' });
  peer.say({ message_type: 'ack', message_id: 'never-sent' });
  peer.say({ message_type: 'ack' });
  peer.say({ message_type: 'nack', message_id: 7, error: 'INVALID_JSON' });
  peer.say({ message_type: 'nack', message_id: 'upstream', error: 'BAD_ACK', error_description: 'malformed' });
  peer.say('{"message_type": broken');
  peer.say('[1]');
  peer.say('null');
  peer.say({ no: 'fields' });
  peer.write('<presence/><foo xmlns="bar"/><message/>');
  await until(() => b.events.no_payload === 1);
  t.like(b.events, { unknown_type: 2, unexpected_answer: 3, bad_json: 3, bad_fields: 1, bad_ack: 1 });
  t.is(b.log.filter((line) => line.event === 'the service did not like an ack').length, 1);
  t.is(await said(peer, text.length), '');
  t.is(b.provider.pool().open, 1);
});

test('an ack that comes twice settles once', async (t) => {
  const { outcome, b } = await answered((peer, m) => {
    peer.ack(m);
    peer.ack(m);
  });
  t.is(outcome.kind, 'accepted');
  await until(() => b.events.unexpected_answer === 1);
  t.is(b.provider.room(), 100);
  t.is(b.provider.pool().used, 0);
  await b[Symbol.asyncDispose]();
});

test('after SERVICE_UNAVAILABLE the same connection is preferred while it lives', async (t) => {
  await using b = await bench({ options: { pool: { min: 3, max: 3, window: 2 } }, wait: 3 });
  const [x, y, z] = [message(), message(), message()];
  void b.send(x);
  void b.send(message());
  const second = b.send(y);
  const there = await until(() => b.server.peers.find((p) => p.messages.some((m) => m.id === y.wireId)));
  const m = await until(() => there.messages[0]);
  there.nack(m, 'SERVICE_UNAVAILABLE');
  t.is((await second).kind, 'later');
  for (const peer of b.server.peers) for (const sent of peer.messages) if (peer !== there) peer.ack(sent);
  await until(() => b.provider.room() === 6);
  void b.send(z);
  void b.send(y);
  await until(() => there.messages.filter((sent) => sent.id === y.wireId).length === 2);
  t.pass();
});
