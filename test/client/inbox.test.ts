import test from 'ava';
import { isSettled, stage, turns } from './helpers.ts';

const upstream = (sequence_id: number, message_id = `u${sequence_id}`) => ({
  message_type: 'UPSTREAM',
  sequence_id,
  session_id: 's',
  message_id,
  fcm_data: { from: 'device', data: { n: sequence_id } },
});

test('upstream messages are acknowledged when the backend says so, many in one frame', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const messages = client.upstream();
  connection.send(upstream(1), upstream(2), upstream(3));
  const taken = [];
  for await (const message of messages) {
    taken.push(message);
    if (taken.length === 3) break;
  }
  t.deepEqual(
    taken.map(({ messageId, data }) => ({ messageId, data })),
    [1, 2, 3].map((n) => ({ messageId: `u${n}`, data: { from: 'device', data: { n } } })),
  );
  await turns();
  t.is(connection.unread, 0, 'nothing is acknowledged by itself');
  taken[2]?.ack();
  taken[0]?.ack();
  taken[0]?.ack();
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [3, 1] });
});

test('receipts', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const waiting = client.receipts().next();
  const fcm_data = { message_type: 'receipt', message_id: 'dr2:39' };
  connection.send({
    message_type: 'DOWNSTREAM_RECEIPT',
    sequence_id: 4,
    session_id: 's',
    message_id: '39',
    group_id: 'g',
    fcm_data,
  });
  const { value: receipt } = await waiting;
  t.like(receipt, { messageId: '39', groupId: 'g', data: fcm_data });
  receipt?.ack();
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [4] });
});

test('answers to messages of another process wait until somebody takes and acknowledges them', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  connection.send(
    { message_type: 'DOWNSTREAM_ACK', sequence_id: 1, session_id: 's', message_id: 'old', fcm_data: {} },
    {
      message_type: 'DOWNSTREAM_REJECT',
      sequence_id: 2,
      session_id: 's',
      message_id: 'older',
      group_id: 'g',
      error: 'EXPIRED',
      error_string: 'x',
      taken: true,
      fcm_data: {},
    },
    { message_type: 'DOWNSTREAM_REJECT', session_id: 's', message_id: 'none', error: 'E', taken: false },
  );
  await turns();
  t.is(connection.unread, 0);
  const answers = client.answers();
  const { value: first } = await answers.next();
  const { value: second } = await answers.next();
  t.like(first, { messageId: 'old', outcome: { kind: 'ack' } });
  t.like(second, { messageId: 'older', groupId: 'g', outcome: { kind: 'reject', code: 'EXPIRED' } });
  await turns();
  t.is(connection.unread, 0);
  first?.ack();
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [1] });
});

test('the answer to a repeat that crossed with the outcome is acknowledged and not shown', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const { outcome } = await client.send({ messageId: 'm', fcmData: { to: 't' } });
  await connection.next('DOWNSTREAM');
  const answer = { message_type: 'DOWNSTREAM_ACK', session_id: 's', message_id: 'm', fcm_data: {} };
  connection.send({ ...answer, sequence_id: 1 });
  await outcome;
  await connection.next('ACK');
  connection.send({ ...answer, sequence_id: 2 });
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [2] });
  t.false(await isSettled(client.answers().next()));
});

test('[BAL §Sessions and answers] frames that come again after a drop', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const first = await bridge.logon();
  const messages = client.upstream();
  first.send(upstream(1), upstream(2), upstream(3), upstream(4));
  const { value: one } = await messages.next();
  const { value: two } = await messages.next();
  one?.ack();
  await first.next('ACK');
  first.drop();
  await reached('waiting');
  await clock.advance(0);
  const second = await bridge.logon();
  await reached('online');
  // 1: its ACK was lost; 2: still with the application; 3 and 4: never handed out, now in the other order.
  second.send(upstream(1), upstream(2), upstream(4), upstream(3));
  t.deepEqual(await second.next('ACK'), { message_type: 'ACK', sequence_ids: [1] });
  t.is((await messages.next()).value?.messageId, 'u4');
  t.is((await messages.next()).value?.messageId, 'u3');
  t.false(await isSettled(messages.next()));
  two?.ack();
  t.deepEqual(await second.next('ACK'), { message_type: 'ACK', sequence_ids: [2] });
});

test('an acknowledgement while the connection is down is sent on the next one', async (t) => {
  const { bridge, client, clock, reached } = await stage(t);
  void client.connect();
  const first = await bridge.logon();
  first.send(upstream(1));
  const { value: one } = await client.upstream().next();
  first.drop();
  await reached('waiting');
  one?.ack();
  await turns();
  await clock.advance(0);
  const second = await bridge.logon();
  t.deepEqual(await second.next('ACK'), { message_type: 'ACK', sequence_ids: [1] });
});

test('a window of frames waits, one more ends the connection', async (t) => {
  const { bridge, client, reached } = await stage(t, { window: 3 });
  void client.connect();
  const connection = await bridge.logon({ window: 3 });
  connection.send(upstream(1), upstream(2), upstream(3));
  await turns();
  t.is(client.state, 'online');
  connection.send(upstream(4));
  t.is((await reached('waiting')).error?.code, 'PROTOCOL');
});

test('several iterators share the messages; leaving one loses nothing', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const a = client.upstream().next();
  const b = client.upstream().next();
  connection.send(upstream(1), upstream(2), upstream(3));
  t.is((await a).value?.messageId, 'u1');
  t.is((await b).value?.messageId, 'u2');
  for await (const message of client.upstream()) {
    t.is(message.messageId, 'u3');
    break;
  }
});
