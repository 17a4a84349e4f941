import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { type Backend, brief, downstream, startBridge, until } from './harness.ts';

/** Deadlines are looked at every quarter of a second. */
const TICK_MS = 250;

test('[BAL §Sessions and answers] a full window without any ACK for ack_timeout is SLOW_CONSUMER, and its frames go elsewhere', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const slow = await bridge.logOn({ window: 2 });
  for (let i = 1; i <= 3; i++) await bridge.upstream(`u${i}`);
  await slow.take(2);
  await clock.advance(300_000 - TICK_MS);
  t.deepEqual(await slow.sync(), []);
  const other = await bridge.logOn();
  t.deepEqual(brief(await other.take(1)), ['UPSTREAM u3']);
  await clock.advance(TICK_MS);
  t.deepEqual(brief(await slow.untilEnd()), ['ERROR SLOW_CONSUMER']);
  t.deepEqual(brief(await other.take(2)), ['UPSTREAM u1', 'UPSTREAM u2']);
  await clock.advance(600_000); // a window that is not full may stay as it is
  t.deepEqual(await other.sync(), []);
});

test('[BAL §Sessions and answers] every ACK starts ack_timeout anew, also one that frees nothing', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, options: { ack_timeout: '10s' } });
  const slow = await bridge.logOn({ window: 2 });
  for (let i = 1; i <= 4; i++) await bridge.upstream(`u${i}`);
  await slow.take(2);
  await clock.advance(9_000);
  slow.ack(1);
  await slow.take(1);
  await clock.advance(9_000);
  slow.ack(1); // settled before
  t.deepEqual(await slow.sync(), []);
  await clock.advance(9_000);
  t.deepEqual(await slow.sync(), []);
  await clock.advance(1_000);
  t.deepEqual(brief(await slow.untilEnd()), ['ERROR SLOW_CONSUMER']);
});

test('[BAL §Sessions and answers] a reader that is frozen is closed after write_timeout while others go on', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const frozen = await bridge.logOn({ window: 1_000 });
  frozen.socket.pause();
  const big = 'x'.repeat(60_000);
  for (let i = 0; i < 500; i++) await bridge.upstream(`u${i}`, { data: { big } });
  const other = await bridge.logOn({ window: 1 });
  const [frame] = await other.sync();
  await clock.advance(15_000);
  t.is(bridge.door.connections, 2);
  await clock.advance(15_000 + TICK_MS);
  await until(() => bridge.door.connections === 1);
  t.deepEqual(await other.sync(), []);
  other.ack(frame?.sequence_id);
  t.is((await other.sync()).length, 1);
});

test('[BAL §Sessions and answers] a reader that is slow but reads is left alone', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const big = 'x'.repeat(60_000);
  for (let i = 0; i < 500; i++) await bridge.upstream(`u${i}`, { data: { big } });
  const slow = await bridge.logOn({ window: 1_000 });
  for (let round = 1; round <= 5; round++) {
    slow.socket.pause();
    await clock.advance(20_000);
    slow.socket.resume();
    slow.ack(...(await slow.take(100)).map((frame) => frame.sequence_id));
  }
  t.deepEqual(await slow.sync(), []);
  t.is(bridge.store.waiting('app'), 0);
});

test('[BAL §Sessions and answers] idle_timeout is off by default', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  await clock.advance(600_000);
  t.deepEqual(await backend.sync(), []);
});

test('[BAL §Error codes] IDLE_TIMEOUT when nothing was received for idle_timeout', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, options: { idle_timeout: '20s' } });
  const backend = await bridge.logOn();
  await clock.advance(19_000);
  await backend.sync();
  await clock.advance(19_000);
  await bridge.upstream('u1'); // what the bridge sends does not count
  t.deepEqual(brief(await backend.take(1)), ['UPSTREAM u1']);
  await clock.advance(1_000);
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR IDLE_TIMEOUT']);
});

/** A session whose outbox is full, with one frame parked on this connection. */
async function paused(clock: ManualClock, t: Parameters<typeof startBridge>[0]) {
  const bridge = await startBridge(t, {
    clock,
    sessions: [{ id: 'app', max_pending: 1 }],
    options: { idle_timeout: '20s', ack_timeout: '20s' },
  });
  const backend = await bridge.logOn({ window: 1, confirm: true });
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(downstream('m1'), downstream('m2'));
  t.deepEqual(brief(await backend.sync()), ['DOWNSTREAM_TAKEN m1']);
  return { bridge, backend };
}

const expectSlow = async (backend: Backend) => brief(await backend.untilEnd());

test('[BAL §Downstream rules] while the bridge pauses a connection its deadlines stand still', async (t) => {
  const clock = new ManualClock();
  const { bridge, backend } = await paused(clock, t);
  await clock.advance(19_000);
  await clock.advance(100_000);
  t.false(backend.ended);
  bridge.provider.attempts[0]?.answer({ kind: 'accepted', reply: '{}' });
  await bridge.provider.attempt(2); // m2 is no longer parked: the deadlines go on
  await until(() => bridge.store.pending('app') === 1);
  await clock.advance(19_000);
  t.false(backend.ended);
  await clock.advance(1_000 + TICK_MS);
  const frames = await expectSlow(backend);
  t.deepEqual(frames.at(0), 'DOWNSTREAM_TAKEN m2');
  t.regex(String(frames.at(-1)), /ERROR (IDLE_TIMEOUT|SLOW_CONSUMER)/);
});

test('[BAL §Downstream rules] a session that is at max_inbox waits for its own ACKs: the deadline goes on', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, {
    clock,
    sessions: [{ id: 'app', max_inbox: 1 }],
    options: { ack_timeout: '20s' },
  });
  const backend = await bridge.logOn({ window: 100 });
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(downstream('m1'));
  t.deepEqual(await backend.sync(), []);
  await clock.advance(19_000);
  t.deepEqual(await backend.sync(), []);
  await clock.advance(1_000);
  t.deepEqual(await expectSlow(backend), ['ERROR SLOW_CONSUMER']);
});

test('a connection that has closed leaves no timer behind', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const idle = clock.waiting;
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send({ message_type: 'LOGOFF' });
  await until(() => clock.waiting === idle + 1); // LOGOFF waits for the window, but not for ever
  backend.destroy();
  await until(() => bridge.door.connections === 0);
  t.is(clock.waiting, idle);
});
