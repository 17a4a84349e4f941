import test from 'ava';
import { bench, message, until } from './bench.ts';
import { BIND, otherHost, STREAM, SUCCESS, scriptedServer } from './scripted-server.ts';

const FAILURE = '<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><not-authorized/></failure>';

test('a drop that followed a login: un-acked messages come back, reconnect at once', async (t) => {
  await using b = await bench({ random: () => 1 });
  const sent = b.send(message());
  await until(() => b.server.peers[0]?.messages[0]);
  b.server.peers[0]?.drop();
  t.is((await sent).kind, 'unanswered');
  await until(() => b.provider.pool().open === 1 && b.server.peers.length === 2);
  t.is(b.clock.monotonic(), 0);
  t.is(b.events.drop, 1);
});

test('unreachable: exponential backoff with full jitter, cap 60 s', async (t) => {
  await using b = await bench({ wait: 0, script: { hello: (peer) => peer.drop() }, random: () => 0.999_999 });
  const failed = (): number => b.events.login_failed ?? 0;
  await until(() => failed() === 1);
  const tried = [0];
  while (tried.length < 9) {
    await b.clock.advance(1_000);
    if (b.provider.pool().connecting === 0 && failed() === tried.length) continue;
    tried.push(b.clock.monotonic() / 1_000);
    await until(() => failed() === tried.length);
  }
  t.deepEqual(tried, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
  t.is(b.log.filter((line) => line.event === 'login failed').length, 1);
  t.is(b.provider.health().state, 'down');
});

test('a server that takes logins and drops them is not stormed', async (t) => {
  await using b = await bench({
    wait: 0,
    script: { restarted: (peer) => peer.write(STREAM + BIND) },
    random: () => 1,
  });
  await until(() => b.provider.pool().open === 1);
  b.server.peers[0]?.drop();
  const second = await until(() => b.server.peers[1]?.online && b.server.peers[1]);
  await until(() => b.provider.pool().open === 1);
  second.drop();
  await until(() => b.events.drop === 2);
  await b.clock.advance(0);
  t.is(b.provider.pool().connecting, 0);
  t.is(b.server.peers.length, 2);
  t.regex(b.provider.health().detail ?? '', /right after the login/);
  await b.clock.advance(1_000);
  await until(() => b.provider.pool().open === 1);
  t.is(b.server.peers.length, 3);
});

for (const [name, refuse] of [
  ['<failure/>', (write: (text: string) => void) => write(FAILURE)],
  ['a bare close', (_: unknown, drop: () => void) => drop()],
] as const) {
  test(`authentication failure by ${name}: logged once, slow, shown in health, and over when it is over`, async (t) => {
    let refused = true;
    await using b = await bench({
      wait: 0,
      random: () => 1,
      script: {
        auth: (peer) =>
          refused
            ? refuse(
                (text) => peer.write(text),
                () => peer.socket.end(),
              )
            : peer.write(SUCCESS),
      },
    });
    await until(() => b.events.login_failed === 1);
    t.is(b.provider.health().state, 'down');
    t.regex(b.provider.health().detail ?? '', /sender id or (the )?server key/);
    await b.pass(9_000);
    t.is(b.provider.pool().connecting, 0);
    t.is(b.server.peers.length, 1);
    await b.pass(1_500);
    await until(() => b.events.login_failed === 2);
    await b.pass(19_000);
    t.is(b.server.peers.length, 2);
    refused = false;
    await b.pass(2_000);
    await until(() => b.provider.pool().open === 1);
    t.deepEqual(
      b.log.filter((line) => line.level !== 'debug').map((line) => [line.level, line.event]),
      [
        ['error', 'login refused'],
        ['info', 'logged in again'],
        ['info', 'connection opened'],
      ],
    );
    t.false(JSON.stringify(b.log).includes('key"'));
    t.is(b.provider.health().state, 'ok');
  });
}

test('a login that stalls has a deadline', async (t) => {
  await using b = await bench({ wait: 0, script: { auth() {} }, options: { login_timeout: '20s' } });
  await until(() => b.server.peers[0]?.text.includes('<auth'));
  await b.clock.advance(19_999);
  t.is(b.events.login_failed, undefined);
  await b.clock.advance(1);
  t.is(b.events.login_failed, 1);
  await until(() => b.server.peers[0]?.closed);
});

test('the certificate is checked against the host, not against the XMPP domain', async (t) => {
  const server = await scriptedServer({}, otherHost);
  await using b = await bench({ server, wait: 0 });
  await until(() => b.events.login_failed === 1);
  t.is(b.server.peers[0]?.text ?? '', '');
  t.regex(b.provider.health().detail ?? '', /altnames|does not match/i);
});

test('a CA that did not sign it is refused; a missing CA file is a fault at start', async (t) => {
  const server = await scriptedServer();
  await using other = await scriptedServer({}, otherHost);
  await using b = await bench({ server, wait: 0, options: { ca: other.ca } });
  await until(() => b.events.login_failed === 1);
  t.is(b.server.peers[0]?.text ?? '', '');
  await t.throwsAsync(bench({ server, wait: 0, options: { ca: '/no/such/file' } }), { message: /no such file/ });
});

test('min connections are opened together', async (t) => {
  await using b = await bench({ options: { pool: { min: 5, max: 5 } }, wait: 5 });
  t.is(b.server.peers.length, 5);
  t.is(b.provider.room(), 500);
});

test('stop during a failing login does not wait for it', async (t) => {
  const b = await bench({ wait: 0, script: { auth() {} } });
  await until(() => b.server.peers[0]?.text.includes('<auth'));
  await b.provider.stop(1_000);
  await b.server[Symbol.asyncDispose]();
  t.is(b.clock.waiting, 0);
});

test('stop during the pause between logins', async (t) => {
  const b = await bench({ wait: 0, script: { auth: (peer) => peer.write(FAILURE) } });
  await until(() => b.events.login_failed === 1);
  await b.provider.stop(1_000);
  await b.server[Symbol.asyncDispose]();
  t.is(b.clock.waiting, 0);
});

test('stop before start, and start after it, do nothing', async (t) => {
  const server = await scriptedServer();
  const b = await bench({ server, wait: 1 });
  await b.provider.stop(0);
  await b.provider.start({ upstream: async () => {}, receipt: async () => {} });
  t.is(b.provider.health().state, 'down');
  await server[Symbol.asyncDispose]();
});
