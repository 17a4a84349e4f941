import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, bytesOf, downstream, stalled, startBridge, until } from './harness.ts';

const full = { sessions: [{ id: 'app', max_pending: 1 }] };
const KIB = 1_024;

/** A DOWNSTREAM of about so many bytes. */
const large = (id: string, bytes: number) => downstream(id, {}, { data: { blob: 'x'.repeat(bytes) } });

test('[BAL §Downstream rules] max_pending messages are taken, one more waits for an outcome', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_pending: 3 }] });
  const backend = await bridge.logOn({ confirm: true });
  backend.send(...['m1', 'm2', 'm3', 'm4', 'm5'].map((id) => downstream(id)));
  t.deepEqual(
    (await backend.sync()).map((frame) => frame.message_ids),
    [['m1', 'm2', 'm3']],
  );
  t.is(bridge.provider.attempts.length, 3);
  const attempt = await bridge.provider.attempt(2);
  attempt.answer(accept(attempt.message));
  await bridge.provider.attempt(4);
  t.deepEqual(brief(await backend.sync()).sort(), ['DOWNSTREAM_ACK m2', 'DOWNSTREAM_TAKEN m4']);
  t.is(bridge.store.pending('app'), 3);
});

test('[BAL §Downstream rules] max_pending counts the outbox, never inbox frames', async (t) => {
  const bridge = await startBridge(t, { ...full, provider: new FakeProvider('fake', 100, accept) });
  const backend = await bridge.logOn();
  for (let i = 0; i < 5; i++) await bridge.upstream(`u${i}`);
  backend.send(downstream('m1'), downstream('m2'), downstream('m3'));
  t.is((await backend.take(8)).length, 8); // nothing acknowledged, and yet all were taken
});

test('[BAL §Downstream rules] ACK, PING and LOGOFF pass while frames are parked', async (t) => {
  const bridge = await startBridge(t, full);
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(downstream('m1'), ...Array.from({ length: 4 }, (_, i) => large(`p${i}`, 50 * KIB)));
  backend.ack(1);
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.store.waiting('app'), 0);
  backend.send({ message_type: 'LOGOFF' });
  await backend.sync();
  for (let i = 1; i <= 5; i++) {
    const attempt = await bridge.provider.attempt(i);
    attempt.answer(accept(attempt.message));
  }
  await backend.untilEnd();
  t.deepEqual(
    bridge.provider.attempts.map(({ message }) => message.messageId),
    ['m1', 'p0', 'p1', 'p2', 'p3'],
  );
});

test('[BAL §Downstream rules] beyond 256 KiB of parked frames reading stops; nothing is lost, and it goes on', async (t) => {
  const bridge = await startBridge(t, full);
  const backend = await bridge.logOn({ window: 1_000 });
  const other = await bridge.logOn();
  const ids = Array.from({ length: 500 }, (_, i) => `m${i}`);
  backend.send(...ids.map((id) => large(id, 60 * KIB)));
  t.true((await stalled(backend)) > 0, 'the bridge has stopped reading');
  t.is(bridge.store.pending('app'), 1);
  t.deepEqual(await other.sync(), []); // nobody else is held up
  for (let i = 1; i <= ids.length; i++) {
    const attempt = await bridge.provider.attempt(i);
    attempt.answer(accept(attempt.message));
  }
  t.deepEqual(
    bridge.provider.attempts.map(({ message }) => message.messageId),
    ids,
  );
  t.is((await backend.sync()).length, ids.length);
});

test('[BAL §Downstream rules] a store that is slow pauses the sender and loses nothing', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 1_000, accept) });
  const backend = await bridge.logOn({ window: 1_000 });
  const commit = bridge.gates.hold('accept');
  const ids = Array.from({ length: 400 }, (_, i) => `m${i}`);
  backend.send(...ids.map((id) => large(id, 10 * KIB)));
  await bridge.gates.called('accept', 1);
  commit();
  t.deepEqual(
    brief(await backend.take(400)),
    ids.map((id) => `DOWNSTREAM_ACK ${id}`),
  );
});

test('[BAL §Downstream rules] a store that refuses is asked again: no error, no loss, the order stays', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn({ confirm: true });
  const heal = bridge.gates.refuse('accept');
  backend.send(downstream('m1'));
  await bridge.gates.called('accept', 1);
  backend.send(downstream('m2'));
  t.deepEqual(await backend.sync(), []);
  await clock.advance(499);
  t.is(bridge.gates.calls('accept'), 1);
  heal();
  await clock.advance(1);
  t.deepEqual(brief(await backend.take(2)), ['DOWNSTREAM_TAKEN m1', 'DOWNSTREAM_TAKEN m2']);
  t.deepEqual(
    bridge.provider.attempts.map(({ message }) => message.messageId),
    ['m1', 'm2'],
  );
});

test('[BAL §Downstream rules] a connection that closes while the store refuses was promised nothing', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  const heal = bridge.gates.refuse('accept');
  backend.send(downstream('m1'));
  await bridge.gates.called('accept', 1);
  backend.socket.resetAndDestroy();
  await until(() => bridge.door.connections === 0);
  heal();
  await clock.advance(1_000);
  t.is(bridge.gates.calls('accept'), 1);
  t.is(bridge.core.sessions.room('app'), 100_000); // no room stays reserved
});

test('[BAL §Downstream rules] several connections of a session share max_pending', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_pending: 2 }] });
  const a = await bridge.logOn();
  const b = await bridge.logOn();
  a.send(downstream('a1'), downstream('a2'), downstream('a3'));
  await a.sync();
  b.send(downstream('b1'));
  await b.sync();
  t.is(bridge.store.pending('app'), 2);
  for (let i = 1; i <= 4; i++) {
    const attempt = await bridge.provider.attempt(i);
    attempt.answer(accept(attempt.message));
  }
  t.deepEqual(brief(await b.take(1)), ['DOWNSTREAM_ACK b1']);
  t.is((await a.take(3)).length, 3);
});

test('[BAL §Downstream rules] a parked connection that closes does not keep its place in the queue', async (t) => {
  const bridge = await startBridge(t, full);
  const a = await bridge.logOn();
  a.send(downstream('a1'), downstream('a2'));
  await a.sync();
  const b = await bridge.logOn();
  b.send(downstream('b1'));
  await b.sync();
  a.socket.resetAndDestroy();
  await until(() => bridge.door.connections === 1);
  const attempt = await bridge.provider.attempt(1);
  attempt.answer(accept(attempt.message));
  t.is((await bridge.provider.attempt(2)).message.messageId, 'b1');
});

test('[BAL §Downstream rules] the dispatcher never waits for a backend’s window', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 1, accept) });
  const backend = await bridge.logOn({ window: 1 });
  backend.send(...Array.from({ length: 50 }, (_, i) => downstream(`m${i}`)));
  await bridge.provider.attempt(50);
  await until(() => bridge.store.pending('app') === 0);
  t.is((await backend.sync()).length, 1);
});

test('[BAL §Downstream rules] a session at max_inbox takes no DOWNSTREAM until it acknowledges', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_inbox: 2 }, { id: 'other' }] });
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  backend.send(downstream('m1'));
  await bridge.provider.attempt(1); // one below the limit
  await bridge.upstream('u2');
  backend.send(downstream('m2'));
  t.deepEqual(brief(await backend.sync()), ['UPSTREAM u1', 'UPSTREAM u2']);
  t.is(bridge.provider.attempts.length, 1);
  const other = await bridge.logOn({ session_id: 'other', confirm: true });
  other.send(downstream('m1'));
  t.deepEqual(brief(await other.take(1)), ['DOWNSTREAM_TAKEN m1']);
  backend.ack(1);
  t.is((await bridge.provider.attempt(3)).message.messageId, 'm2');
});

test('[BAL §Downstream rules] beyond max_inbox upstream goes to the dead letters and is still acked to the provider', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_inbox: 2 }] });
  for (let i = 1; i <= 4; i++) await t.notThrowsAsync(bridge.upstream(`u${i}`));
  t.is(bridge.store.waiting('app'), 2);
  t.is((await bridge.store.stats()).deadLetters, 2);
});

test('[BAL §Downstream rules] answers find room in a full inbox', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_inbox: 1 }] });
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  const attempt = await bridge.provider.attempt(1);
  await bridge.upstream('u1');
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief(await backend.take(2)), ['UPSTREAM u1', 'DOWNSTREAM_ACK m1']);
});

test('[BAL §Downstream rules] frames wait at most inbox_ttl; when they go, a full session goes on', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, {
    clock,
    sessions: [{ id: 'app', max_inbox: 1 }],
    limits: { inboxTtlMs: 60_000 },
  });
  await bridge.upstream('u1');
  const backend = await bridge.logOn();
  t.deepEqual(brief(await backend.take(1)), ['UPSTREAM u1']);
  backend.send(downstream('m1'));
  await backend.sync();
  await clock.advance(59_000);
  t.is(bridge.provider.attempts.length, 0);
  await clock.advance(7_000);
  t.is((await bridge.provider.attempt(1)).message.messageId, 'm1');
  t.is((await bridge.store.stats()).deadLetters, 1);
});

test('a flood of ACKs that the store can not follow stops reading, and is worked off in the end', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  const commit = bridge.gates.hold('ackInbox');
  const flood = { message_type: 'ACK', sequence_ids: Array.from({ length: 5_000 }, () => 1) };
  backend.send(...Array.from({ length: 1_500 }, () => flood));
  t.true((await stalled(backend)) > 0, 'the bridge has stopped reading');
  t.is(bridge.gates.calls('ackInbox'), 1);
  commit();
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.store.waiting('app'), 0);
});

test('a connection that is closed while its ACKs pile up is read on until the other side closes', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock() });
  const backend = await bridge.logOn();
  const flood = { message_type: 'ACK', sequence_ids: Array.from({ length: 6_000 }, () => 1) };
  backend.raw(Buffer.concat([bytesOf(flood), bytesOf(flood), Buffer.alloc(300_000)]));
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR FRAME_TOO_LARGE']);
  await until(() => bridge.door.connections === 0);
});
