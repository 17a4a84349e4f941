import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { auth, BIND, HEADER, start, until } from './raw-client.ts';

test('the handshake as it was recorded [fcm.md §1.2]', async (t) => {
  const { open, control } = await start(t);
  const client = open();
  client.write(HEADER);
  const [header] = await client.expect(/^<stream:stream [^>]*>/);
  t.regex(header, / from="gcm\.googleapis\.com"/);
  t.regex(header, / id="[0-9A-F]{16}"/);
  t.regex(header, / version="1\.0"/);
  const [, mechanisms = ''] = await client.expect(
    /^<stream:features><mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl">(.*)<\/mechanisms><\/stream:features>$/,
  );
  t.deepEqual(
    [...mechanisms.matchAll(/<mechanism>([^<]*)<\/mechanism>/g)].map((match) => match[1]),
    ['X-OAUTH2', 'X-GOOGLE-TOKEN', 'PLAIN'],
  );
  t.is(client.chunks[0], header, 'header and features are two writes');
  client.write(auth());
  await client.expect(/^<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"\/>$/);
  client.write(HEADER);
  await client.expect(/<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"\/><session xmlns="[^"]*"\/><\/stream:features>$/);
  client.write(BIND);
  await client.expect(
    /^<iq type="result"><bind xmlns="[^"]*"><jid>123456@gcm\.googleapis\.com\/[0-9A-F]+<\/jid><\/bind><\/iq>$/,
  );
  client.write('<iq type="set" id="s1"><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></iq>');
  await client.expect(/^<iq type="result" id="s1"\/>$/);
  client.write('<iq type="get" id="p1" to="gcm.googleapis.com"><ping xmlns="urn:xmpp:ping"/></iq> ');
  await client.expect(/^<iq type="result" id="p1"\/>$/);
  client.write('<iq type="get" id="r1"><query xmlns="jabber:iq:roster"/></iq>');
  await client.expect(/^<iq type="error" id="r1">.*<service-unavailable /);
  t.like(control.stats(), { logins: 1, pings: 1, whitespace: 1, connections: { bound: 1 } });
  client.write('</stream:stream>');
  await client.expect(/^<\/stream:stream>$|<\/stream:stream>/);
  await client.untilClosed();
  await until(() => control.stats().connections.bound === undefined);
});

test('both domains log in, another does not; keys are checked if there are any', async (t) => {
  const { open, login } = await start(t, { senders: { '7': 'secret' } });
  await login('7@gcm.googleapis.com', 'secret');
  const fcm = open();
  t.regex(await fcm.login('7@fcm.googleapis.com', 'secret'), /^7@gcm\.googleapis\.com\//);
  for (const [user, key] of [
    ['7@fcm-xmpp.googleapis.com', 'secret'],
    ['7@gcm.googleapis.com', 'wrong'],
    ['8@gcm.googleapis.com', 'secret'],
    ['constructor@gcm.googleapis.com', 'secret'],
    ['7', 'secret'],
  ] as const) {
    const client = open();
    client.write(HEADER);
    await client.expect(/<\/stream:features>/);
    client.write(auth(user, key));
    await client.expect(/<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized\/><\/failure>/);
  }
});

test('a self-closed stream header is refused [fcm.md §1.2]', async (t) => {
  const { open } = await start(t);
  const client = open();
  client.write(HEADER.replace(/>$/, '/>'));
  await client.expect(/<\/stream:stream>/);
  await client.untilClosed();
  t.pass();
});

test('a plaintext client gets no XMPP [fcm.md §1.2]', async (t) => {
  const { emulator } = await start(t);
  const seen: Buffer[] = [];
  const socket = connectPlain(emulator.port, '127.0.0.1', () => socket.write(HEADER));
  socket.on('data', (data) => seen.push(data)).on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  t.false(Buffer.concat(seen).includes('stream'));
});

test('login by a resource, and by a domain of our own', async (t) => {
  const { open } = await start(t, { domains: ['push.example'] });
  const client = open();
  client.write(HEADER);
  await client.expect(/<\/stream:features>/);
  client.write(auth('5@push.example'));
  await client.expect(/<success/);
  client.write(
    `${HEADER}<iq type="set" id="1"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><resource>mine</resource></bind></iq>`,
  );
  await client.expect(/<iq type="result" id="1">.*<jid>5@gcm\.googleapis\.com\/mine<\/jid>/);
  t.pass();
});

test('refused logins: by failure, and by closing without a word', async (t) => {
  const { open, login, control } = await start(t, { refuse_login: 'failure' });
  const first = open();
  first.write(HEADER);
  await first.expect(/<\/stream:features>/);
  first.write(auth());
  await first.expect(/<failure[^>]*><not-authorized\/><\/failure>/);
  control.setFaults({ refuse_login: 'close' });
  const second = open();
  second.write(HEADER);
  await second.expect(/<\/stream:features>/);
  second.write(auth());
  await second.untilClosed();
  t.is(second.seen, '', 'no failure element, no end of the stream');
  t.is(control.stats().loginsRefused, 2);
  control.setFaults({ refuse_login: 'no' });
  await login();
});

test('a stalled login gets no answer', async (t) => {
  const { open } = await start(t, { stall_login: true });
  const client = open();
  client.write(HEADER);
  await client.expect(/<\/stream:features>/);
  client.write(auth());
  // Another gets as far with more round trips.
  const other = open();
  other.write(HEADER);
  await other.expect(/<\/stream:features>/);
  t.is(client.seen, '');
  t.false(client.closed);
});

test('a connection that does not log in is ended', async (t) => {
  const { open } = await start(t, { login_timeout: '50ms' });
  const client = open();
  await client.expect(/<stream:error><connection-timeout /);
  await client.untilClosed();
  t.pass();
});

test('connections of one sender are limited', async (t) => {
  const { open, login, control } = await start(t, { max_connections: 1 });
  await login();
  const second = open();
  second.write(HEADER);
  await second.expect(/<\/stream:features>/);
  second.write(auth());
  await second.expect(/<failure[^>]*><not-authorized\/><\/failure>/);
  t.is(control.stats().loginsRefused, 1);
});

test('certificates: written where asked for, and bad ones on demand', async (t) => {
  const ca_file = join(tmpdir(), `pushbridge-ca-${process.pid}.pem`);
  const good = await start(t, { ca_file });
  t.is(readFileSync(ca_file, 'utf8'), good.emulator.caPem);
  for (const [certificate, code] of [
    ['expired', 'CERT_HAS_EXPIRED'],
    ['not_yet_valid', 'CERT_NOT_YET_VALID'],
    ['wrong_host', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ] as const) {
    const { open } = await start(t, { certificate });
    const client = open();
    await client.untilClosed();
    t.is(client.error?.code, code);
  }
});
