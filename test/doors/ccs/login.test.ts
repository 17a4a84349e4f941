import { scryptSync } from 'node:crypto';
import { connect } from 'node:net';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { auth, BIND, HEADER, message, startDoor, USER, until } from './harness.ts';

const SESSION = '<iq type="set" id="s1"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq>';

test('the handshake of the recordings: mechanisms in order, restart, bind, session [fcm.md §1.2]', async (t) => {
  const { open } = await startDoor(t);
  const client = open();
  client.write(HEADER);
  const [header] = await client.expect(/<stream:stream[^>]*>/);
  t.regex(header, /from="gcm\.googleapis\.com"/);
  t.regex(header, / id="[0-9A-F]{16}"/);
  const [features] = await client.expect(/<stream:features>.*<\/stream:features>/);
  t.deepEqual(
    [...features.matchAll(/<mechanism>([^<]*)/g)].map(([, name]) => name),
    ['X-OAUTH2', 'X-GOOGLE-TOKEN', 'PLAIN'],
  );
  client.write(auth(USER));
  await client.expect(/<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"\/>/);
  client.write(HEADER);
  const [more] = await client.expect(/<stream:features>.*<\/stream:features>/);
  t.regex(more, /<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"\/>/);
  t.regex(more, /<session xmlns="urn:ietf:params:xml:ns:xmpp-session"\/>/);
  client.write(BIND);
  await client.expect(/<iq type="result"><bind[^>]*><jid>123456@gcm\.googleapis\.com\/[0-9A-F]{8}<\/jid>/);
  client.write(SESSION);
  await client.expect(/<iq type="result" id="s1"\/>/);
});

for (const [what, bind, jid] of [
  [
    'a bind with id and resource',
    '<iq type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>here</resource></bind></iq>',
    /<iq type="result" id="b">.*\/here<\/jid>/,
  ],
  [
    'a bind with an id alone',
    '<iq type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>',
    /<iq type="result" id="b">.*\/[0-9A-F]{8}<\/jid>/,
  ],
] as const) {
  test(`${what} [fcm.md §1.2]`, async (t) => {
    const { open } = await startDoor(t);
    const client = open();
    client.write(HEADER);
    await client.expect(/<\/stream:features>/);
    client.write(auth(USER));
    await client.expect(/<success/);
    client.write(HEADER + bind);
    await client.expect(jid);
    t.pass();
  });
}

for (const user of [USER, '123456@fcm.googleapis.com', '123456@push.example']) {
  test(`the sender id before ${user.slice(7)} is a login name [fcm.md §1.2]`, async (t) => {
    const { login } = await startDoor(t, { options: { domain: 'push.example' } });
    const client = await login(user);
    client.send(message('m1'));
    t.is(await client.said(), '');
  });
}

for (const to of ['gcm.googleapis.com', 'fcm.googleapis.com', 'fcm-xmpp.googleapis.com', 'push.example']) {
  test(`the stream may be for ${to}: clients put there what they connect to [fcm.md §1.2 7]`, async (t) => {
    const { open } = await startDoor(t);
    const header = HEADER.replace('gcm.googleapis.com', to);
    const client = open();
    client.write(header);
    await client.expect(/<\/stream:features>/);
    client.write(auth(USER));
    await client.expect(/<success/);
    client.write(header + BIND);
    await client.expect(/<jid>/);
    t.pass();
  });
}

const salt = Buffer.from('salty');
const hash = scryptSync('key', salt, 32, { N: 1_024, r: 8, p: 1 });
const hashed = `scrypt:1024:8:1:${salt.toString('base64')}:${hash.toString('base64')}`;

for (const [what, user, key] of [
  ['a wrong key', USER, 'wrong'],
  ['an unknown sender', '999@gcm.googleapis.com', 'key'],
  ['a foreign domain', '123456@example.com', 'key'],
  ['no domain', '123456', 'key'],
  ['the host that is connected to', '123456@fcm-xmpp.googleapis.com', 'key'],
] as const) {
  test(`the same refusal for ${what}, whether the key is hashed or not`, async (t) => {
    for (const secret of ['key', hashed]) {
      const { open, count } = await startDoor(t, { senders: [{ id: '123456', key: secret, provider: 'fake' }] });
      const client = open();
      client.write(HEADER);
      await client.expect(/<\/stream:features>/);
      client.write(auth(user, key));
      await client.expect(/<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized\/><\/failure>/);
      client.write(auth(USER, 'key'));
      await client.expect(/<success/);
      t.is(count('pushbridge_logons_total failure'), 1);
      t.is(count('pushbridge_logons_total success'), 1);
    }
  });
}

test('nobody acts for anybody else', async (t) => {
  const { open } = await startDoor(t);
  const client = open();
  client.write(HEADER);
  await client.expect(/<\/stream:features>/);
  const plain = Buffer.from(`other@gcm.googleapis.com\0${USER}\0key`).toString('base64');
  client.write(`<auth mechanism="PLAIN" xmlns="urn:ietf:params:xml:ns:xmpp-sasl">${plain}</auth>`);
  await client.expect(/<not-authorized\/>/);
  t.pass();
});

test('other mechanisms are offered, and refused', async (t) => {
  const { open } = await startDoor(t);
  const client = open();
  client.write(HEADER);
  await client.expect(/<\/stream:features>/);
  client.write('<auth mechanism="X-GOOGLE-TOKEN" xmlns="urn:ietf:params:xml:ns:xmpp-sasl">AAAA</auth>');
  await client.expect(/<failure[^>]*><not-authorized\/>/);
  t.pass();
});

test('three refusals end the stream', async (t) => {
  const { open } = await startDoor(t);
  const client = open();
  client.write(HEADER);
  for (let n = 0; n < 3; n++) {
    client.write(auth(USER, 'wrong'));
    await client.expect(/<failure[^>]*><not-authorized\/><\/failure>/);
  }
  await client.expect(/<stream:error><policy-violation.*<\/stream:stream>/);
  await client.untilClosed();
  t.pass();
});

test('an address that fails often waits for its next refusal, not for its next success', async (t) => {
  const clock = new ManualClock();
  const { open, login } = await startDoor(t, {
    clock,
    options: { max_failed_logins: 1, failed_login_delay: '2s', login_timeout: '1m' },
  });
  const fail = async () => {
    const client = open();
    client.write(HEADER);
    await client.expect(/<\/stream:features>/);
    client.write(auth(USER, 'wrong'));
    return client;
  };
  await (await fail()).expect(/<not-authorized/);
  const timers = clock.waiting;
  const slowed = await fail();
  await until(() => clock.waiting > timers);
  await login();
  t.notRegex(slowed.seen, /failure/);
  await clock.advance(2_000);
  await slowed.expect(/<not-authorized/);
});

test('a login must be done within login_timeout', async (t) => {
  const clock = new ManualClock();
  const { open, door } = await startDoor(t, { clock });
  const client = open();
  client.write(HEADER);
  await client.expect(/<\/stream:features>/);
  await clock.advance(9_999);
  t.is(door.connections().length, 1);
  await clock.advance(251);
  await client.expect(/<stream:error><connection-timeout [^>]*\/><text[^>]*>login_timeout: /);
  await client.untilClosed();
  t.is(door.connections().length, 0);
});

test('a client that speaks no TLS is dropped, the others are not', async (t) => {
  const { login, door } = await startDoor(t);
  const client = await login();
  const socket = connect(door.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  socket.write(HEADER);
  await closed;
  client.send(message('m1'));
  t.is(await client.said(), '');
});

test('max_connections_per_sender: one at the limit, none past it, and one again when one has left', async (t) => {
  const senders = [
    { id: '123456', key: 'key', provider: 'fake' },
    { id: '2', key: 'two', provider: 'fake' },
  ];
  const { login, open, door } = await startDoor(t, { senders, options: { max_connections_per_sender: 1 } });
  const first = await login();
  const second = open();
  second.write(HEADER);
  await second.expect(/<\/stream:features>/);
  second.write(auth(USER));
  await second.expect(/<stream:error><resource-constraint [^>]*\/><text[^>]*>max_connections_per_sender: /);
  await login('2@gcm.googleapis.com', 'two');
  first.socket.destroy();
  await until(() => door.connections().length === 1);
  await login();
  t.is(door.connections().length, 2);
});

test('max_connections: one past it is told so and closed', async (t) => {
  const { login, open, door } = await startDoor(t, { options: { max_connections: 1 } });
  const first = await login();
  const second = open();
  await second.expect(/<stream:error><resource-constraint [^>]*\/><text[^>]*>max_connections: /);
  await second.untilClosed();
  t.is(door.connections().length, 1);
  t.is(await first.said(), '');
});

test('a store that gives no mailbox refuses the login, and the next one is good', async (t) => {
  const { gates, open, login } = await startDoor(t);
  const heal = gates.refuse('openMailbox');
  const client = open();
  client.write(HEADER);
  await client.expect(/<\/stream:features>/);
  client.write(auth(USER));
  await client.expect(/<stream:error><internal-server-error/);
  heal();
  await login();
  t.pass();
});
