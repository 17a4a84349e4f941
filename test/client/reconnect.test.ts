import test from 'ava';
import { BalClient, BalClientError } from '../../src/client/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { FakeBridge, type FakeConnection, type Frame } from './fake-bridge.ts';
import { stage, turns, watch } from './helpers.ts';

const fcmData = { to: 't' };

let numbers = 0;

/** Sends something and waits until the client has it. */
async function hear(client: BalClient, connection: FakeConnection, ...frames: Frame[]): Promise<void> {
  const sequence_id = ++numbers;
  const upstream = { message_type: 'UPSTREAM', sequence_id, session_id: 's', message_id: 'u', fcm_data: {} };
  connection.send(...frames, upstream);
  await client.upstream().next();
}

test('after a drop everything without an outcome is sent again, in order, under the same ids', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const first = await bridge.logon();
  const sent = await Promise.all(['a', 'b', 'c', 'd'].map((messageId) => client.send({ messageId, fcmData })));
  for (const _ of sent) await first.next('DOWNSTREAM');
  first.send(
    { message_type: 'DOWNSTREAM_TAKEN', message_ids: ['a', 'b'] },
    { message_type: 'DOWNSTREAM_ACK', sequence_id: 1, session_id: 's', message_id: 'b', fcm_data: {} },
  );
  await sent[1]?.outcome;
  await first.next('ACK');
  first.drop();
  const { error, retryInMs } = await reached('waiting');
  t.is(error?.code, 'CONNECTION_LOST');
  t.is(retryInMs, 0, 'at once after a drop that followed a login');
  await client.send({ messageId: 'e', fcmData });
  await clock.advance(0);
  const second = await bridge.logon();
  for (const message_id of ['a', 'c', 'd', 'e']) {
    t.like(await second.next('DOWNSTREAM'), { message_id, fcm_data: fcmData });
  }
  t.is(client.unsettled, 4);
});

test('drops that come again and again are met more and more slowly, until a connection lives', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const delays: (number | undefined)[] = [];
  for (let i = 0; i < 4; i++) {
    const connection = await bridge.logon();
    await reached('online');
    if (i === 3) await clock.advance(10_000);
    connection.drop();
    const { retryInMs } = await reached('waiting');
    delays.push(retryInMs);
    await clock.advance(retryInMs ?? 0);
  }
  t.deepEqual(delays, [0, 250, 500, 0]);
});

test('a bridge that can not be reached is tried with exponential backoff up to the cap', async (t) => {
  const bridge = await FakeBridge.listen();
  const { port } = bridge;
  await bridge.close();
  const clock = new ManualClock();
  const client = new BalClient({ host: '127.0.0.1', port, session: 's', clock, random: () => 0.5 });
  t.teardown(() => client.close());
  const reached = watch(client);
  const connecting = client.connect();
  const delays: (number | undefined)[] = [];
  for (let i = 0; i < 11; i++) {
    const { retryInMs, error } = await reached('waiting');
    t.is(error?.code, 'CONNECTION_LOST');
    delays.push(retryInMs);
    await clock.advance(retryInMs ?? 0);
  }
  t.deepEqual(delays, [125, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  const again = await FakeBridge.listen({ port });
  t.teardown(() => again.close());
  const { retryInMs } = await reached('waiting');
  await clock.advance(retryInMs ?? 0);
  await again.logon();
  await connecting;
});

test('a refused LOGON is a typed error and is tried again slowly', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  const connecting = client.connect();
  const connection = await bridge.accept();
  await connection.next('LOGON');
  connection.send({
    message_type: 'LOGON_RESPONSE',
    session_id: 's',
    status: 'FAILURE',
    error: 'AUTHENTICATION_FAILED',
    error_string: 'no',
  });
  const error = await t.throwsAsync(connecting, { instanceOf: BalClientError });
  t.like(error, { code: 'LOGON_FAILED', bridgeCode: 'AUTHENTICATION_FAILED', message: 'no' });
  const { retryInMs } = await reached('waiting');
  t.is(retryInMs, 45_000);
  const again = client.connect();
  await clock.advance(44_999);
  t.is(client.state, 'waiting');
  await clock.advance(1);
  await bridge.logon();
  await again;
});

test('a bridge that is silent at LOGON', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const connection = await bridge.accept();
  await connection.next('LOGON');
  await clock.advance(14_999);
  t.is(client.state, 'connecting');
  await clock.advance(1);
  t.is((await reached('waiting')).error?.code, 'TIMEOUT');
  await connection.closed;
});

test('silence is met by PING; any sign of life will do', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  await reached('online');
  await clock.advance(29_999);
  await turns();
  t.is(connection.unread, 0);
  await clock.advance(1);
  t.deepEqual(await connection.next('PING'), { message_type: 'PING' });
  await hear(client, connection, { message_type: 'PONG' });
  await clock.advance(10_000);
  t.is(client.state, 'online');
  await clock.advance(30_000);
  await connection.next('PING');
  await hear(client, connection);
  await clock.advance(10_000);
  t.is(client.state, 'online');
});

test('no sign of life ends the connection', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  await reached('online');
  await clock.advance(30_000);
  await connection.next('PING');
  await clock.advance(9_999);
  t.is(client.state, 'online');
  await clock.advance(1);
  t.is((await reached('waiting')).error?.code, 'TIMEOUT');
  await connection.closed;
  await clock.advance(0);
  await bridge.logon();
});

test('a connection that hears something does not ask', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  await reached('online');
  for (let i = 0; i < 4; i++) {
    await clock.advance(20_000);
    await hear(client, connection);
  }
  await turns();
  t.is(connection.unread, 0);
  await clock.advance(30_000);
  await connection.next('PING');
});

test('errors of the bridge: SHUTTING_DOWN ends the connection, UNKNOWN_SEQUENCE does not', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  connection.send(
    { message_type: 'ERROR', error: 'UNKNOWN_SEQUENCE', error_string: '7' },
    { message_type: 'ERROR', error: 'NOT_SUPPORTED', error_string: 'x' },
    { message_type: 'NEWS', text: 'of a later version' },
  );
  const sent = await client.send({ messageId: 'm', fcmData });
  await connection.next('DOWNSTREAM');
  connection.send({ message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m'] });
  await sent.taken;
  connection.send({ message_type: 'ERROR', error: 'SHUTTING_DOWN', error_string: 'bye' });
  const { error } = await reached('waiting');
  t.like(error, { code: 'BRIDGE_ERROR', bridgeCode: 'SHUTTING_DOWN', message: 'bye' });
  await clock.advance(0);
  const second = await bridge.logon();
  t.like(await second.next('DOWNSTREAM'), { message_id: 'm' });
});

test('what the protocol does not allow ends the connection', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const breaches: Buffer[] = [
    Buffer.from('00000000', 'hex'),
    Buffer.from('7fffffff', 'hex'),
    Buffer.from('000000017b', 'hex'),
    Buffer.concat([Buffer.from('0000001e', 'hex'), Buffer.from('{"message_type":"UPSTREAM",  }')]),
  ];
  for (const bytes of breaches) {
    const connection = await bridge.logon();
    await reached('online');
    connection.raw(bytes);
    const { error, retryInMs } = await reached('waiting');
    t.is(error?.code, 'PROTOCOL', bytes.toString('hex'));
    await connection.closed;
    await clock.advance(retryInMs ?? 0);
  }
  const early = await bridge.accept();
  early.send({ message_type: 'DOWNSTREAM_TAKEN', message_ids: [] });
  t.is((await reached('waiting')).error?.code, 'PROTOCOL');
});

test('a listener may send as soon as it hears of the connection: in order, and once', async (t) => {
  const { bridge, client } = await stage(t);
  await client.send({ messageId: 'a', fcmData });
  client.onState(({ state }) => state === 'online' && void client.send({ messageId: 'b', fcmData }));
  void client.connect();
  const connection = await bridge.logon();
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'a' });
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'b' });
  await turns();
  t.is(connection.unread, 0);
});

test('a listener may close the client', async (t) => {
  const { client, clock } = await stage(t);
  client.onState(({ state }) => state === 'connecting' && client.close());
  await t.throwsAsync(client.connect(), { instanceOf: BalClientError });
  t.is(clock.waiting, 0);
});
