import { connect } from 'node:net';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { brief, downstream, stalled, startBridge, until } from './harness.ts';

test('[BAL §Sessions and answers] a stopping bridge takes no DOWNSTREAM, still takes ACKs, says SHUTTING_DOWN last', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ confirm: true });
  await bridge.upstream('u1');
  await backend.take(1);
  await bridge.door.closeGate();
  backend.send(downstream('m1'));
  backend.ack(1);
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.store.waiting('app'), 0);
  await bridge.upstream('u2'); // what is still owed is still sent
  t.deepEqual(brief(await backend.take(1)), ['UPSTREAM u2']);
  const stopped = bridge.door.stop(1_000);
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR SHUTTING_DOWN']);
  await stopped;
  t.is(bridge.door.connections, 0);
  t.is(bridge.gates.calls('accept'), 0);
});

test('[BAL §Sessions and answers] what is half taken when the bridge stops is stored and told', async (t) => {
  const bridge = await startBridge(t, { clock: new ManualClock() }); // the deadline of stopping is not what is looked at
  const commit = bridge.gates.hold('accept');
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1'));
  await bridge.gates.called('accept', 1);
  let closed = false;
  const stopped = bridge.door.stop(1_000).then(() => (closed = true));
  t.deepEqual(await backend.sync(), []);
  t.false(closed);
  commit();
  t.deepEqual(brief(await backend.untilEnd()), ['DOWNSTREAM_TAKEN m1', 'ERROR SHUTTING_DOWN']);
  await stopped;
  t.is(bridge.store.pending('app'), 1);
});

test('[BAL §Sessions and answers] a connection that is paused when the bridge stops is read again for its ACKs', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app', max_pending: 1 }] });
  const backend = await bridge.logOn();
  await bridge.upstream('u1');
  await backend.take(1);
  backend.send(...Array.from({ length: 300 }, (_, i) => downstream(`m${i}`, {}, { blob: 'x'.repeat(60_000) })));
  t.true((await stalled(backend)) > 0, 'the bridge has stopped reading');
  const closed = bridge.door.closeGate();
  backend.ack(1);
  t.deepEqual(await backend.sync(), []);
  await closed;
  t.is(bridge.store.waiting('app'), 0);
  t.is(bridge.store.pending('app'), 1); // what was parked was never taken
});

test('[BAL §Error codes] whoever logs on while the bridge stops is told SHUTTING_DOWN, and nothing is taken', async (t) => {
  const bridge = await startBridge(t);
  const open = bridge.gates.hold('openMailbox');
  const backend = await bridge.connect();
  backend.send({ message_type: 'LOGON', session_id: 'app' }, downstream('m1'));
  await bridge.gates.called('openMailbox', 1);
  const stopped = bridge.door.stop(1_000);
  t.deepEqual(brief(await backend.untilEnd()), ['ERROR SHUTTING_DOWN']);
  open();
  await stopped;
  t.is(bridge.gates.calls('accept'), 0);
  t.deepEqual([...bridge.core.sessions.connections()], [['app', 0]]);
});

test('a logon that ends between the two steps of stopping takes no DOWNSTREAM', async (t) => {
  const bridge = await startBridge(t);
  const open = bridge.gates.hold('openMailbox');
  const backend = await bridge.connect();
  backend.send({ message_type: 'LOGON', session_id: 'app', confirm: true }, downstream('m1'));
  await bridge.gates.called('openMailbox', 1);
  await bridge.door.closeGate();
  open();
  t.is((await backend.next()).status, 'SUCCESS');
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.gates.calls('accept'), 0);
});

test('[BAL §Frames] LOGOFF is still heard while the bridge stops', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  await bridge.door.closeGate();
  backend.send({ message_type: 'LOGOFF' });
  t.deepEqual(await backend.untilEnd(), []);
});

test('a stopping door does not wait longer than it was told for a peer that does not close', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const idle = clock.waiting - 1; // the door's own timer goes with it
  const stubborn = await bridge.logOn({}, { halfOpen: true });
  const stopped = bridge.door.stop(1_000);
  t.deepEqual(brief(await stubborn.untilEnd()), ['ERROR SHUTTING_DOWN']);
  t.is(bridge.door.connections, 1);
  await clock.advance(1_000);
  await stopped;
  await until(() => bridge.door.connections === 0);
  t.is(clock.waiting, idle);
});

test('stopping twice and connecting afterwards do no harm', async (t) => {
  const bridge = await startBridge(t);
  const { port } = bridge.door;
  await Promise.all([bridge.door.stop(1_000), bridge.door.stop(1_000)]);
  await bridge.door.stop(1_000);
  const refused = await new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(false));
    socket.once('error', () => resolve(true));
  });
  t.true(refused);
});
