import test from 'ava';
import { BalClient, BalClientError } from '../../src/client/index.ts';
import { isSettled, stage, turns } from './helpers.ts';

const fcmData = { to: 't' };
const ackFrame = (sequence_id: number, message_id: string, fcm_data: object = {}) => ({
  message_type: 'DOWNSTREAM_ACK',
  sequence_id,
  session_id: 's',
  message_id,
  fcm_data,
});
const taken = (...message_ids: string[]) => ({ message_type: 'DOWNSTREAM_TAKEN', message_ids });

test('[BAL §Frames] the LOGON', async (t) => {
  const { bridge, client } = await stage(t, { secret: 'geheim', client: 'b1', window: 7 });
  const connecting = client.connect();
  t.is(client.state, 'connecting');
  const connection = await bridge.accept();
  t.deepEqual(await connection.next('LOGON'), {
    message_type: 'LOGON',
    session_id: 's',
    secret: 'geheim',
    client: 'b1',
    window: 7,
    confirm: true,
  });
  connection.send({ message_type: 'LOGON_RESPONSE', session_id: 's', status: 'SUCCESS' });
  await connecting;
  t.is(client.state, 'online');
  await client.connect();
});

test('a message is sent, taken, answered and its answer acknowledged', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const sent = await client.send({ messageId: 'm1', groupId: 'g', provider: 'p', fcmData });
  t.is(sent.messageId, 'm1');
  t.deepEqual(await connection.next('DOWNSTREAM'), {
    message_type: 'DOWNSTREAM',
    message_id: 'm1',
    group_id: 'g',
    provider: 'p',
    fcm_data: { to: 't' },
  });
  t.is(client.unsettled, 1);
  connection.send(taken('m1', 'unknown'));
  await sent.taken;
  t.false(await isSettled(sent.outcome));
  connection.send(ackFrame(5, 'm1', { from: 't', registration_id: 'new' }));
  t.deepEqual(await sent.outcome, {
    kind: 'ack',
    registrationId: 'new',
    data: { from: 't', registration_id: 'new' },
  });
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [5] });
  t.is(client.unsettled, 0);
});

test('an outcome without TAKEN before it means taken', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const sent = await client.send({ fcmData });
  t.regex(sent.messageId, /^[0-9a-f-]{36}$/);
  await connection.next('DOWNSTREAM');
  connection.send(ackFrame(1, sent.messageId));
  await sent.taken;
  t.deepEqual(await sent.outcome, { kind: 'ack', data: {} });
});

test('answers that come together are acknowledged in one frame, after they were handed out', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const order: string[] = [];
  for (const messageId of ['a', 'b', 'c']) {
    const { outcome } = await client.send({ messageId, fcmData });
    void outcome.then(() => order.push(messageId));
    await connection.next('DOWNSTREAM');
  }
  connection.send(ackFrame(1, 'a'), ackFrame(2, 'b'), ackFrame(3, 'c'));
  t.deepEqual(await connection.next('ACK'), { message_type: 'ACK', sequence_ids: [1, 2, 3] });
  t.deepEqual(order, ['a', 'b', 'c']);
});

test('a refusal is a value', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const late = await client.send({ messageId: 'late', fcmData });
  const door = await client.send({ messageId: 'door', fcmData });
  const reject = { message_type: 'DOWNSTREAM_REJECT', session_id: 's', error_string: 'why', fcm_data: { to: 't' } };
  connection.send(
    taken('late'),
    { ...reject, message_id: 'door', error: 'NO_PROVIDER', taken: false },
    { ...reject, message_id: 'late', error: 'EXPIRED', taken: true, sequence_id: 9 },
  );
  t.deepEqual(await late.outcome, { kind: 'reject', code: 'EXPIRED', text: 'why', taken: true, data: { to: 't' } });
  await late.taken;
  t.like(await door.outcome, { kind: 'reject', code: 'NO_PROVIDER', taken: false });
  const error = await t.throwsAsync(door.taken, { instanceOf: BalClientError });
  t.like(error, { code: 'REJECTED', bridgeCode: 'NO_PROVIDER' });
  await connection.next('DOWNSTREAM');
  await connection.next('DOWNSTREAM');
  t.deepEqual(
    await connection.next('ACK'),
    { message_type: 'ACK', sequence_ids: [9] },
    'a refusal at the door has none',
  );
});

test('[BAL §Downstream rules] a refusal at the door does not settle what is taken already', async (t) => {
  const { bridge, client } = await stage(t);
  void client.connect();
  const connection = await bridge.logon();
  const sent = await client.send({ messageId: 'm', fcmData });
  connection.send(taken('m'), {
    message_type: 'DOWNSTREAM_REJECT',
    message_id: 'm',
    error: 'NO_PROVIDER',
    error_string: 'x',
    taken: false,
  });
  await sent.taken;
  t.false(await isSettled(sent.outcome));
  connection.send(ackFrame(1, 'm'));
  t.like(await sent.outcome, { kind: 'ack' });
});

test('messages that can not be sent are refused before they cost the connection', async (t) => {
  const { client } = await stage(t, { maxFrameBytes: 1_000 });
  const code = async (message: Parameters<BalClient['send']>[0]) =>
    (await t.throwsAsync(client.send(message), { instanceOf: BalClientError }))?.code;
  t.is(await code({ messageId: '', fcmData }), 'INVALID_MESSAGE');
  t.is(await code({ messageId: 'x'.repeat(1_025), fcmData: {} }), 'MESSAGE_TOO_LARGE');
  t.is(await code({ messageId: 'é\ud800', fcmData }), 'INVALID_MESSAGE');
  t.is(await code({ messageId: 'a', fcmData: { message_id: 'b' } }), 'INVALID_MESSAGE');
  t.is(await code({ fcmData: { from: 'x' } }), 'INVALID_MESSAGE');
  t.is(await code({ fcmData: { n: 5n } }), 'INVALID_MESSAGE');
  t.is(await code({ fcmData: [] as unknown as Record<string, unknown> }), 'INVALID_MESSAGE');
  t.is(await code({ fcmData: { data: 'x'.repeat(1_000) } }), 'MESSAGE_TOO_LARGE');
  await client.send({ messageId: 'a', fcmData });
  t.is(await code({ messageId: 'a', fcmData }), 'DUPLICATE_MESSAGE_ID');
  t.is(client.unsettled, 1);
});

test('frames of the limit pass, one byte more does not', async (t) => {
  const { client } = await stage(t, { maxFrameBytes: 200 });
  const empty = JSON.stringify({ message_type: 'DOWNSTREAM', message_id: 'm', fcm_data: { x: '' } }).length;
  await t.throwsAsync(client.send({ messageId: 'm', fcmData: { x: 'x'.repeat(200 - empty + 1) } }), {
    message: /201 bytes/,
  });
  await client.send({ messageId: 'm', fcmData: { x: 'x'.repeat(200 - empty) } });
  t.is(client.unsettled, 1);
});

test('send waits for room, in order', async (t) => {
  const { bridge, client } = await stage(t, { maxUnsettled: 2 });
  void client.connect();
  const connection = await bridge.logon();
  await client.send({ messageId: 'm1', fcmData });
  await client.send({ messageId: 'm2', fcmData });
  const third = client.send({ messageId: 'm3', fcmData });
  const fourth = client.send({ messageId: 'm4', fcmData });
  t.is(client.unsettled, 4);
  await t.throwsAsync(client.send({ messageId: 'm3', fcmData }), { message: /m3 waits/ });
  t.false(await isSettled(third));
  await connection.next('DOWNSTREAM');
  await connection.next('DOWNSTREAM');
  t.is(connection.unread, 0);
  connection.send(ackFrame(1, 'm2'));
  t.is((await third).messageId, 'm3');
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'm3' });
  t.false(await isSettled(fourth));
  connection.send(ackFrame(2, 'm1'));
  await fourth;
});

test('bytes without an outcome are bounded, too', async (t) => {
  const { bridge, client } = await stage(t, { maxUnsettledBytes: 500 });
  void client.connect();
  const connection = await bridge.logon();
  const large = { to: 'x'.repeat(600) };
  await client.send({ messageId: 'm1', fcmData: large });
  const second = client.send({ messageId: 'm2', fcmData });
  t.false(await isSettled(second), 'a larger one than all of it goes alone');
  connection.send(ackFrame(1, 'm1'));
  await second;
  await client.send({ messageId: 'm3', fcmData });
});

test('no more is in flight than a paused bridge still reads', async (t) => {
  const { bridge, client } = await stage(t, { maxInFlightBytes: 200 });
  const sent = await Promise.all(['m1', 'm2', 'm3', 'm4'].map((messageId) => client.send({ messageId, fcmData })));
  await client.send({ messageId: 'large', fcmData: { to: 'x'.repeat(300) } });
  void client.connect();
  const connection = await bridge.logon();
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'm1' });
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'm2' });
  await turns();
  t.is(connection.unread, 0);
  connection.send(taken('m1'));
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'm3' });
  connection.send(ackFrame(1, 'm2'), taken('m3', 'm3'));
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'm4' });
  await connection.next('ACK');
  await turns();
  t.is(connection.unread, 0, 'the large one waits until it is alone');
  connection.send(taken('m4'));
  t.like(await connection.next('DOWNSTREAM'), { message_id: 'large' });
  await Promise.all(sent.map((each) => each.taken));
});

test('options out of bounds', (t) => {
  const base = { host: 'h', port: 1, session: 's' };
  for (const wrong of [
    { window: 0 },
    { window: 1_001 },
    { window: 1.5 },
    { maxUnsettled: 0 },
    { session: '' },
    { host: '' },
    { port: 65_536 },
    { encoding: 'xml' as 'json' },
    { pingAfterMs: 0 },
  ]) {
    t.throws(() => new BalClient({ ...base, ...wrong }), { instanceOf: RangeError }, JSON.stringify(wrong));
  }
  t.notThrows(() => new BalClient({ ...base, window: 1_000 }).close());
});
