import test from 'ava';
import type { Outcome } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, downstream, startBridge, until } from './harness.ts';

const WEEKS = 2_419_200_000;

const later = (code = 'SERVICE_UNAVAILABLE', scope: 'message' | 'target' = 'message'): Outcome => ({
  kind: 'later',
  scope,
  code,
  because: 'busy',
  reply: `{"error":"${code}"}`,
});

test('[BAL §Downstream rules] TTL counts from acceptance; without one it is four weeks', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'), downstream('m2', {}, { time_to_live: 60 }));
  const [first, second] = [await bridge.provider.attempt(1), await bridge.provider.attempt(2)];
  t.is(first.message.expiresAt, clock.now() + WEEKS);
  t.is(first.message.ttl, undefined);
  t.is(second.message.expiresAt, clock.now() + 60_000);
  t.is(second.message.ttl, 60);
});

test('[BAL §Downstream rules] a message that nobody took in its TTL is EXPIRED, with the last reason', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, retry: { baseMs: 1_000_000, capMs: 1_000_000 } });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', {}, { time_to_live: 60 }));
  (await bridge.provider.attempt(1)).answer(later());
  bridge.provider.window = 0;
  backend.send(downstream('m2', {}, { time_to_live: 60 }));
  await backend.sync();
  await clock.advance(60_000);
  t.deepEqual(await backend.sync(), []);
  await clock.advance(250);
  const frames = await backend.take(2);
  t.like(
    frames.find((frame) => frame.message_id === 'm1'),
    {
      message_type: 'DOWNSTREAM_REJECT',
      error: 'EXPIRED',
      error_string: 'time to live is over; last: SERVICE_UNAVAILABLE: busy',
      taken: true,
      fcm_data: { message_id: 'm1', to: 'token' },
    },
  );
  t.like(
    frames.find((frame) => frame.message_id === 'm2'),
    { error: 'EXPIRED', error_string: 'time to live is over; last: no connection took it' },
  );
});

test('[BAL §Downstream rules] an attempt in flight is never expired: its answer decides', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', {}, { time_to_live: 1 }), downstream('m2', {}, { time_to_live: 0 }));
  const [first, second] = [await bridge.provider.attempt(1), await bridge.provider.attempt(2)];
  await clock.advance(600_000);
  t.deepEqual(await backend.sync(), []);
  first.answer(accept(first.message));
  second.answer(accept(second.message));
  t.deepEqual(brief(await backend.take(2)), ['DOWNSTREAM_ACK m1', 'DOWNSTREAM_ACK m2']);
});

test('[BAL §Downstream rules] TTL 0: EXPIRED when no connection took it within a second', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, provider: new FakeProvider('fake', 0) });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', {}, { time_to_live: 0 }), downstream('m2', {}, { time_to_live: 1 }));
  await backend.sync();
  await clock.advance(999);
  t.deepEqual(await backend.sync(), []);
  await clock.advance(251);
  t.deepEqual(
    (await backend.take(2)).map((frame) => frame.error),
    ['EXPIRED', 'EXPIRED'],
  );
  t.is(bridge.provider.attempts.length, 0);
});

test('[BAL §Downstream rules] TTL 0: EXPIRED when the attempt ended without a final answer; draining is not one', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', {}, { time_to_live: 0 }), downstream('m2', {}, { time_to_live: 0 }));
  (await bridge.provider.attempt(1)).answer({ kind: 'unanswered', because: 'the connection died' });
  t.like(await backend.next(), { error: 'EXPIRED', error_string: 'time to live is over; last: the connection died' });
  (await bridge.provider.attempt(2)).answer(later());
  t.like(await backend.next(), { message_id: 'm2', error: 'EXPIRED' });
  backend.send(downstream('m3', {}, { time_to_live: 0 }));
  (await bridge.provider.attempt(3)).answer({ kind: 'unsent', because: 'CONNECTION_DRAINING' });
  const again = await bridge.provider.attempt(4);
  again.answer(accept(again.message));
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_ACK', message_id: 'm3' });
});

test('[BAL §Downstream rules] what the provider postpones is tried again after a wait with full jitter', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, random: () => 0.5, retry: { baseMs: 1_000, capMs: 3_000 } });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  const wireIds = new Set<string>();
  for (const [index, wait] of [500, 1_000, 1_500, 1_500].entries()) {
    const attempt = await bridge.provider.attempt(index + 1);
    t.is(attempt.message.attempts, index);
    wireIds.add(attempt.message.wireId);
    attempt.answer(later());
    await backend.sync();
    await clock.advance(wait - 1);
    t.is(bridge.provider.attempts.length, index + 1, `before ${wait} ms`);
    await clock.advance(1);
    await bridge.provider.attempt(index + 2);
  }
  t.is(wireIds.size, 1);
});

test('[BAL §Downstream rules] an attempt without an answer is made again at once, under the same wire id', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock() });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  const first = await bridge.provider.attempt(1);
  first.answer({ kind: 'unanswered', because: 'the connection died' });
  const second = await bridge.provider.attempt(2);
  t.is(second.message.wireId, first.message.wireId);
  t.is(second.message.attempts, 0);
});

test('[BAL §Downstream rules] give_up_after counts from the first answered attempt and carries the last code', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, {
    clock,
    random: () => 1,
    retry: { baseMs: 10_000, capMs: 10_000, giveUpAfterMs: 30_000 },
  });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  await clock.advance(60_000); // an outage: the first attempt has no answer yet
  (await bridge.provider.attempt(1)).answer({ kind: 'unanswered', because: 'the connection died' });
  for (let i = 2; i <= 4; i++) {
    (await bridge.provider.attempt(i)).answer(later('SERVICE_UNAVAILABLE'));
    t.deepEqual(await backend.sync(), []);
    await clock.advance(10_000);
  }
  (await bridge.provider.attempt(5)).answer(later('INTERNAL_SERVER_ERROR'));
  t.like(await backend.next(), {
    message_type: 'DOWNSTREAM_REJECT',
    error: 'INTERNAL_SERVER_ERROR',
    error_string: 'busy',
    taken: true,
    fcm_data: { error: 'INTERNAL_SERVER_ERROR' },
  });
});

test('[BAL §Downstream rules] a group has one message at a time, in the order of acceptance', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  const names = (i: number) => bridge.provider.attempt(i).then(({ message }) => message.messageId);
  backend.send(...['g1', 'g2', 'g3'].map((id) => downstream(id, { group_id: 'g' })), downstream('x'));
  t.deepEqual([await names(1), await names(2)].sort(), ['g1', 'x']); // others do not wait
  t.is(bridge.provider.attempts.length, 2);
  const g1 = bridge.provider.attempts.find(({ message }) => message.messageId === 'g1');
  g1?.answer(accept(g1.message));
  t.is(await names(3), 'g2');
  const g2 = await bridge.provider.attempt(3);
  g2.answer({ kind: 'refused', code: 'INVALID_JSON', because: 'no', reply: '{}' });
  t.is(await names(4), 'g3');
});

test('[BAL §Downstream rules] a group whose head waits for a retry waits with it; other groups go on', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, sessions: [{ id: 'app' }, { id: 'other' }] });
  const backend = await bridge.logOn();
  backend.send(downstream('g1', { group_id: 'g' }), downstream('g2', { group_id: 'g' }));
  (await bridge.provider.attempt(1)).answer(later());
  await backend.sync();
  backend.send(downstream('h1', { group_id: 'h' }));
  t.is((await bridge.provider.attempt(2)).message.messageId, 'h1');
  const other = await bridge.logOn({ session_id: 'other' });
  other.send(downstream('g1', { group_id: 'g' })); // a group is one session's
  t.is((await bridge.provider.attempt(3)).message.session, 'other');
  await clock.advance(499);
  t.is(bridge.provider.attempts.length, 3);
  await clock.advance(1);
  const again = await bridge.provider.attempt(4);
  t.is(again.message.messageId, 'g1');
  again.answer(accept(again.message));
  t.is((await bridge.provider.attempt(5)).message.messageId, 'g2');
});

test('[BAL §Error codes] a target over its rate holds its other messages back, not those of others', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', {}, { to: 'fast' }));
  (await bridge.provider.attempt(1)).answer(later('DEVICE_MESSAGE_RATE_EXCEEDED', 'target'));
  await backend.sync();
  backend.send(downstream('m2', {}, { to: 'fast' }), downstream('m3', {}, { to: 'slow' }));
  t.is((await bridge.provider.attempt(2)).message.messageId, 'm3');
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.provider.attempts.length, 2);
  await clock.advance(500);
  await bridge.provider.attempt(4);
  t.deepEqual(
    bridge.provider.attempts
      .slice(2)
      .map(({ message }) => message.messageId)
      .sort(),
    ['m1', 'm2'],
  );
});

test('[BAL §Error codes] codes of the provider are passed on, known or not', async (t) => {
  const codes = ['BAD_REGISTRATION', 'DEVICE_UNREGISTERED', 'INVALID_JSON', 'SOMETHING_NEW'];
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  for (const [index, code] of codes.entries()) {
    backend.send(downstream(code));
    (await bridge.provider.attempt(index + 1)).answer({ kind: 'refused', code, because: 'so', reply: '{}' });
    t.like(await backend.next(), { message_type: 'DOWNSTREAM_REJECT', error: code, taken: true });
  }
});

test('[BAL §Downstream rules] every taken message ends in exactly one outcome', async (t) => {
  let tries = 0;
  const provider = new FakeProvider('fake', 20, (message) => {
    const kind = ++tries % 4;
    if (kind === 0) return { kind: 'unanswered', because: 'the connection died' };
    if (kind === 1) return { kind: 'unsent', because: 'CONNECTION_DRAINING' };
    return kind === 2 ? accept(message) : { kind: 'gone', code: 'BAD_REGISTRATION', because: '', reply: '{}' };
  });
  const bridge = await startBridge(t, { provider });
  const backend = await bridge.logOn({ window: 1_000 });
  const ids = Array.from({ length: 300 }, (_, i) => `m${i}`);
  backend.send(...ids.map((id, i) => downstream(id, i % 3 ? {} : { group_id: `g${i % 5}` })));
  const frames = await backend.take(300);
  t.deepEqual(frames.map((frame) => frame.message_id).sort(), ids.toSorted());
  await until(() => bridge.store.pending('app') === 0);
  t.deepEqual(await backend.sync(), []);
  t.true(provider.most <= 20);
});
