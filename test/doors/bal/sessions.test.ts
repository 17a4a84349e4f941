import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { type Bridge, brief, downstream, startBridge, until } from './harness.ts';

/** Frames that arrived on each of these connections. */
const arrived = async (...backends: Awaited<ReturnType<Bridge['logOn']>>[]) => {
  const all = [];
  for (const backend of backends) all.push(brief(await backend.sync()));
  return all;
};

test('[BAL §Sessions and answers] upstream goes round-robin to connections with room in their window', async (t) => {
  const bridge = await startBridge(t);
  const a = await bridge.logOn();
  const b = await bridge.logOn();
  const c = await bridge.logOn({ window: 1 });
  for (let i = 1; i <= 7; i++) await bridge.upstream(`u${i}`);
  const counts = (await arrived(a, b, c)).map((frames) => frames.length);
  t.deepEqual(counts, [3, 3, 1]);
});

test('[BAL §Sessions and answers] frames that wait are shared out, and no window is exceeded', async (t) => {
  const bridge = await startBridge(t);
  for (let i = 1; i <= 9; i++) await bridge.upstream(`u${i}`);
  const a = await bridge.logOn({ window: 2 });
  const b = await bridge.logOn({ window: 3 });
  const [ofA = [], ofB = []] = await arrived(a, b);
  t.is(ofA.length, 2);
  t.is(ofB.length, 3);
  t.is(new Set([...ofA, ...ofB]).size, 5);
});

test('[BAL §Sessions and answers] an answer goes to the connection that submitted', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn();
  const b = await bridge.logOn();
  for (let i = 1; i <= 3; i++) a.send(downstream(`a${i}`));
  b.send(downstream('b1'));
  t.deepEqual(brief(await a.take(3)), ['DOWNSTREAM_ACK a1', 'DOWNSTREAM_ACK a2', 'DOWNSTREAM_ACK a3']);
  t.deepEqual(brief(await b.take(1)), ['DOWNSTREAM_ACK b1']);
  t.deepEqual(await arrived(a, b), [[], []]);
});

test('[BAL §Sessions and answers] an answer waits for its open connection even with a full window', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn({ window: 1 });
  await bridge.upstream('u1');
  t.deepEqual(brief(await a.take(1)), ['UPSTREAM u1']);
  const b = await bridge.logOn();
  a.send(downstream('m1'));
  await until(() => bridge.store.waiting('app') === 2);
  t.deepEqual(await arrived(b, a), [[], []]);
  a.ack(1);
  t.deepEqual(brief(await a.take(1)), ['DOWNSTREAM_ACK m1']);
});

test('[BAL §Sessions and answers] the connection that submitted an id last gets its answer', async (t) => {
  const bridge = await startBridge(t);
  const a = await bridge.logOn();
  const b = await bridge.logOn({ confirm: true });
  a.send(downstream('m1'));
  const attempt = await bridge.provider.attempt(1);
  b.send(downstream('m1'));
  t.deepEqual(brief(await b.take(1)), ['DOWNSTREAM_TAKEN m1']);
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief(await b.take(1)), ['DOWNSTREAM_ACK m1']);
  t.deepEqual(await arrived(a), [[]]);
});

test('[BAL §Sessions and answers] an outcome in flight elsewhere moves to whoever submits the id again', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn();
  a.send(downstream('m1'));
  const [first] = await a.take(1);
  const b = await bridge.logOn();
  b.send(downstream('m1'));
  t.deepEqual(await b.next(), first);
  a.ack(1); // an ACK is valid on any connection of the session
  await a.sync();
  t.is(bridge.store.waiting('app'), 0);
});

test('[BAL §Sessions and answers] after its connection closes an answer waits owner_grace for the same client', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const a = await bridge.logOn({ client: 'one' });
  const b = await bridge.logOn({ client: 'two' });
  a.send(downstream('m1'), downstream('m2'));
  await bridge.provider.attempt(2);
  a.destroy();
  await until(() => bridge.door.connections === 1);
  for (const { answer, message } of bridge.provider.attempts) answer(accept(message));
  await until(() => bridge.store.waiting('app') === 2);
  await clock.advance(29_999);
  t.deepEqual(await arrived(b), [[]]);
  const back = await bridge.logOn({ client: 'one' });
  t.deepEqual(brief(await back.take(2)), ['DOWNSTREAM_ACK m1', 'DOWNSTREAM_ACK m2']);
  await clock.advance(60_000); // the grace is over, but the client is back
  t.deepEqual(await arrived(b, back), [[], []]);
});

test('[BAL §Sessions and answers] after owner_grace an answer goes to any connection', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn({ client: 'one' });
  a.send(downstream('m1'));
  const [first] = await a.take(1); // in flight, not acknowledged
  a.destroy();
  await until(() => bridge.door.connections === 0);
  const b = await bridge.logOn({ client: 'two' });
  await clock.advance(29_999);
  t.deepEqual(await arrived(b), [[]]);
  await clock.advance(1);
  t.deepEqual(await b.next(), first); // under its own sequence_id
});

test('[BAL §Sessions and answers] an open connection of the same client gets the answer at once', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock(), provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn({ client: 'one' });
  const other = await bridge.logOn({ client: 'two' });
  const heir = await bridge.logOn({ client: 'one' });
  a.send(downstream('m1'));
  await a.take(1);
  a.destroy();
  t.deepEqual(brief(await heir.take(1)), ['DOWNSTREAM_ACK m1']);
  t.deepEqual(await arrived(other), [[]]);
});

test('[BAL §Sessions and answers] a connection without a client can not come back: its answers go to any at once', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock(), provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn();
  a.send(downstream('m1'));
  await a.take(1);
  const b = await bridge.logOn();
  a.destroy();
  t.deepEqual(brief(await b.take(1)), ['DOWNSTREAM_ACK m1']);
});

test('[BAL §Sessions and answers] frames not acknowledged go to another connection under their own sequence_id', async (t) => {
  const bridge = await startBridge(t);
  const a = await bridge.logOn();
  for (let i = 1; i <= 4; i++) await bridge.upstream(`u${i}`);
  const frames = await a.take(4);
  a.ack(2);
  await a.sync();
  const b = await bridge.logOn();
  a.destroy();
  t.deepEqual(await b.take(3), [frames[0], frames[2], frames[3]]);
});

test('[BAL §Sessions and answers] after LOGON the bridge sends what waits, oldest first', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept) });
  const a = await bridge.logOn({ client: 'one', window: 1 });
  await bridge.upstream('u1');
  a.send(downstream('m2'));
  await until(() => bridge.store.waiting('app') === 2);
  await bridge.upstream('u3');
  a.send(downstream('m4'));
  await until(() => bridge.store.waiting('app') === 4);
  a.destroy();
  await until(() => bridge.door.connections === 0);
  const b = await bridge.logOn({ client: 'one' });
  const frames = await b.take(4);
  t.deepEqual(brief(frames), ['UPSTREAM u1', 'DOWNSTREAM_ACK m2', 'UPSTREAM u3', 'DOWNSTREAM_ACK m4']);
  t.deepEqual(
    frames.map((frame) => frame.sequence_id),
    [1, 2, 3, 4],
  );
});

test('[BAL §Sessions and answers] an id already settled is ignored; UNKNOWN_SEQUENCE once per frame, and it stays open', async (t) => {
  const bridge = await startBridge(t);
  const a = await bridge.logOn();
  await bridge.upstream('u1');
  await a.take(1);
  a.ack(1);
  a.ack(1);
  t.deepEqual(await a.sync(), []);
  a.ack(2, 3, 1, 99);
  a.ack(4);
  t.deepEqual(brief(await a.sync()), ['ERROR UNKNOWN_SEQUENCE', 'ERROR UNKNOWN_SEQUENCE']);
  await bridge.upstream('u2');
  t.is((await a.next()).sequence_id, 2);
});

test('[BAL §Sessions and answers] an ACK of one session does not touch the frames of another', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app' }, { id: 'other' }] });
  const a = await bridge.logOn();
  await bridge.upstream('u1', {}, 'app');
  const b = await bridge.logOn({ session_id: 'other' });
  b.ack(1);
  t.deepEqual(brief(await b.sync()), ['ERROR UNKNOWN_SEQUENCE']);
  t.deepEqual(brief(await a.sync()), ['UPSTREAM u1']);
  t.is(bridge.store.waiting('app'), 1);
});

test('[BAL §Sessions and answers] when the bridge ends a connection its frames go elsewhere at once', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock() });
  const stubborn = await bridge.logOn({}, { halfOpen: true });
  await bridge.upstream('u1');
  await stubborn.take(1);
  const b = await bridge.logOn();
  stubborn.raw(Buffer.alloc(4));
  t.deepEqual(brief(await stubborn.untilEnd()), ['ERROR FRAME_TOO_LARGE']);
  t.deepEqual(brief(await b.take(1)), ['UPSTREAM u1']); // although the other side has not closed yet
  t.is(bridge.door.connections, 2);
});

test('[BAL §Sessions and answers] an ACK that the store refuses is tried again: the window does not fill up', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const a = await bridge.logOn({ window: 1 });
  await bridge.upstream('u1');
  await bridge.upstream('u2');
  await a.take(1);
  const heal = bridge.gates.refuse('ackInbox');
  a.ack(1);
  await bridge.gates.called('ackInbox', 1);
  t.deepEqual(await a.sync(), []);
  heal();
  await clock.advance(500);
  t.deepEqual(brief(await a.take(1)), ['UPSTREAM u2']);
});

test('an ACK in the last bytes of a connection counts', async (t) => {
  const bridge = await startBridge(t);
  const a = await bridge.logOn();
  await bridge.upstream('u1');
  await a.take(1);
  a.ack(1);
  a.socket.end();
  await until(() => bridge.door.connections === 0);
  t.is(bridge.store.waiting('app'), 0);
});
