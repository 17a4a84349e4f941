import test from 'ava';
import type { Outcome } from '../../../src/core/index.ts';
import { accept, brief, FakeProvider, gcm, message, refusal, startDoor } from './harness.ts';

const answering = (outcome: Outcome) => new FakeProvider('fake', 100, () => outcome);

test('a message comes to the provider with all it says, and its ack back', async (t) => {
  const { login, provider } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  const data = { a: 'Grüße <&> ✓' };
  client.send({ message_id: 'm1', to: 'device:1', time_to_live: 600, priority: 'high', collapse_key: 'c', data });
  t.deepEqual(await client.json(), { from: 'device:1', message_id: 'm1', message_type: 'ack' });
  const { message: seen } = await provider.attempt(1);
  t.deepEqual(seen.payload, {
    kind: 'fcm',
    json: JSON.stringify({ to: 'device:1', priority: 'high', collapse_key: 'c', data }),
  });
  t.like(seen, {
    session: 'ccs:123456',
    messageId: 'm1',
    ttl: 600,
    priority: 'high',
    target: 'device:1',
    receipt: false,
  });
  t.is(seen.expiresAt - seen.acceptedAt, 600_000);
});

test('the stanza of an ack is the one of the recordings [fcm.md §1.3]', async (t) => {
  const { login } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  client.send(message('m"<1', { to: 'a:"<&>' }));
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.is(
    xml,
    '<message><data:gcm xmlns:data="google:mobile:data">{"from":"a:\\"&lt;&amp;&gt;","message_id":"m\\"&lt;1","message_type":"ack"}</data:gcm></message>',
  );
});

test('an ack carries what the service said besides, under the own id of the sender', async (t) => {
  const reply = { from: 'x', to: 'y', message_id: 'wire', message_type: 'ack', registration_id: 'new', success: 1 };
  const { login } = await startDoor(t, { provider: answering({ kind: 'accepted', reply: JSON.stringify(reply) }) });
  const client = await login();
  client.send(message('m1'));
  t.deepEqual(await client.json(), {
    from: 'device:1',
    message_id: 'm1',
    message_type: 'ack',
    registration_id: 'new',
    success: 1,
  });
});

for (const reply of ['', '[1]', 'null', '"text"', '{']) {
  test(`an ack goes out whatever the service said: ${reply}`, async (t) => {
    const { login } = await startDoor(t, { provider: answering({ kind: 'accepted', reply }) });
    const client = await login();
    client.send(message('m1'));
    t.deepEqual(await client.json(), { from: 'device:1', message_id: 'm1', message_type: 'ack' });
  });
}

test('a condition is a target too, and answers are from it', async (t) => {
  const { login } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  const condition = "'a' in topics || 'b' in topics";
  client.send({ message_id: 'm1', condition, notification: { title: 'x' } });
  t.like(await client.json(), { from: condition, message_type: 'ack' });
});

// [fcm.md §1.6] What a provider says, and what an app server is told.
for (const [code, told, words] of [
  ['INVALID_JSON', 'INVALID_JSON', 'why'],
  ['BAD_REGISTRATION', 'BAD_REGISTRATION', 'why'],
  ['DEVICE_UNREGISTERED', 'DEVICE_UNREGISTERED', 'why'],
  ['BAD_ACK', 'BAD_ACK', 'why'],
  ['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE', 'why'],
  ['INTERNAL_SERVER_ERROR', 'INTERNAL_SERVER_ERROR', 'why'],
  ['DEVICE_MESSAGE_RATE_EXCEEDED', 'DEVICE_MESSAGE_RATE_EXCEEDED', 'why'],
  ['TOPICS_MESSAGE_RATE_EXCEEDED', 'TOPICS_MESSAGE_RATE_EXCEEDED', 'why'],
  ['CONNECTION_DRAINING', 'CONNECTION_DRAINING', 'why'],
  ['INVALID_APNS_CREDENTIAL', 'INVALID_APNS_CREDENTIAL', 'why'],
  ['QUOTA_EXCEEDED', 'DEVICE_MESSAGE_RATE_EXCEEDED', 'QUOTA_EXCEEDED: why'],
  ['INVALID_TTL', 'INVALID_JSON', 'INVALID_TTL: why'],
  ['JSON_TYPE_ERROR', 'INVALID_JSON', 'JSON_TYPE_ERROR: why'],
  ['JSON_PARSING_ERROR', 'INVALID_JSON', 'JSON_PARSING_ERROR: why'],
  ['InvalidJson', 'INVALID_JSON', 'InvalidJson: why'],
  ['MissingRegistration', 'INVALID_JSON', 'MissingRegistration: why'],
  ['MessageTooBig', 'INVALID_JSON', 'MessageTooBig: why'],
  ['InvalidDataKey', 'INVALID_JSON', 'InvalidDataKey: why'],
  ['InvalidTtl', 'INVALID_JSON', 'InvalidTtl: why'],
  ['InvalidRegistration', 'BAD_REGISTRATION', 'InvalidRegistration: why'],
  ['MismatchSenderId', 'BAD_REGISTRATION', 'MismatchSenderId: why'],
  ['NotRegistered', 'DEVICE_UNREGISTERED', 'NotRegistered: why'],
  ['Unavailable', 'SERVICE_UNAVAILABLE', 'Unavailable: why'],
  ['InternalServerError', 'INTERNAL_SERVER_ERROR', 'InternalServerError: why'],
  ['DeviceMessageRateExceeded', 'DEVICE_MESSAGE_RATE_EXCEEDED', 'DeviceMessageRateExceeded: why'],
  ['TopicsMessageRateExceeded', 'TOPICS_MESSAGE_RATE_EXCEEDED', 'TopicsMessageRateExceeded: why'],
  ['InvalidApnsCredential', 'INVALID_APNS_CREDENTIAL', 'InvalidApnsCredential: why'],
  ['INVALID_MESSAGE', 'INVALID_JSON', 'INVALID_MESSAGE: why'],
  ['PAYLOAD_TOO_LARGE', 'INVALID_JSON', 'PAYLOAD_TOO_LARGE: why'],
  ['NO_PROVIDER', 'SERVICE_UNAVAILABLE', 'NO_PROVIDER: why'],
  ['AUTHENTICATION_FAILED', 'INTERNAL_SERVER_ERROR', 'AUTHENTICATION_FAILED: why'],
  ['Unheard', 'INTERNAL_SERVER_ERROR', 'Unheard: why'],
  ['constructor', 'INTERNAL_SERVER_ERROR', 'constructor: why'],
] as const) {
  test(`nack: ${code} is ${told} to an app server`, async (t) => {
    const { login } = await startDoor(t, { provider: answering(refusal(code)) });
    const client = await login();
    client.send(message('m1'));
    t.deepEqual(await client.json(), {
      message_type: 'nack',
      from: 'device:1',
      message_id: 'm1',
      error: told,
      error_description: words,
    });
  });
}

test('a message that expires is nacked SERVICE_UNAVAILABLE', async (t) => {
  const { login } = await startDoor(t, {
    provider: answering({ kind: 'later', scope: 'message', code: 'BUSY', because: '', reply: '{}' }),
  });
  const client = await login();
  client.send(message('m1', { time_to_live: 0 }));
  const nack = await client.json();
  t.deepEqual(brief([nack]), ['nack m1 SERVICE_UNAVAILABLE']);
  t.regex(String(nack.error_description), /^EXPIRED: time to live is over; last: BUSY/);
});

for (const [what, more, code, words] of [
  ['registration_ids', { registration_ids: ['a'] }, 'INVALID_JSON', /registration_ids/],
  ['a TTL in text', { time_to_live: '600' }, 'INVALID_JSON', /INVALID_TTL/],
  ['no target', { to: undefined }, 'INVALID_JSON', /MissingRegistration/],
  ['a token with a blank', { to: 'a b' }, 'BAD_REGISTRATION', /token/],
  ['a reserved key', { data: { from: 'x' } }, 'INVALID_JSON', /InvalidDataKey : from/],
  ['too much data', { data: { a: 'x'.repeat(4_096) } }, 'INVALID_JSON', /MessageTooBig/],
  ['an id that is too long', { message_id: 'x'.repeat(1_025) }, 'INVALID_JSON', /longer than 1024 bytes/],
] as const) {
  test(`nacked at the door: ${what} [fcm.md §1.4]`, async (t) => {
    const { login, provider, count } = await startDoor(t);
    const client = await login();
    client.send(message('m1', more));
    const nack = await client.json();
    t.is(nack.error, code);
    t.regex(String(nack.error_description), words);
    t.is(nack.from, (more as { to?: string }).to ?? ('to' in more ? '' : 'device:1'));
    t.is(provider.attempts.length, 0);
    t.is(count(`pushbridge_rejects_total ${code}`), 1);
  });
}

test('an id of 1024 bytes is taken', async (t) => {
  const { login } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  const id = 'x'.repeat(1_024);
  client.send(message(id));
  t.like(await client.json(), { message_type: 'ack', message_id: id });
});

test('what the provider would refuse anyway is nacked at the door', async (t) => {
  const provider = new FakeProvider();
  provider.refusal = { code: 'PAYLOAD_TOO_LARGE', because: 'data has 5 bytes' };
  const { login, store } = await startDoor(t, { provider });
  const client = await login();
  client.send(message('m1'));
  t.like(await client.json(), { error: 'INVALID_JSON', error_description: 'PAYLOAD_TOO_LARGE: data has 5 bytes' });
  t.is(store.pending('ccs:123456'), 0);
});

for (const [what, stanza, text] of [
  ['no message_id', gcm({ to: 'a' }), /missing required field: message_id/i],
  ['bad JSON', '<message id="3"><gcm xmlns="google:mobile:data">{"message_id":</gcm></message>', /JSON_PARSING_ERROR/],
  ['no gcm element', '<message id="3"><body>hello</body></message>', /missing gcm element/],
  ['a token as address', gcm({ message_id: 'm1' }).replace('<message', '<message to="device:1"'), /JID malformed/],
] as const) {
  test(`stanza error 400 with an echo: ${what} [fcm.md §1.7]`, async (t) => {
    const { login, count } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
    const client = await login();
    client.write(stanza);
    const [xml] = await client.expect(/<message[^>]* type="error".*?<\/message>/);
    t.regex(xml, / to="123456@gcm\.googleapis\.com\/[0-9A-F]+"/);
    t.regex(xml, /<error code="400" type="modify">/);
    t.regex(xml, text);
    const [child = ''] = /<(?:gcm|body).*<\/(?:gcm|body)>/.exec(stanza) ?? [];
    t.true(xml.replaceAll('&quot;', '"').includes(child.replaceAll('&quot;', '"')), xml);
    t.is(count('pushbridge_ccs_stanzas_total in error'), 1);
    client.send(message('m2'));
    t.like(await client.json(), { message_type: 'ack', message_id: 'm2' });
  });
}

test('the same message twice before its answer: one push, an answer for each', async (t) => {
  const { login, provider } = await startDoor(t);
  const client = await login();
  client.send(message('m1'));
  const attempt = await provider.attempt(1);
  client.send(message('m1'));
  t.is(await client.said(), '');
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief(await client.jsons(2)), ['ack m1', 'ack m1']);
  t.is(provider.attempts.length, 1);
});

test('another message under an id in use is refused, before and after the outcome', async (t) => {
  const { login, provider } = await startDoor(t);
  const client = await login();
  client.send(message('m1'));
  const attempt = await provider.attempt(1);
  const other = message('m1', { data: { n: 'other' } });
  client.send(other);
  t.like(await client.json(), {
    error: 'INVALID_JSON',
    error_description: 'DUPLICATE_MESSAGE_ID: message_id was used for a message with other content',
  });
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  client.send(other);
  t.like(await client.json(), { error: 'INVALID_JSON' });
  t.is(provider.attempts.length, 1);
});

test('what a service says without end reaches the app server in bounds', async (t) => {
  const { login } = await startDoor(t, { provider: answering(refusal('INVALID_JSON', 'x'.repeat(100_000))) });
  const client = await login();
  client.send(message('m1'));
  t.is(String((await client.json()).error_description).length, 512);
});

test('stanzas are counted by direction and type', async (t) => {
  const { login, count } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  client.send(message('m1'));
  client.send(message('m2', { time_to_live: 'x' }));
  await client.jsons(2);
  t.is(count('pushbridge_ccs_stanzas_total in message'), 2);
  t.is(count('pushbridge_ccs_stanzas_total out ack'), 1);
  t.is(count('pushbridge_ccs_stanzas_total out nack'), 1);
});
