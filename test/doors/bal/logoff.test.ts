import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, downstream, startBridge, until } from './harness.ts';

const LOGOFF = { message_type: 'LOGOFF' };

test('[BAL §Frames] LOGOFF: the bridge sends nothing new and closes when the window is empty', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ window: 2 });
  for (let i = 1; i <= 3; i++) await bridge.upstream(`u${i}`);
  await backend.take(2);
  backend.send(LOGOFF);
  await backend.sync();
  await bridge.upstream('u4');
  backend.ack(1); // there is room now, but nothing comes any more
  t.deepEqual(await backend.sync(), []);
  backend.ack(2);
  t.deepEqual(await backend.untilEnd(), []);
  t.deepEqual(brief(await (await bridge.logOn()).take(2)), ['UPSTREAM u3', 'UPSTREAM u4']);
});

test('[BAL §Frames] LOGOFF closes at once when its last frame is acknowledged on another connection', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock() });
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  const other = await bridge.logOn();
  backend.send(LOGOFF);
  await backend.sync();
  other.ack(1);
  t.deepEqual(await backend.untilEnd(), []);
});

test('[BAL §Frames] LOGOFF with an empty window closes at once', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send(LOGOFF);
  t.deepEqual(await backend.untilEnd(), []);
});

test('[BAL §Frames] LOGOFF closes after 10 s, whatever is left', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(LOGOFF);
  await backend.sync();
  await clock.advance(9_999);
  t.deepEqual(await backend.sync(), []);
  await clock.advance(1);
  t.deepEqual(await backend.untilEnd(), []);
  t.is(bridge.store.waiting('app'), 1);
});

test('[BAL §Frames] frames read before LOGOFF are stored, those behind it are not', async (t) => {
  const bridge = await startBridge(t);
  const commit = bridge.gates.hold('accept');
  const backend = await bridge.logOn({ confirm: true });
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(downstream('m1'), LOGOFF, downstream('m2'));
  backend.ack(1); // the window is empty, but m1 is not stored yet
  t.deepEqual(await backend.sync(), []);
  commit();
  t.deepEqual(brief(await backend.untilEnd()), ['DOWNSTREAM_TAKEN m1']);
  t.is(bridge.provider.attempts.length, 1);
});

test('[BAL §Frames] frames parked before LOGOFF are stored as soon as there is room', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_pending: 1 }] });
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1'), downstream('m2'), LOGOFF);
  t.deepEqual(brief(await backend.sync()), ['DOWNSTREAM_TAKEN m1']);
  const attempt = await bridge.provider.attempt(1);
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief(await backend.untilEnd()), ['DOWNSTREAM_TAKEN m2']); // and no DOWNSTREAM_ACK: that would be new
});

test('[BAL §Frames] frames on their way out of the store when LOGOFF comes go back', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send(downstream('m1'));
  const attempt = await bridge.provider.attempt(1);
  await bridge.upstream('u1');
  await backend.take(1);
  const claim = bridge.gates.hold('claimInbox');
  const claims = bridge.gates.calls('claimInbox');
  attempt.answer(accept(attempt.message));
  await bridge.gates.called('claimInbox', claims + 1);
  backend.send(LOGOFF);
  await backend.sync();
  claim();
  t.deepEqual(await backend.sync(), []);
  backend.ack(1);
  await backend.untilEnd();
  t.deepEqual(brief(await (await bridge.logOn()).take(1)), ['DOWNSTREAM_ACK m1']);
});

test('a second LOGOFF changes nothing', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(LOGOFF, LOGOFF);
  await backend.sync();
  backend.ack(1);
  t.deepEqual(await backend.untilEnd(), []);
});

test('a backend that ends its side: what it said is done, its frames go elsewhere, the bridge closes', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock, provider: new FakeProvider('fake', 100, accept) });
  const commit = bridge.gates.hold('accept');
  const backend = await bridge.logOn({ confirm: true }, { halfOpen: true });
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(downstream('m1'));
  backend.socket.end();
  const timers = clock.waiting;
  await until(() => clock.waiting === timers + 1); // the end was seen
  t.false(backend.ended);
  commit();
  t.deepEqual(brief(await backend.untilEnd()), ['DOWNSTREAM_TAKEN m1']);
  const other = await bridge.logOn();
  t.deepEqual(brief(await other.take(2)), ['UPSTREAM u1', 'DOWNSTREAM_ACK m1']);
});

test('a backend that ends its side behind a pipelined LOGON is still served', async (t) => {
  const bridge = await startBridge(t);
  const open = bridge.gates.hold('openMailbox');
  const backend = await bridge.connect({ halfOpen: true });
  backend.send({ message_type: 'LOGON', session_id: 'app', confirm: true }, downstream('m1'));
  backend.socket.end();
  await bridge.gates.called('openMailbox', 1);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve)); // the end of the stream is seen
  open();
  t.deepEqual(brief((await backend.untilEnd()).slice(1)), ['DOWNSTREAM_TAKEN m1']);
  await until(() => bridge.door.connections === 0);
  t.is(bridge.provider.attempts.length, 1);
});

test('a backend that ends its side before LOGON is closed', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.connect({ halfOpen: true });
  backend.socket.end();
  t.deepEqual(await backend.untilEnd(), []);
});
