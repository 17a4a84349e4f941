import test, { type ExecutionContext } from 'ava';
import { BalClientError, BalPool, type BalPoolOptions } from '../../src/client/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { FakeBridge, type FakeConnection } from './fake-bridge.ts';
import { turns } from './helpers.ts';

const fcmData = { to: 't' };

async function poolOf(t: ExecutionContext, size: number, options: Partial<BalPoolOptions> = {}) {
  const bridge = await FakeBridge.listen();
  const clock = new ManualClock();
  const pool = new BalPool({
    host: '127.0.0.1',
    port: bridge.port,
    session: 's',
    clock,
    random: () => 0.5,
    size,
    ...options,
  });
  t.teardown(async () => {
    pool.close();
    await bridge.close();
  });
  const connecting = pool.connect();
  const connections: FakeConnection[] = [];
  for (let i = 0; i < size; i++) connections.push(await bridge.logon());
  await connecting;
  return { bridge, clock, pool, connections };
}

/** The ids of `count` messages, by the connection that they came on. */
async function sentTo(connections: readonly FakeConnection[], count: number): Promise<string[][]> {
  while (connections.reduce((sum, connection) => sum + connection.unread, 0) < count) await turns(1);
  return Promise.all(
    connections.map(async (connection) => {
      const ids: string[] = [];
      while (connection.unread > 0) ids.push(String((await connection.next('DOWNSTREAM')).message_id));
      return ids;
    }),
  );
}

test('messages go to the connection with the fewest unsettled ones', async (t) => {
  const { pool, connections } = await poolOf(t, 3);
  for (let i = 0; i < 6; i++) await pool.send({ messageId: `m${i}`, fcmData });
  const lists = await sentTo(connections, 6);
  t.deepEqual(
    lists.map((list) => list.length),
    [2, 2, 2],
  );
  t.deepEqual(lists.flat().sort(), ['m0', 'm1', 'm2', 'm3', 'm4', 'm5']);
});

test('a group stays with one connection, in order', async (t) => {
  const { pool, connections } = await poolOf(t, 3);
  for (let i = 0; i < 6; i++) await pool.send({ messageId: `m${i}`, groupId: 'g', fcmData });
  const lists = await sentTo(connections, 6);
  t.deepEqual(
    lists.filter((list) => list.length > 0),
    [['m0', 'm1', 'm2', 'm3', 'm4', 'm5']],
  );
});

test('an answer may come by another connection of the pool', async (t) => {
  const { pool, connections } = await poolOf(t, 2);
  const sent = await pool.send({ messageId: 'm', fcmData });
  const error = await t.throwsAsync<BalClientError>(pool.send({ messageId: 'm', fcmData }));
  t.is(error?.code, 'DUPLICATE_MESSAGE_ID');
  const lists = await sentTo(connections, 1);
  const other = connections[lists[0]?.length ? 1 : 0];
  other?.send({ message_type: 'DOWNSTREAM_ACK', sequence_id: 3, session_id: 's', message_id: 'm', fcm_data: {} });
  t.like(await sent.outcome, { kind: 'ack' });
  t.deepEqual(await other?.next('ACK'), { message_type: 'ACK', sequence_ids: [3] });
});

test('upstream messages of all connections come out of one iterator', async (t) => {
  const { pool, connections } = await poolOf(t, 2);
  const up = (sequence_id: number) => ({
    message_type: 'UPSTREAM',
    sequence_id,
    session_id: 's',
    message_id: `u${sequence_id}`,
    fcm_data: {},
  });
  connections[0]?.send(up(1));
  connections[1]?.send(up(2));
  const messages = pool.upstream();
  const both = [(await messages.next()).value, (await messages.next()).value];
  t.deepEqual(both.map((message) => message?.messageId).sort(), ['u1', 'u2']);
  for (const message of both) message?.ack();
  t.deepEqual(await connections[0]?.next('ACK'), { message_type: 'ACK', sequence_ids: [1] });
  t.deepEqual(await connections[1]?.next('ACK'), { message_type: 'ACK', sequence_ids: [2] });
});

test('logoff of all; close twice', async (t) => {
  const { pool, connections } = await poolOf(t, 2);
  const states: string[] = [];
  pool.onState((change, connection) => states.push(`${connection} ${change.state}`));
  const leaving = pool.logoff();
  t.is(pool.logoff(), leaving);
  for (const connection of connections) {
    await connection.next('LOGOFF');
    connection.end();
  }
  await leaving;
  t.deepEqual(states.sort(), ['0 closed', '1 closed']);
  pool.close();
  t.deepEqual(await pool.receipts().next(), { done: true, value: undefined });
  t.is((await t.throwsAsync<BalClientError>(pool.send({ fcmData })))?.code, 'CLOSED');
});

test('a refused LOGON is told; sizes are checked', async (t) => {
  const bridge = await FakeBridge.listen();
  const pool = new BalPool({ host: '127.0.0.1', port: bridge.port, session: 's', size: 1, clock: new ManualClock() });
  t.teardown(async () => {
    pool.close();
    await bridge.close();
  });
  const connecting = pool.connect();
  await bridge.logon({ status: 'FAILURE', error: 'AUTHENTICATION_FAILED' });
  const error = await t.throwsAsync(connecting, { instanceOf: BalClientError });
  t.like(error, { code: 'LOGON_FAILED', bridgeCode: 'AUTHENTICATION_FAILED' });
  for (const size of [0, 101, 1.5]) {
    t.throws(() => new BalPool({ host: 'h', port: 1, session: 's', size }), { instanceOf: RangeError });
  }
});
