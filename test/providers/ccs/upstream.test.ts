import test from 'ava';
import { UPSTREAM_MAX } from '../../../src/providers/ccs/upstream.ts';
import { bench, message, pause, until } from './bench.ts';

const upstream = (id: string, more: object = {}) => ({
  from: 'device',
  category: 'com.example.app',
  message_id: id,
  data: { hello: 'world' },
  time_to_live: 10,
  ...more,
});

test('an upstream message is stored, then acked on the connection that it came from', async (t) => {
  const stored = Promise.withResolvers<void>();
  await using b = await bench({
    options: { pool: { min: 2, max: 2 } },
    wait: 2,
    receiver: { upstream: () => stored.promise },
  });
  const [one, two] = b.server.peers;
  two?.say(upstream('u1'));
  await until(() => b.upstream[0]);
  await pause();
  t.deepEqual([one?.acks, two?.acks], [[], []]);
  stored.resolve();
  await until(() => two?.acks[0]);
  t.deepEqual(two?.acks, [{ to: 'device', message_id: 'u1', message_type: 'ack' }]);
  t.deepEqual(one?.acks, []);
  t.deepEqual(b.upstream, [
    { from: 'device', id: 'u1', session: 'com.example.app', data: JSON.stringify(upstream('u1')) },
  ]);
});

test('no ack if the store refuses, and none on another connection after a drop', async (t) => {
  let refuse = true;
  const late = Promise.withResolvers<void>();
  await using b = await bench({
    receiver: {
      async upstream({ id }) {
        if (id === 'late') return late.promise;
        if (refuse) throw new Error('disk full');
      },
    },
  });
  const [one] = b.server.peers;
  one?.say(upstream('u1'));
  await until(() => b.events.upstream_refused === 1);
  one?.say(upstream('late'));
  await until(() => b.upstream.length === 2);
  one?.drop();
  const two = await until(() => b.server.peers[1]?.online && b.server.peers[1]);
  late.resolve();
  await until(() => b.events.upstream_unacked === 1);
  t.deepEqual([one?.acks, two.acks], [[], []]);
  refuse = false;
  two.say(upstream('u1'));
  await until(() => two.acks[0]);
  t.is(two.acks[0]?.message_id, 'u1');
});

test('acks are exempt from the window', async (t) => {
  await using b = await bench({ options: { pool: { max: 1, window: 1 } } });
  const [peer] = b.server.peers;
  void b.send(message());
  t.is(b.provider.room(), 0);
  peer?.say(upstream('u1'));
  await until(() => peer?.acks[0]);
  t.is(b.provider.room(), 0);
});

test('a missing category is handed on as an unknown session', async (t) => {
  await using b = await bench();
  const { category: _, ...rest } = upstream('u1');
  b.server.peers[0]?.say(rest);
  await until(() => b.server.peers[0]?.acks[0]);
  t.is(b.upstream[0]?.session, '');
});

test('[fcm.md §1.8] a receipt is stored under its original id and acked to its from', async (t) => {
  await using b = await bench();
  const [peer] = b.server.peers;
  const receipt = {
    category: 'com.example.app',
    data: {
      device_registration_id: 'token',
      message_sent_timestamp: '1498801519251',
      message_status: 'MESSAGE_SENT_TO_DEVICE',
      original_message_id: 'wire-39',
    },
    from: 'gcm.googleapis.com',
    message_id: 'dr2:wire-39',
    message_type: 'receipt',
    time_to_live: 0,
  };
  peer?.say(receipt);
  await until(() => peer?.acks[0]);
  t.deepEqual(peer?.acks, [{ to: 'gcm.googleapis.com', message_id: 'dr2:wire-39', message_type: 'ack' }]);
  t.like(b.receipts[0], { from: 'gcm.googleapis.com', id: 'dr2:wire-39', wireId: 'wire-39' });
  t.deepEqual(JSON.parse(b.receipts[0]?.data ?? ''), {
    ...receipt,
    message_id: 'dr2:own',
    data: { ...receipt.data, original_message_id: 'own' },
  });
});

test('reading pauses while the store is slow, and goes on afterwards; deadlines stand still meanwhile', async (t) => {
  const gate = Promise.withResolvers<void>();
  await using b = await bench({ receiver: { upstream: () => gate.promise } });
  const [peer] = b.server.peers;
  const sent = b.send(message());
  const m = await until(() => peer?.messages[0]);
  for (let i = 0; i < UPSTREAM_MAX; i++) peer?.say(upstream(`u${i}`));
  await until(() => b.upstream.length === UPSTREAM_MAX);
  await pause();
  peer?.ack(m);
  for (let i = 0; i < 50; i++) peer?.say(upstream(`v${i}`));
  await pause();
  t.is(b.upstream.length, UPSTREAM_MAX);
  await b.pass(120_000);
  t.is(b.provider.pool().open, 1);
  gate.resolve();
  t.is((await sent).kind, 'accepted');
  await until(() => peer?.acks.length === UPSTREAM_MAX + 50);
});

test('a server that reads no acks is not read either, and given up after ack_timeout', async (t) => {
  await using b = await bench({ options: { ack_timeout: '60s' } });
  const [peer] = b.server.peers;
  peer?.socket.pause();
  const from = 'd'.repeat(8_000);
  const count = 4_000;
  for (let i = 0; i < count; i++) peer?.say(upstream(`u${i}`, { from }));
  // The kernel takes its share first, and each sweep looks whether it took more.
  let read = -1;
  for (let same = 0; same < 5; ) {
    await pause(20);
    same = b.upstream.length === read ? same + 1 : 0;
    read = b.upstream.length;
    await b.pass(1_000);
  }
  t.true(read > 0 && read < count);
  await b.pass(40_000);
  t.is(b.upstream.length, read);
  t.is(b.provider.pool().open, 1);
  await b.pass(25_000);
  t.is(b.events.write_timeout, 1);
  await until(() => b.server.peers[1]?.online);
});
