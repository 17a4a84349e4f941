import test from 'ava';
import { BalClientError, BalPool, type EndpointRequest } from '../../src/client/index.ts';
import { FakeBridge, type FakeConnection } from './fake-bridge.ts';
import { isSettled, stage, turns } from './helpers.ts';

const url = (token: string) => `https://push.example.com/push/${token}`;
const registered = (token: string, more: object = {}) => ({
  message_type: 'ENDPOINT_REGISTERED',
  token,
  endpoint: url(token),
  ...more,
});
const unregistered = (token: string, more: object = {}) => ({ message_type: 'ENDPOINT_UNREGISTERED', token, ...more });

async function online(t: Parameters<typeof stage>[0], options: Parameters<typeof stage>[1] = {}) {
  const set = await stage(t, options);
  void set.client.connect();
  return { ...set, connection: await set.bridge.logon() };
}

const code = (error: unknown) => (error instanceof BalClientError ? error.code : String(error));

test('an endpoint is registered as asked, and has its URL and its end', async (t) => {
  const { client, connection } = await online(t);
  const asking = client.registerEndpoint({ token: 'a', vapid: 'B', to: 'fcm', provider: 'p' });
  t.deepEqual(await connection.next('ENDPOINT_REGISTER'), {
    message_type: 'ENDPOINT_REGISTER',
    token: 'a',
    vapid: 'B',
    to: 'fcm',
    provider: 'p',
  });
  connection.send(registered('a', { expiration: '2030-01-02T03:04:05Z' }));
  t.deepEqual(await asking, { endpoint: url('a'), expiration: new Date('2030-01-02T03:04:05Z') });
  const plain = client.registerEndpoint({ token: 'b' });
  t.deepEqual(await connection.next('ENDPOINT_REGISTER'), { message_type: 'ENDPOINT_REGISTER', token: 'b' });
  connection.send(registered('b'));
  t.deepEqual(await plain, { endpoint: url('b') });
  const ending = client.unregisterEndpoint('b');
  t.deepEqual(await connection.next('ENDPOINT_UNREGISTER'), { message_type: 'ENDPOINT_UNREGISTER', token: 'b' });
  connection.send(unregistered('b'));
  await ending;
});

test('a refusal is an error with the code of the bridge', async (t) => {
  const { client, connection } = await online(t);
  const asking = client.registerEndpoint({ token: 'a' });
  const ending = client.unregisterEndpoint('b');
  await connection.next('ENDPOINT_REGISTER');
  connection.send(unregistered('a', { error: 'TOO_MANY_ENDPOINTS', error_string: 'as many as it may have' }));
  const error = await t.throwsAsync(asking, { instanceOf: BalClientError, message: 'as many as it may have' });
  t.like(error, { code: 'ENDPOINT_REFUSED', bridgeCode: 'TOO_MANY_ENDPOINTS' });
  await connection.next('ENDPOINT_UNREGISTER');
  connection.send(unregistered('b', { error: 'INVALID_ENDPOINT' }));
  t.like(await t.throwsAsync(ending), { code: 'ENDPOINT_REFUSED', bridgeCode: 'INVALID_ENDPOINT' });
});

test('the same name asked for several times gets its answers in order', async (t) => {
  const { client, connection } = await online(t);
  const all = [
    client.registerEndpoint({ token: 'a' }),
    client.unregisterEndpoint('a'),
    client.registerEndpoint({ token: 'a' }),
  ] as const;
  for (const type of ['ENDPOINT_REGISTER', 'ENDPOINT_UNREGISTER', 'ENDPOINT_REGISTER']) await connection.next(type);
  connection.send(registered('a', { endpoint: 'first' }), unregistered('a'), registered('a', { endpoint: 'second' }));
  const [first, , second] = await Promise.all(all);
  t.deepEqual([first.endpoint, second.endpoint], ['first', 'second']);
});

for (const [what, request] of [
  ['no token', { token: '' }],
  ['a token one byte too long', { token: 'x'.repeat(101) }],
  ['a key too long', { token: 'a', vapid: 'x'.repeat(1_025) }],
  ['a target too long', { token: 'a', to: 'x'.repeat(4_097) }],
] as const satisfies [string, EndpointRequest][]) {
  test(`${what} is an error here, and costs no connection`, async (t) => {
    const { client, connection } = await online(t);
    t.is(code(await t.throwsAsync(client.registerEndpoint(request))), 'INVALID_MESSAGE');
    await turns();
    t.is(connection.unread, 0);
    t.is(client.state, 'online');
  });
}

test('what has no answer when the connection drops is asked again, in its order', async (t) => {
  const { bridge, client, clock, connection, reached } = await online(t);
  const one = client.registerEndpoint({ token: 'a' });
  const two = client.unregisterEndpoint('b');
  await connection.next('ENDPOINT_REGISTER');
  connection.drop();
  await reached('waiting');
  const [, second] = await Promise.all([clock.advance(1_000), bridge.logon()]);
  t.like(await second.next('ENDPOINT_REGISTER'), { token: 'a' });
  t.like(await second.next('ENDPOINT_UNREGISTER'), { token: 'b' });
  second.send(registered('a'), unregistered('b'));
  t.is((await one).endpoint, url('a'));
  await two;
});

test('asked before there is a connection, it goes out with the connection', async (t) => {
  const { bridge, client } = await stage(t);
  const asking = client.registerEndpoint({ token: 'a' });
  void client.connect();
  const connection = await bridge.logon();
  await connection.next('ENDPOINT_REGISTER');
  connection.send(registered('a'));
  t.is((await asking).endpoint, url('a'));
});

test('without an answer it is an error after a while; an answer that comes later harms nothing', async (t) => {
  const { client, clock, connection } = await online(t, { pingAfterMs: 1_000_000 });
  const asking = client.registerEndpoint({ token: 'a' });
  await connection.next('ENDPOINT_REGISTER');
  await clock.advance(29_999);
  t.false(await isSettled(asking));
  const [error] = await Promise.all([t.throwsAsync(asking), clock.advance(1)]);
  t.is(code(error), 'TIMEOUT');
  connection.send(registered('a'), unregistered('never asked for'));
  const next = client.registerEndpoint({ token: 'c' });
  await connection.next('ENDPOINT_REGISTER');
  connection.send(registered('c'));
  t.is((await next).endpoint, url('c'));
});

test('so many are on their way at once, and so many wait; one more is an error', async (t) => {
  const { client, connection } = await online(t);
  const all = Array.from({ length: 10_000 }, (_, i) => client.registerEndpoint({ token: `${i}` }));
  t.is(code(await t.throwsAsync(client.registerEndpoint({ token: 'x' }))), 'TOO_MANY_REQUESTS');
  const take = async (count: number, at: number, from: FakeConnection = connection) => {
    for (let i = 0; i < count; i++) t.like(await from.next('ENDPOINT_REGISTER'), { token: `${at + i}` });
  };
  await take(500, 0);
  await turns();
  t.is(connection.unread, 0);
  connection.send(registered('0'));
  await take(1, 500);
  client.close();
  const errors = await Promise.allSettled(all);
  t.is(errors.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('a client that is closed, or leaves, asks for nothing more', async (t) => {
  const { client } = await stage(t);
  const asking = client.registerEndpoint({ token: 'a' });
  client.close();
  t.is(code(await t.throwsAsync(asking)), 'CLOSED');
  t.is(code(await t.throwsAsync(client.registerEndpoint({ token: 'a' }))), 'CLOSED');
  t.is(code(await t.throwsAsync(client.unregisterEndpoint('a'))), 'CLOSED');
});

test('what is pushed comes with its bytes; what only looks like it does not', async (t) => {
  const { client, connection } = await online(t);
  const upstream = client.upstream();
  const frame = (sequence_id: number, fcm_data: object) => ({
    message_type: 'UPSTREAM',
    sequence_id,
    session_id: 's',
    message_id: `m${sequence_id}`,
    fcm_data,
  });
  const push = { token: 'a', content: 'AP8B', ttl: 60, urgency: 'high' };
  const more = {
    content_encoding: 'aesgcm',
    content_type: 'text/plain',
    encryption: 'salt=x',
    crypto_key: 'dh=y',
    topic: 't',
  };
  connection.send(
    frame(1, { from: 'unifiedpush', push: { ...push, ...more } }),
    frame(2, { from: 'unifiedpush', push }),
    frame(3, { from: 'device', push }),
    frame(4, { from: 'unifiedpush', push: 'x' }),
    frame(5, { from: 'unifiedpush', push: { ...push, token: 7 } }),
    frame(6, { from: 'unifiedpush', push: { ...push, ttl: '60' } }),
  );
  const pushes = [];
  for (let i = 0; i < 6; i++) pushes.push((await upstream.next()).value?.push);
  const plain = { token: 'a', content: Buffer.from([0, 255, 1]), ttl: 60, urgency: 'high' };
  t.deepEqual(pushes[0] as unknown, {
    ...plain,
    contentEncoding: 'aesgcm',
    contentType: 'text/plain',
    encryption: 'salt=x',
    cryptoKey: 'dh=y',
    topic: 't',
  });
  t.deepEqual(pushes[1] as unknown, plain);
  t.deepEqual(pushes.slice(2), [undefined, undefined, undefined, undefined]);
});

test('in a pool, requests about one endpoint stay with one connection', async (t) => {
  const bridge = await FakeBridge.listen();
  const pool = new BalPool({ host: '127.0.0.1', port: bridge.port, session: 's', size: 3 });
  t.teardown(async () => {
    pool.close();
    await bridge.close();
  });
  void pool.connect();
  const connections = [await bridge.logon(), await bridge.logon(), await bridge.logon()];
  const all = [pool.registerEndpoint({ token: 'a' }), pool.unregisterEndpoint('a')] as const;
  const frame = await Promise.any(connections.map(async (one) => [one, await one.next('ENDPOINT_REGISTER')] as const));
  const [connection] = frame;
  connection.send(registered('a'));
  await connection.next('ENDPOINT_UNREGISTER');
  connection.send(unregistered('a'));
  t.is((await all[0]).endpoint, url('a'));
  await all[1];
  pool.close();
  t.is(code(await t.throwsAsync(pool.registerEndpoint({ token: 'a' }))), 'CLOSED');
});
