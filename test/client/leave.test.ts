import test from 'ava';
import { BalClientError } from '../../src/client/index.ts';
import { isSettled, stage, turns } from './helpers.ts';

const fcmData = { to: 't' };
const answer = (sequence_id: number, message_id: string) => ({
  message_type: 'DOWNSTREAM_ACK',
  sequence_id,
  session_id: 's',
  message_id,
  fcm_data: {},
});

test('close ends everything at once, and twice', async (t) => {
  const { bridge, client, clock } = await stage(t, { maxUnsettled: 1 });
  void client.connect();
  const connection = await bridge.logon();
  const sent = await client.send({ fcmData });
  const waiting = client.send({ fcmData });
  const next = client.upstream().next();
  client.close();
  client.close();
  t.is(client.state, 'closed');
  for (const promise of [sent.taken, sent.outcome, waiting, client.connect(), client.send({ fcmData })]) {
    const error = await t.throwsAsync<BalClientError>(promise as Promise<unknown>, { instanceOf: BalClientError });
    t.is(error?.code, 'CLOSED');
  }
  t.deepEqual(await next, { done: true, value: undefined });
  t.deepEqual(await client.answers().next(), { done: true, value: undefined });
  await connection.closed;
  t.is(clock.waiting, 0, 'no timer is left behind');
  await client.logoff();
});

test('nobody has to listen to the promises of a closed client', async (t) => {
  const { client } = await stage(t);
  void client.connect();
  await client.send({ fcmData });
  client.close();
  await turns();
  t.pass('an unhandled rejection would have failed the run');
});

test('close before connect, and while it waits', async (t) => {
  const early = await stage(t);
  early.client.close();
  t.is(early.client.state, 'closed');
  const late = await stage(t);
  void late.client.connect();
  (await late.bridge.logon()).drop();
  await late.reached('waiting');
  late.client.close();
  t.is(late.clock.waiting, 0);
});

test('[BAL §Frames] logoff waits until everything is taken, acknowledges, and lets the bridge close', async (t) => {
  const { bridge, client, clock } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const sent = await client.send({ messageId: 'm', fcmData });
  await connection.next('DOWNSTREAM');
  const leaving = client.logoff();
  t.is(client.logoff(), leaving);
  t.is((await t.throwsAsync<BalClientError>(client.send({ fcmData })))?.code, 'CLOSED');
  await turns();
  t.is(connection.unread, 0);
  connection.send({ message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m'] });
  await connection.next('LOGOFF');
  connection.send(answer(1, 'm'));
  t.like(await sent.outcome, { kind: 'ack' });
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [1] });
  connection.end();
  await leaving;
  t.is(client.state, 'closed');
  t.is(clock.waiting, 0);
});

test('logoff may wait for outcomes, across a reconnect', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const first = await bridge.logon();
  const sent = await client.send({ messageId: 'm', fcmData });
  const leaving = client.logoff({ wait: 'outcomes' });
  await first.next('DOWNSTREAM');
  first.drop();
  await reached('waiting');
  await clock.advance(0);
  const second = await bridge.logon();
  await second.next('DOWNSTREAM');
  second.send({ message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m'] });
  t.false(await isSettled(sent.outcome));
  second.send(answer(1, 'm'));
  t.deepEqual(await second.next('ACK'), { message_type: 'ACK', sequence_ids: [1] });
  await second.next('LOGOFF');
  second.end();
  await leaving;
});

test('logoff without waiting', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const sent = await client.send({ fcmData });
  await connection.next('DOWNSTREAM');
  const leaving = client.logoff({ wait: 'nothing' });
  await connection.next('LOGOFF');
  connection.end();
  await leaving;
  t.is((await t.throwsAsync<BalClientError>(sent.outcome))?.code, 'CLOSED');
});

test('logoff gives up after its deadline, and leaves in order all the same', async (t) => {
  const { bridge, client, clock } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  await client.send({ fcmData });
  await connection.next('DOWNSTREAM');
  const leaving = client.logoff({ timeoutMs: 5_000 });
  await clock.advance(5_000);
  await connection.next('LOGOFF');
  await clock.advance(11_000);
  t.is((await t.throwsAsync<BalClientError>(leaving))?.code, 'TIMEOUT');
  t.is(client.state, 'closed');
  await connection.closed;
});

test('logoff of a client that never connected', async (t) => {
  const { client } = await stage(t);
  await client.send({ fcmData });
  await client.logoff();
  t.is(client.state, 'closed');
});
