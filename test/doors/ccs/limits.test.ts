import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, brief, FakeProvider, gcm, message, startDoor, until } from './harness.ts';

/** A stanza of exactly so many bytes. */
function sized(bytes: number): string {
  const empty = gcm(message('m1', { data: {}, pad: '' }));
  return empty.replace('"pad":""', `"pad":"${'x'.repeat(bytes - Buffer.byteLength(empty))}"`);
}

test('max_stanza_bytes: one at the limit is taken, one past it ends this stream alone', async (t) => {
  const { login } = await startDoor(t, {
    provider: new FakeProvider('fake', 100, accept),
    options: { max_stanza_bytes: 8_192 },
  });
  const [client, other] = [await login(), await login()];
  client.write(sized(8_192));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  client.write(sized(8_193));
  await client.expect(/<stream:error><policy-violation .*<\/stream:stream>/);
  await client.untilClosed();
  other.send(message('m2'));
  t.deepEqual(brief([await other.json()]), ['ack m2']);
});

for (const [what, xml, condition] of [
  ['elements without end', '<message>'.repeat(40), 'policy-violation'],
  ['tags that do not match', '<message></wrong>', 'not-well-formed'],
  ['an entity of its own', '<message>&bad;</message>', 'restricted-xml'],
  ['a comment', '<!-- hello -->', 'restricted-xml'],
] as const) {
  test(`a breach ends the stream with an error: ${what}`, async (t) => {
    const { login, door } = await startDoor(t);
    const [client, other] = [await login(), await login()];
    client.write(xml);
    await client.expect(new RegExp(`<stream:error><${condition} .*</stream:stream>`));
    await client.untilClosed();
    await until(() => door.connections().length === 1);
    t.is(await other.said(), '');
  });
}

test('rate: the burst and what comes back in a second, and one more is a policy-violation', async (t) => {
  const clock = new ManualClock();
  const { login } = await startDoor(t, { clock, options: { rate: 5, window: 5 } });
  const client = await login();
  const ping = (id: number) => `<iq type="get" id="p${id}"><ping xmlns="urn:xmpp:ping"/></iq>`;
  for (let n = 1; n <= 10; n++) client.write(ping(n));
  await client.expect(/id="p10"/);
  await clock.advance(1_000);
  for (let n = 11; n <= 15; n++) client.write(ping(n));
  await client.expect(/id="p15"/);
  client.send(message('m1'));
  await client.expect(/<stream:error><policy-violation [^>]*\/><text[^>]*>rate: more than 5 stanzas a second/);
  t.pass();
});

for (const [what, stanza] of [
  ['messages', gcm(message('m1'))],
  ['pings', '<iq type="get" id="1"><ping xmlns="urn:xmpp:ping"/></iq>'],
  ['other questions', '<iq type="get" id="1"><query xmlns="jabber:iq:version"/></iq>'],
  ['answers that nobody asked for', '<iq type="result" id="1"/>'],
  ['presence', '<presence/>'],
  ['what is no message', '<message/>'],
] as const) {
  test(`rate: every stanza counts, ${what} too`, async (t) => {
    const { login } = await startDoor(t, { clock: new ManualClock(), options: { rate: 5, window: 5 } });
    const client = await login();
    for (let n = 1; n <= 9; n++) client.write(stanza);
    t.notRegex(await client.said(), /stream:error/, 'at the limit');
    client.write(stanza);
    await client.expect(/<stream:error><policy-violation [^>]*\/><text[^>]*>rate: /);
  });
}

test('parked messages: a million characters of JSON stop reading, however few messages they are', async (t) => {
  const { login, facts, provider } = await startDoor(t, { options: { window: 1, max_stanza_bytes: 2_097_152 } });
  const client = await login();
  const text = (chars: number) =>
    'x'.repeat(chars - JSON.stringify({ to: 'device:1', notification: { title: '' } }).length);
  const big = (id: string, chars: number) => ({ message_id: id, to: 'device:1', notification: { title: text(chars) } });
  client.send(message('m1'));
  const { answer, message: first } = await provider.attempt(1);
  client.send(big('m2', 1_048_576));
  await until(() => facts().parked === 1);
  t.true(facts().reading, 'at the limit');
  client.send(big('m3', 100));
  await until(() => facts().parked === 2);
  t.false(facts().reading, 'one past it');
  answer(accept(first));
  await provider.attempt(2);
  await until(() => facts().reading === true);
});

test('pings are answered, white space is let pass, and other questions are refused', async (t) => {
  const { login } = await startDoor(t);
  const client = await login();
  client.write(' \n ');
  t.is(await client.said(), '');
  client.write('<iq type="get" id="v"><query xmlns="jabber:iq:version"/></iq>');
  await client.expect(/<iq type="error" id="v">.*<service-unavailable/);
  client.write('<presence/>');
  client.write('<message type="error"><gcm xmlns="google:mobile:data">{}</gcm></message>');
  t.regex(await client.said(), /^[^<]*(?:<[^>]*>)*$/);
});

test('a space is sent every now and then, and only to who is logged in', async (t) => {
  const clock = new ManualClock();
  const { login } = await startDoor(t, { clock, options: { keepalive: '10s' } });
  const client = await login();
  await clock.advance(10_000);
  await until(() => client.seen === ' ');
  await clock.advance(10_000);
  await until(() => client.seen === '  ');
  t.pass();
});

test('idle_timeout: silence ends the stream, a space is enough', async (t) => {
  const clock = new ManualClock();
  const { login } = await startDoor(t, { clock, options: { idle_timeout: '10s', keepalive: '0s' } });
  const client = await login();
  await clock.advance(9_000);
  client.write(' ');
  t.is(await client.said(), '');
  await clock.advance(9_500);
  t.is(client.seen, '');
  await clock.advance(1_000);
  await client.expect(/<stream:error><connection-timeout [^>]*\/><text[^>]*>idle_timeout: /);
  t.pass();
});

test('an app server that closes its stream is answered in kind', async (t) => {
  const { login, door } = await startDoor(t);
  const client = await login();
  client.write('</stream:stream>');
  await client.expect(/<\/stream:stream>/);
  await client.untilClosed();
  await until(() => door.connections().length === 0);
  t.pass();
});

test('a stanza may come byte by byte, and many in one piece', async (t) => {
  const { login } = await startDoor(t, { provider: new FakeProvider('fake', 1_000, accept) });
  const client = await login();
  for (const byte of Buffer.from(gcm(message('é1')))) client.socket.write(Buffer.from([byte]));
  t.deepEqual(brief([await client.json()]), ['ack é1']);
  const many = Array.from({ length: 500 }, (_, i) => `m${i}`);
  client.write(many.map((id) => gcm(message(id))).join(' \n'));
  t.deepEqual(
    brief(await client.jsons(500)),
    many.map((id) => `ack ${id}`),
  );
});
