import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { seeded } from '../../protocols/bal/helpers.ts';
import { Backend, bytesOf, downstream, startBridge, until } from './harness.ts';

test('200 connections opened and destroyed at random leave nothing behind', async (t) => {
  const clock = new ManualClock();
  const random = seeded(7);
  const bridge = await startBridge(t, {
    clock,
    provider: new FakeProvider('fake', 50, accept),
    options: { max_connections_per_session: 300 },
    sessions: [{ id: 'app', max_pending: 20 }],
  });
  const idle = clock.waiting;
  let upstream = 0;
  const live: Backend[] = [];
  for (let i = 0; i < 200; i++) {
    const backend = await Backend.connect(bridge.door.port);
    live.push(backend);
    const logon = bytesOf({ message_type: 'LOGON', session_id: 'app', client: `c${i % 7}`, window: 1 + (i % 9) });
    const work = Array.from({ length: 5 }, (_, n) => bytesOf(downstream(`m${i}-${n}`)));
    const bytes = Buffer.concat([logon, ...work, bytesOf({ message_type: 'LOGOFF' })]);
    backend.raw(bytes.subarray(0, Math.ceil(random() * bytes.length)));
    if (i % 3 === 0) await bridge.upstream(`u${upstream++}`);
    for (let turns = random() * 8; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
    const victim = live.splice(Math.floor(random() * live.length), random() < 0.9 ? 1 : 0)[0];
    if (random() < 0.5) victim?.destroy();
    else victim?.socket.resetAndDestroy();
  }
  for (const backend of live) backend.socket.resetAndDestroy();
  await until(() => bridge.door.connections === 0, 'the last close');
  await until(() => bridge.store.pending('app') === 0, 'the last outcome');
  await clock.advance(31_000); // owner_grace of the last ones
  t.is(clock.waiting, idle);
  t.is(bridge.core.sessions.room('app'), 20, 'no room stays reserved');
  t.deepEqual([...bridge.core.sessions.connections()], [['app', 0]]);
  t.deepEqual([...bridge.core.sessions.windowsUsed()], [['app', 0]]);
  t.is(bridge.core.dispatcher.inFlight, 0);
  const last = await bridge.logOn({ window: 1_000 });
  const frames = await last.sync();
  t.is(frames.length, bridge.store.waiting('app'), 'every frame goes to whoever is left');
  t.is(frames.filter((frame) => frame.message_type === 'UPSTREAM').length, upstream);
  const submitted = new Set(bridge.provider.attempts.map(({ message }) => message.messageId));
  t.is(frames.length - upstream, submitted.size, 'one outcome for every message');
});
