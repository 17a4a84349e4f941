import test from 'ava';
import { STORE_RETRY_MS, StoreError } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { type DeskLinks, type Incoming, UPSTREAM_MAX, UpstreamDesk } from '../../../src/providers/ccs/upstream.ts';
import { bench, message, pause, said, until } from './bench.ts';

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
  await Promise.all([said(one), said(two)]);
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
  one?.say(upstream('late'));
  one?.say(upstream('u1'));
  await until(() => b.events.upstream_refused === 1);
  one?.drop();
  const two = await until(() => b.server.peers[1]?.online && b.server.peers[1]);
  late.resolve();
  await until(() => b.events.upstream_unacked === 1);
  refuse = false;
  await b.pass(4 * STORE_RETRY_MS);
  t.deepEqual([one?.acks, two.acks], [[], []]);
  t.is(b.upstream.length, 2);
  two.say(upstream('u1'));
  await until(() => two.acks[0]);
  t.is(two.acks[0]?.message_id, 'u1');
});

test('what the store refuses for a moment is stored and acked on the same connection, in order', async (t) => {
  let refuse = true;
  const stored: string[] = [];
  const store = async ({ id }: { id: string }) => {
    await null;
    if (refuse) throw new StoreError('failed', 'for a moment');
    stored.push(id);
  };
  await using b = await bench({ receiver: { upstream: store, receipt: store } });
  const [peer] = b.server.peers;
  const ids = Array.from({ length: 150 }, (_, i) => `u${i}`);
  for (const id of ids.slice(0, 100)) peer?.say(upstream(id));
  peer?.say({
    message_type: 'receipt',
    from: 'gcm.googleapis.com',
    message_id: 'dr2:w',
    category: 'com.example.app',
    data: { message_status: 'MESSAGE_SENT_TO_DEVICE', original_message_id: 'w' },
  });
  await until(() => b.events.upstream_refused);
  await b.pass(3 * STORE_RETRY_MS);
  for (const id of ids.slice(100)) peer?.say(upstream(id));
  await said(peer);
  t.deepEqual(peer?.acks, []);
  refuse = false;
  await b.pass(STORE_RETRY_MS);
  await until(() => peer?.acks.length === 151);
  const expected = [...ids.slice(0, 100), 'dr2:w', ...ids.slice(100)];
  t.deepEqual(stored, expected);
  t.deepEqual(
    peer?.acks.map((ack) => ack.message_id),
    expected,
  );
  peer?.say(upstream('after'));
  await until(() => peer?.acks.length === 152);
  t.is(b.server.peers.length, 1);
  t.is(b.events.drop, undefined);
});

test('reading pauses while the store refuses, and goes on when all has been taken', async (t) => {
  let refuse = true;
  await using b = await bench({
    receiver: {
      async upstream() {
        if (refuse) throw new Error('disk full');
      },
    },
  });
  const [peer] = b.server.peers;
  for (let i = 0; i < UPSTREAM_MAX; i++) peer?.say(upstream(`u${i}`));
  // What came after a refusal is offered with it.
  while (new Set(b.upstream.map(({ id }) => id)).size < UPSTREAM_MAX) await b.pass(STORE_RETRY_MS);
  for (let i = 0; i < 50; i++) peer?.say(upstream(`v${i}`));
  await pause();
  await b.pass(2 * STORE_RETRY_MS);
  t.false(b.upstream.some(({ id }) => id.startsWith('v')));
  refuse = false;
  await b.pass(2 * STORE_RETRY_MS);
  await until(() => peer?.acks.length === UPSTREAM_MAX + 50);
});

test('a connection that retires waits for the store, and is closed without it in the end', async (t) => {
  let refuse = true;
  await using b = await bench({
    options: { pool: { min: 1, max: 2 }, ack_timeout: '60s', ping_interval: '1h' },
    wait: 1,
    receiver: {
      async upstream() {
        if (refuse) throw new Error('disk full');
      },
    },
  });
  const retire = async (number: number) => {
    const peer = await until(() => b.server.peers[number]?.online && b.server.peers[number]);
    await until(() => b.provider.pool().open === 1);
    peer.say(upstream('u1'));
    await until(() => b.events.upstream_refused === number + 1);
    void b.send(message());
    await until(() => peer.downstream[0]);
    await b.pass(61_000);
    return peer;
  };
  const one = await retire(0);
  await said(one);
  t.false(one.footer);
  refuse = false;
  await b.pass(STORE_RETRY_MS);
  await until(() => one.acks[0] && one.footer);
  refuse = true;
  const two = await retire(1);
  await said(two);
  t.false(two.footer);
  await b.pass(61_000);
  await until(() => two.footer);
  t.deepEqual(two.acks, []);
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

function desk(clock: ManualClock, store: (id: string) => Promise<void>) {
  const told: string[] = [];
  const links: DeskLinks = {
    clock,
    receiver: { upstream: ({ id }) => store(id), receipt: ({ id }) => store(id) },
    ack: (_, id) => told.push(`ack ${id}`),
    pause: (paused) => told.push(paused ? 'pause' : 'resume'),
    done: (left) => told.push(`left ${left}`),
    refused: () => told.push('refused'),
  };
  return { desk: new UpstreamDesk(links), told };
}

const incoming = (id: string): Incoming => ({ kind: 'upstream', from: 'device', id, category: 'app', json: '{}' });

test('what waits for the store is offered every STORE_RETRY_MS, no more often, and keeps its place', async (t) => {
  const clock = new ManualClock();
  const offered: string[] = [];
  const second = Promise.withResolvers<void>();
  let refuse = true;
  const d = desk(clock, async (id) => {
    offered.push(id);
    if (id === 'u2' && refuse) return second.promise;
    if (refuse) throw new Error('disk full');
  });
  d.desk.take(incoming('u1'));
  d.desk.take(incoming('u2'));
  await clock.advance(0);
  d.desk.take(incoming('u3'));
  second.reject(new Error('disk full'));
  await clock.advance(STORE_RETRY_MS - 1);
  t.deepEqual(offered.splice(0), ['u1', 'u2']);
  t.is(d.desk.pending, 3);
  refuse = false;
  await clock.advance(1);
  t.deepEqual(offered.splice(0), ['u1', 'u2', 'u3']);
  t.deepEqual(d.told, ['refused', 'refused', 'ack u1', 'left 2', 'ack u2', 'left 1', 'ack u3', 'left 0']);
  t.is(clock.waiting, 0);
});

test('the end of a connection leaves no timer and nothing pending', async (t) => {
  const clock = new ManualClock();
  const slow = Promise.withResolvers<void>();
  const d = desk(clock, (id) => (id === 'slow' ? slow.promise : Promise.reject(new Error('disk full'))));
  d.desk.take(incoming('slow'));
  d.desk.take(incoming('u1'));
  await clock.advance(0);
  d.desk.take(incoming('u2'));
  t.is(clock.waiting, 1);
  d.desk.end();
  t.is(clock.waiting, 0);
  t.is(d.desk.pending, 1);
  slow.reject(new Error('disk full'));
  d.desk.take(incoming('u3'));
  await clock.advance(STORE_RETRY_MS);
  t.is(clock.waiting, 0);
  t.is(d.desk.pending, 0);
  t.deepEqual(d.told, ['refused', 'refused', 'left 1', 'refused', 'left 0']);
});

test('a store that is closed is not asked again', async (t) => {
  const clock = new ManualClock();
  const d = desk(clock, () => Promise.reject(new StoreError('closed', 'the store is closed')));
  d.desk.take(incoming('u1'));
  await clock.advance(0);
  t.is(clock.waiting, 0);
  t.deepEqual(d.told, ['refused', 'left 0']);
});
