import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import test from 'ava';
import { createCertificate, LOCAL_NAMES } from '../../../src/emulator/certificate.ts';
import { bench, message, until } from './bench.ts';
import { clientCertificate, pkcs12 } from './client-certificate.ts';
import { file } from './credentials-fixture.ts';
import { type Reply, reason } from './scripted-server.ts';

const DAY_MS = 86_400_000;
const ok: Reply = { status: 200 };

test('with a token: one stream until the first success, then as many as the service says', async (t) => {
  await using b = await bench({ server: { streams: 1, raised: 200 } });
  t.is(b.provider.room(), 1);
  b.server.answer = () => reason(400, 'BadDeviceToken');
  await b.send();
  await b.room();
  t.is(b.provider.room(), 1, 'a refusal is no success');
  b.server.answer = () => ok;
  t.is((await b.send()).kind, 'accepted');
  await b.room(200);
  t.is(b.provider.room(), 200);
  t.is(b.server.sessions.length, 1);
  const [session] = b.server.sessions;
  session?.settings({ maxConcurrentStreams: 7 });
  await until(() => b.provider.room() === 7, 'the lower limit');
});

test('a newcomer with a token sends one message, although the service would take more', async (t) => {
  await using b = await bench({ server: { streams: 1_000 } });
  t.is(b.provider.room(), 1);
  const first = b.send();
  t.is(b.provider.room(), 0);
  t.is((await b.send()).kind, 'unsent');
  await first;
  await b.room(1_000);
});

const mine = clientCertificate({ notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 30 * DAY_MS });
const requires = { tls: { requestCert: true, rejectUnauthorized: true, ca: mine.cert } };
const files = {
  'PEM in two files': { certificate: file(mine.cert), certificate_key: file(mine.key) },
  'PEM in one file': { certificate: file(mine.cert + mine.key) },
  'a .p12 file': { certificate: file(pkcs12(mine, 'sesame')), passphrase: 'sesame' },
};

for (const [name, options] of Object.entries(files)) {
  test(`with a certificate, ${name}: all streams at once, and no token`, async (t) => {
    await using b = await bench({ server: requires, certificate: true, options, wall: { now: () => Date.now() } });
    t.is(b.provider.room(), 1_000);
    t.is((await b.send()).kind, 'accepted');
    t.is(b.server.seen[0]?.headers.authorization, undefined);
    t.is(b.server.clients[0], 'CN=Apple Push: test');
    t.like(b.provider.health(), { state: 'ok' });
    t.is(b.provider.health().facts?.certificate_days, 29);
  });
}

test('a certificate that soon ends, or has ended, shows in the health', async (t) => {
  let now = Date.now() + 20 * DAY_MS;
  const options = files['PEM in one file'];
  await using b = await bench({ server: requires, certificate: true, options, wall: { now: () => now } });
  t.like(b.provider.health(), { state: 'degraded', detail: 'the certificate ends in 9 days' });
  now += 20 * DAY_MS;
  t.like(b.provider.health(), { state: 'degraded', detail: 'the certificate has expired' });
});

test('a certificate that the service does not know: no connection, and the reason', async (t) => {
  const stranger = clientCertificate({ notBefore: Date.now() - DAY_MS, notAfter: Date.now() + DAY_MS });
  const options = { certificate: file(stranger.cert + stranger.key) };
  await using b = await bench({ server: requires, certificate: true, options, cold: true });
  await until(() => b.provider.health().detail !== 'connecting', 'the trouble');
  t.is(b.provider.health().state, 'down');
  t.is(b.provider.room(), 0);
  t.is(b.server.seen.length, 0);
});

test('the certificate of the server must be of a known authority', async (t) => {
  const other = createCertificate({
    names: LOCAL_NAMES,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  });
  await using b = await bench({ options: { ca: file(other.ca) }, cold: true });
  await until(() => b.provider.health().detail !== 'connecting', 'the trouble');
  t.regex(b.provider.health().detail ?? '', /certificate/);
  t.like(b.events, { connect_failed: 1 });
});

test('a name that nobody knows, a port where nobody listens: a state, not a failed start', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  for (const [url, expected] of [
    ['https://push.invalid', /ENOTFOUND|EAI_AGAIN/],
    [`https://127.0.0.1:${port}`, /ECONNREFUSED/],
  ] as const) {
    await using b = await bench({ options: { url }, cold: true });
    // A machine without a network may take its time to find out.
    await until(() => b.provider.health().detail !== 'connecting', 'the trouble', 50_000);
    t.is(b.provider.health().state, 'down');
    t.regex(b.provider.health().detail ?? '', expected);
    t.is((await b.send()).kind, 'unsent');
  }
});

test('Shutdown and IdleTimeout: the same message over a new connection', async (t) => {
  for (const reply of [reason(503, 'Shutdown'), reason(400, 'IdleTimeout')]) {
    await using b = await bench();
    await b.send();
    b.server.answer = ({ connection }) => (connection === 1 ? reply : ok);
    const sent = message();
    t.is((await b.send(sent)).kind, 'unsent');
    await b.room();
    t.is((await b.send(sent)).kind, 'accepted');
    t.is(b.server.seen.at(-1)?.connection, 2);
    t.like(b.events, { retired: 1, connect: 2 });
    t.is(b.provider.health().state, 'ok');
  }
});

test('Shutdown on every connection: after three of them the queue waits', async (t) => {
  await using b = await bench({ server: { answer: () => reason(503, 'Shutdown') } });
  for (let n = 0; n < 3; n++) {
    while (b.provider.room() === 0) await b.clock.advance(100);
    t.is((await b.send()).kind, 'unsent');
  }
  t.like(b.provider.health(), { state: 'down', detail: 'Shutdown (status 503)' });
  t.is(b.server.seen.length, 3);
});

test('GOAWAY: what was not looked at goes again, and a new connection takes over', async (t) => {
  await using b = await bench();
  await b.send();
  await b.room(2);
  b.server.answer = ({ session, stream, connection }) => {
    if (connection > 1) return ok;
    session.goaway(0, (stream.id ?? 0) - 2);
    return undefined;
  };
  const sent = message();
  const outcome = b.send(sent);
  await until(() => b.events.goaway === 1, 'GOAWAY');
  b.server.sessions[0]?.destroy();
  t.is((await outcome).kind, 'unsent');
  await b.room();
  t.is((await b.send(sent)).kind, 'accepted');
  t.is(b.server.seen.at(-1)?.connection, 2);
});

test('a stream that is refused was not looked at; one that is reset may have been', async (t) => {
  await using b = await bench();
  await b.send();
  const close = (code: number) => {
    b.server.answer = ({ stream }) => {
      stream.close(code);
      return undefined;
    };
  };
  const sent = message();
  close(7); // REFUSED_STREAM
  t.is((await b.send(sent)).kind, 'unsent');
  // Once more, and it waits like any other: it must not go in circles.
  t.like(await b.send(sent), { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' });
  b.server.answer = () => ok;
  t.is((await b.send()).kind, 'accepted');
  close(2); // INTERNAL_ERROR
  t.like(await b.send(), { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' });
});

test('a connection that is lost: its messages come again after a while, however many there are', async (t) => {
  await using b = await bench();
  await b.send();
  await b.room(20);
  b.server.answer = () => undefined;
  const outcomes = Promise.all(Array.from({ length: 20 }, () => b.send(message())));
  await until(() => b.server.seen.length === 21, 'the messages');
  b.server.sessions[0]?.destroy();
  t.true((await outcomes).every((outcome) => outcome.kind === 'later' && outcome.code === 'SERVICE_UNAVAILABLE'));
  b.server.answer = () => ok;
  await b.room();
  t.is((await b.send()).kind, 'accepted');
  t.is(b.events.trouble, undefined);
});

test('half an answer is none', async (t) => {
  await using b = await bench();
  await b.send();
  b.server.answer = ({ stream }) => {
    stream.respond({ ':status': 400 });
    stream.write('{"rea', () => stream.destroy(new Error('half')));
    return undefined;
  };
  t.like(await b.send(), { kind: 'later', code: 'SERVICE_UNAVAILABLE' });
});

/** Lets a request begin and then be late. */
async function late(b: Awaited<ReturnType<typeof bench>>) {
  while (b.provider.room() === 0) await b.clock.advance(100);
  const before = b.server.seen.length;
  const outcome = b.send();
  await until(() => b.server.seen.length > before, 'the message');
  await b.clock.advance(17_000);
  return outcome;
}

test('an answer that does not come within 15 seconds; after three in a row the queue waits', async (t) => {
  await using b = await bench();
  await b.send();
  b.server.answer = () => undefined;
  for (let n = 0; n < 2; n++) {
    t.like(await late(b), { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' });
    t.is(b.events.trouble, undefined);
  }
  t.is((await late(b)).kind, 'later');
  t.is(b.events.trouble, 1);
  t.like(b.provider.health(), { state: 'down', detail: 'no answers: no complete answer within 15000 ms' });
  b.server.answer = () => ok;
  while (b.provider.room() === 0) await b.clock.advance(100);
  t.is((await b.send()).kind, 'accepted');
  t.is(b.provider.health().state, 'ok');
});

test('a success in between: the count begins anew', async (t) => {
  await using b = await bench();
  for (let n = 0; n < 2; n++) {
    b.server.answer = () => undefined;
    await late(b);
    await late(b);
    b.server.answer = () => ok;
    while (b.provider.room() === 0) await b.clock.advance(100);
    t.is((await b.send()).kind, 'accepted');
  }
  t.is(b.events.trouble, undefined);
});
