import test from 'ava';
import { BalPool } from '../../src/client/index.ts';
import { FakeBridge } from './fake-bridge.ts';
import { isSettled, stage, turns } from './helpers.ts';

const URL_A = 'https://push.example.com/push/a';
const registered = (token: string, endpoint: string) => ({ message_type: 'ENDPOINT_REGISTERED', token, endpoint });

test('[BAL §Endpoints] an endpoint is registered with all that it may have, and ended', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const asked = client.registerEndpoint({ token: 'a', vapid: 'B'.repeat(87), to: 'fcm', provider: 'google' });
  t.deepEqual(await connection.next('ENDPOINT_REGISTER'), {
    message_type: 'ENDPOINT_REGISTER',
    token: 'a',
    vapid: 'B'.repeat(87),
    to: 'fcm',
    provider: 'google',
  });
  connection.send({ ...registered('a', URL_A), expiration: '2026-12-24T18:00:00Z' });
  t.deepEqual(await asked, { token: 'a', url: URL_A, expiresAt: Date.UTC(2026, 11, 24, 18) });

  const ending = client.unregisterEndpoint('a');
  t.deepEqual(await connection.next('ENDPOINT_UNREGISTER'), { message_type: 'ENDPOINT_UNREGISTER', token: 'a' });
  connection.send({ message_type: 'ENDPOINT_UNREGISTERED', token: 'a' });
  await t.notThrowsAsync(ending);
});

test('what the bridge refuses is refused with its code', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const asked = client.registerEndpoint({ token: 'a' });
  connection.send({
    message_type: 'ENDPOINT_UNREGISTERED',
    token: 'a',
    error: 'TOO_MANY_ENDPOINTS',
    error_string: 'enough',
  });
  const error = await t.throwsAsync(asked, { message: 'enough' });
  t.like(error, { code: 'ENDPOINT_REFUSED', bridgeCode: 'TOO_MANY_ENDPOINTS' });
});

test('what has no answer is asked again by the next connection, and only that', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  const early = client.registerEndpoint({ token: 'a' });
  void client.connect();
  const first = await bridge.logon();
  await first.next('ENDPOINT_REGISTER');
  first.send(registered('a', URL_A), registered('nobody', URL_A));
  t.is((await early).url, URL_A);
  const open = client.registerEndpoint({ token: 'b' });
  await first.next('ENDPOINT_REGISTER');
  first.drop();
  const { retryInMs = 0 } = await reached('waiting');
  await clock.advance(retryInMs);
  const second = await bridge.logon();
  t.like(await second.next('ENDPOINT_REGISTER'), { token: 'b' });
  second.send(registered('b', `${URL_A}b`));
  t.is((await open).url, `${URL_A}b`);
  t.is(second.unread, 0);
});

test('what the bridge could not read is not sent; closing ends what is open', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  for (const token of ['', 'x'.repeat(101)]) {
    await t.throwsAsync(client.registerEndpoint({ token }), { code: 'INVALID_MESSAGE', message: /token/ });
    await t.throwsAsync(client.unregisterEndpoint(token), { code: 'INVALID_MESSAGE', message: /token/ });
  }
  await turns();
  t.is(connection.unread, 0);
  const open = client.registerEndpoint({ token: 'x'.repeat(100) });
  t.false(await isSettled(open));
  client.close();
  await t.throwsAsync(open, { code: 'CLOSED' });
  await t.throwsAsync(client.registerEndpoint({ token: 'a' }), { code: 'CLOSED' });
  await t.throwsAsync(client.unregisterEndpoint('a'), { code: 'CLOSED' });
});

test('no more than 10,000 questions wait', async (t) => {
  const { client } = await stage(t);
  const open = Array.from({ length: 10_000 }, (_, n) => client.registerEndpoint({ token: `t${n}` }));
  await t.throwsAsync(client.registerEndpoint({ token: 'more' }), { code: 'ENDPOINT_REFUSED', message: /10000/ });
  client.close();
  const results = await Promise.allSettled(open);
  t.true(results.every(({ status }) => status === 'rejected'));
});

test('a pool asks by one of its connections', async (t) => {
  const bridge = await FakeBridge.listen();
  const pool = new BalPool({ host: '127.0.0.1', port: bridge.port, session: 's', size: 2 });
  t.teardown(async () => {
    pool.close();
    await bridge.close();
  });
  void pool.connect();
  const connections = [await bridge.logon(), await bridge.logon()];
  const asked = [pool.registerEndpoint({ token: 'a' }), pool.unregisterEndpoint('a')] as const;
  const connection = await Promise.race(
    connections.map(async (each) => {
      await each.next('ENDPOINT_REGISTER');
      return each;
    }),
  );
  connection.send(registered('a', URL_A));
  await connection.next('ENDPOINT_UNREGISTER');
  connection.send({ message_type: 'ENDPOINT_UNREGISTERED', token: 'a' });
  t.is((await asked[0]).url, URL_A);
  await t.notThrowsAsync(asked[1]);
  pool.close();
  await t.throwsAsync(pool.registerEndpoint({ token: 'a' }), { code: 'CLOSED' });
});
