import test from 'ava';
import { gcm, type Json, start } from './raw-client.ts';

const message = (more: Json = {}): Json => ({ to: 'device:1', message_id: 'm1', data: { a: 'b' }, ...more });

test('an ack has no type, no addresses, and the form of the recordings [fcm.md §1.3]', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  client.send(message({ to: 'a:"<&>é', message_id: 'm"<1' }));
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.is(
    xml,
    '<message><data:gcm xmlns:data="google:mobile:data">' +
      '{"from":"a:\\"&lt;&amp;&gt;é","message_id":"m\\"&lt;1","message_type":"ack"}</data:gcm></message>',
  );
  t.like(control.stats(), { received: 1, acks: 1, repeated: 0 });
});

test('CDATA is as good as escaping, and data:gcm as gcm', async (t) => {
  const { login } = await start(t);
  const client = await login();
  client.write(
    `<message id="x"><data:gcm xmlns:data="google:mobile:data"><![CDATA[${JSON.stringify(message({ data: { a: '<&>' } }))}]]></data:gcm></message>`,
  );
  t.like(await client.json(), { message_type: 'ack', message_id: 'm1' });
});

test('every nack code by its token, with a tail or without', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  for (const code of [
    'INVALID_JSON',
    'BAD_REGISTRATION',
    'DEVICE_UNREGISTERED',
    'BAD_ACK',
    'SERVICE_UNAVAILABLE',
    'INTERNAL_SERVER_ERROR',
    'DEVICE_MESSAGE_RATE_EXCEEDED',
    'TOPICS_MESSAGE_RATE_EXCEEDED',
    'CONNECTION_DRAINING',
    'QUOTA_EXCEEDED',
    'AUTHENTICATION_FAILED',
    'INVALID_APNS_CREDENTIAL',
  ]) {
    client.send(message({ to: code }));
    t.like(await client.json(), { message_type: 'nack', from: code, message_id: 'm1', error: code });
    client.send(message({ to: `${code}:device-7` }));
    t.like(await client.json(), { from: `${code}:device-7`, error: code });
    t.is(control.stats().nacks[code], 2);
  }
  client.send(message({ to: 'SERVICE_UNAVAILABLES' }));
  t.like(await client.json(), { message_type: 'ack' });
});

test('a nack three times, then an ack: counted by message_id', async (t) => {
  const { login } = await start(t);
  const client = await login();
  const types: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    client.send(message({ to: 'SERVICE_UNAVAILABLE:3' }));
    types.push((await client.json()).message_type);
  }
  t.deepEqual(types, ['nack', 'nack', 'nack', 'ack']);
  client.send(message({ to: 'SERVICE_UNAVAILABLE:3', message_id: 'm2' }));
  t.like(await client.json(), { message_type: 'nack', message_id: 'm2' });
});

test('canonical registration ids, by token and by the control; nacks by the control', async (t) => {
  const { login, control } = await start(t);
  const client = await login();
  client.send(message({ to: 'canonical:new:token' }));
  t.like(await client.json(), { message_type: 'ack', from: 'canonical:new:token', registration_id: 'new:token' });
  control.setToken('old', { canonical: 'new' });
  client.send(message({ to: 'old' }));
  t.like(await client.json(), { message_type: 'ack', from: 'old', registration_id: 'new' });
  control.setToken('old', { nack: 'DEVICE_UNREGISTERED' });
  client.send(message({ to: 'old' }));
  t.like(await client.json(), { message_type: 'nack', error: 'DEVICE_UNREGISTERED' });
  control.setToken('old', undefined);
  client.send(message({ to: 'old' }));
  t.deepEqual(Object.keys(await client.json()), ['from', 'message_id', 'message_type']);
});

const big = (bytes: number): Json => ({ k: 'x'.repeat(bytes - 1) });

for (const [what, json, error] of [
  ['topic', { to: '/topics/news' }, undefined],
  ['topic with a bad name', { to: '/topics/a b' }, 'INVALID_JSON'],
  ['condition', { to: undefined, condition: "'a' in topics && ('b' in topics || 'c' in topics)" }, undefined],
  ['bad condition', { to: undefined, condition: 'a in topics' }, 'INVALID_JSON'],
  ['no target', { to: undefined }, 'INVALID_JSON'],
  ['two targets', { condition: "'a' in topics" }, 'INVALID_JSON'],
  ['many targets', { registration_ids: ['a'] }, 'INVALID_JSON'],
  ['a target that is no text', { to: 5 }, 'INVALID_JSON'],
  ['a token with a blank', { to: 'a b' }, 'BAD_REGISTRATION'],
  ['ttl 0', { time_to_live: 0 }, undefined],
  ['the longest ttl', { time_to_live: 2_419_200 }, undefined],
  ['a longer ttl', { time_to_live: 2_419_201 }, 'INVALID_JSON'],
  ['a negative ttl', { time_to_live: -1 }, 'INVALID_JSON'],
  ['ttl as text', { time_to_live: '600' }, 'INVALID_JSON'],
  ['4096 bytes', { data: big(4096) }, undefined],
  ['4097 bytes', { data: big(4097) }, 'INVALID_JSON'],
  ['4096 bytes of é', { data: { k: 'é'.repeat(2047), l: '' } }, undefined],
  ['2048 bytes to a topic', { to: '/topics/a', data: big(2048) }, undefined],
  ['2049 bytes to a topic', { to: '/topics/a', data: big(2049) }, 'INVALID_JSON'],
  ['the key from', { data: { from: 'x' } }, 'INVALID_JSON'],
  ['the key gcm', { data: { gcm: 'x' } }, 'INVALID_JSON'],
  ['a key google.x', { data: { 'google.x': 'x' } }, 'INVALID_JSON'],
  ['the key gcmx', { data: { gcmx: 'x', collapse_key: 'y' } }, undefined],
  ['data that is a list', { data: [] }, 'INVALID_JSON'],
  ['notification that is a text', { notification: 'x' }, 'INVALID_JSON'],
  ['priority high', { priority: 'high' }, undefined],
  ['another priority', { priority: 'urgent' }, 'INVALID_JSON'],
  ['a flag as text', { dry_run: 'true' }, 'INVALID_JSON'],
  ['a collapse key that is a number', { collapse_key: 1 }, 'INVALID_JSON'],
  ['an unknown message_type', { message_type: 'nack' }, 'INVALID_JSON'],
  ['an unknown field', { constructor: 1, else: {} }, undefined],
] as const) {
  test(`answers to ${what} by ${error ?? 'an ack'} [fcm.md §1.4]`, async (t) => {
    const { login } = await start(t);
    const client = await login();
    client.send(message(json));
    const { message_type, error: given } = await client.json();
    t.is(message_type, error ? 'nack' : 'ack');
    t.is(given, error);
  });
}

for (const [what, json, text] of [
  ['no message_id', '{"random":"text"}', /missing required field: message_id/i],
  ['a message_id that is a number', '{"message_id":5,"to":"a"}', /message_id/],
  ['bad JSON', '{"message_id":"1" "to":"a"}', /JSON_PARSING_ERROR/],
  ['no object', '[1]', /JSON_PARSING_ERROR/],
] as const) {
  test(`stanza error 400 with an echo: ${what} [fcm.md §1.7]`, async (t) => {
    const { login, control } = await start(t);
    const client = await login();
    client.write(`<message id="3"><gcm xmlns="google:mobile:data">${json}</gcm></message>`);
    const [xml] = await client.expect(/<message.*?<\/message>/);
    t.regex(xml, /^<message id="3" type="error" to="123456@gcm\.googleapis\.com\/[0-9A-F]+">/);
    t.true(xml.includes(`<gcm xmlns="google:mobile:data">${json}</gcm>`), 'the child is echoed');
    t.regex(xml, /<error code="400" type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"\/>/);
    t.regex(xml, text);
    t.is(control.stats().errors400, 1);
    client.send(message());
    t.like(await client.json(), { message_type: 'ack' });
  });
}

test('a to attribute makes a malformed address, unless it is CCS itself [fcm.md §1.3]', async (t) => {
  const { login } = await start(t);
  const client = await login();
  client.write(gcm(message()).replace('<message>', '<message to="bk3:APA91">'));
  await client.expect(/<error code="400" type="modify"><jid-malformed /);
  client.write(gcm(message()).replace('<message>', '<message to="gcm.googleapis.com">'));
  t.like(await client.json(), { message_type: 'ack' });
});

test('a stanza without gcm gets 400; presence and errors get nothing', async (t) => {
  const { login } = await start(t);
  const client = await login();
  client.write('<presence/><message type="error"><x xmlns="y"/></message><message id="b"><body>hi</body></message>');
  const [xml] = await client.expect(/<message.*?<\/message>/);
  t.regex(xml, /^<message id="b" type="error"/);
});

test('JSON nested deeper than 64 levels is refused, and the connection goes on', async (t) => {
  const { login } = await start(t);
  const client = await login();
  const nested = (levels: number) =>
    `<message><gcm xmlns="google:mobile:data">{"to":"t","message_id":"m","data":{"k":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}}</gcm></message>`;
  client.write(nested(64));
  t.like(await client.json(), { message_type: 'ack' });
  for (const levels of [65, 100_000]) {
    client.write(nested(levels));
    await client.expect(/JSON_PARSING_ERROR/);
  }
  client.write(nested(64));
  t.like(await client.json(), { message_type: 'ack' });
});
