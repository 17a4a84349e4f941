import test from 'ava';
import { downstream, type Json } from '../doors/bal/harness.ts';
import { collect, Story } from './harness.ts';

const ids = (frames: readonly Json[]): string[] => frames.map((frame) => String(frame.message_id)).sort();
const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}`).sort();

test('a message goes through the bridge to the service and its ack comes back, ids and all', async (t) => {
  const story = await Story.start();
  const backend = await story.logOn({ confirm: true });
  backend.send(downstream('m1', { group_id: 'g' }, { to: 'device-token', data: { text: 'grüße <&> 😀 \uffff' } }));
  const [taken, ack] = await backend.take(2);
  t.deepEqual(taken, { message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m1'] });
  t.deepEqual(ack, {
    message_type: 'DOWNSTREAM_ACK',
    sequence_id: 1,
    session_id: 'com.example.app',
    message_id: 'm1',
    group_id: 'g',
    fcm_data: { from: 'device-token', message_id: 'm1', message_type: 'ack' },
  });
  await story.stop();
});

test('refusals of the service come back under its own codes, the canonical token is handed on', async (t) => {
  const story = await Story.start();
  const backend = await story.logOn();
  backend.send(downstream('gone', {}, { to: 'DEVICE_UNREGISTERED:1' }));
  const [reject] = await collect(backend, 1, 'DOWNSTREAM_REJECT');
  t.is(reject?.error, 'DEVICE_UNREGISTERED');
  t.is(reject?.taken, true);
  t.is(reject?.message_id, 'gone');
  t.like(reject?.fcm_data, { message_id: 'gone' });
  backend.send(downstream('moved', {}, { to: 'canonical:new-token' }));
  const [ack] = await collect(backend, 1, 'DOWNSTREAM_ACK');
  t.like(ack?.fcm_data, { registration_id: 'new-token' });
  await story.stop();
});

test('receipts and upstream messages reach the backend and are acked where they came from', async (t) => {
  const story = await Story.start({ emulator: { category: 'com.example.app' } });
  const backend = await story.logOn();
  backend.send(downstream('m1', {}, { delivery_receipt_requested: true }));
  const [receipt] = await collect(backend, 1, 'DOWNSTREAM_RECEIPT');
  t.is(receipt?.message_id, 'm1');
  t.like(receipt?.fcm_data, { message_id: 'dr2:m1', data: { original_message_id: 'm1' } });
  story.emulator.control.upstream({ count: 250, category: 'com.example.app', from: 'device', message_id: 'up' });
  const upstream = await collect(backend, 250, 'UPSTREAM');
  t.is(new Set(ids(upstream)).size, 250);
  backend.send(downstream('last'));
  await collect(backend, 1, 'DOWNSTREAM_ACK');
  const stats = story.emulator.control.stats();
  t.is(stats.upstreamAcked, 251);
  t.is(stats.errors406, 0);
  await story.stop();
});

test('a draining connection is replaced and a dropped one resent: nothing is lost', async (t) => {
  const story = await Story.start({
    emulator: { latency: '5ms', latency_spread: '10ms', drain_min: '50ms' },
    pool: { min: 2, max: 4, window: 50 },
  });
  const backend = await story.logOn({ window: 1000 });
  const count = 2_000;
  for (let n = 0; n < count; n++) backend.send(downstream(`m${n}`));
  const early = await collect(backend, 300, 'DOWNSTREAM_ACK');
  t.is(story.emulator.control.drain('one'), 1);
  const middle = await collect(backend, 500, 'DOWNSTREAM_ACK');
  t.is(story.emulator.control.drop('one', 'rst'), 1);
  const rest = await collect(backend, count - 800, 'DOWNSTREAM_ACK');
  t.deepEqual(ids([...early, ...middle, ...rest]), numbered('m', count));
  const stats = story.emulator.control.stats();
  t.is(stats.tracked, count);
  t.is(stats.windowBreaches, 0);
  t.true(stats.maxUnacked <= 50);
  await story.stop();
});

test('what was taken while the service was away goes out after a restart of the bridge', async (t) => {
  const story = await Story.start({ emulator: { refuse_login: 'failure' } });
  const before = await story.logOn({ confirm: true });
  for (let n = 0; n < 100; n++) before.send(downstream(`m${n}`, { group_id: `g${n % 3}` }));
  let taken = 0;
  while (taken < 100) taken += ((await before.next()).message_ids as string[]).length;
  const ready = (await (await story.admin('/readyz')).json()) as Json;
  t.regex(JSON.stringify(ready), /not-authorized/);
  await story.stopBridge();
  t.is((await before.untilEnd()).at(-1)?.error, 'SHUTTING_DOWN');
  story.emulator.control.resetFaults();
  story.emulator.control.setFaults({ refuse_login: 'no' });
  await story.startBridge();
  const after = await story.logOn();
  t.deepEqual(ids(await collect(after, 100, 'DOWNSTREAM_ACK')), numbered('m', 100));
  await story.stop();
});

test('the operator sees metrics and changes the pool while it runs', async (t) => {
  const story = await Story.start();
  const backend = await story.logOn();
  backend.send(downstream('m1'));
  await collect(backend, 1, 'DOWNSTREAM_ACK');
  const changed = await story.admin('/pool', {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ min: 3, max: 5, window: 10 }),
  });
  t.is(changed.status, 200);
  const pool = (await changed.json()) as Json;
  t.like(pool, { provider: 'ccs', min: 3, max: 5, window: 10 });
  t.is((await story.admin('/healthz')).status, 200);
  t.is((await story.admin('/readyz')).status, 200);
  const metrics = await (await story.admin('/metrics')).text();
  t.regex(metrics, /pushbridge_messages_total\{provider="ccs",state="accepted"\} 1/);
  t.regex(metrics, /pushbridge_round_trip_seconds_count\{provider="ccs"\} 1/);
  await story.stop();
});
