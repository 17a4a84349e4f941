import test from 'ava';
import type { Emulator } from '../../src/emulator/index.ts';
import { Backend, downstream, type Json } from '../doors/bal/harness.ts';
import { setStage } from './bridge-process.ts';
import { collect } from './harness.ts';

const MESSAGES = 150;

/** A bridge process whose service keeps its answers back. */
async function stage(stopTimeout: string) {
  const { port, ...rest } = await setStage({ hold_acks: true }, { stop_timeout: stopTimeout });
  return {
    ...rest,
    async logOn(): Promise<Backend> {
      const backend = await Backend.connect(port);
      backend.send({ message_type: 'LOGON', session_id: 'app', confirm: true });
      await backend.next();
      return backend;
    },
  };
}

/** Sends the messages and waits until all are taken, and on their way to the service. */
async function submit(backend: Backend, emulator: Emulator): Promise<void> {
  for (let n = 0; n < MESSAGES; n++) backend.send(downstream(`m${n}`));
  let taken = 0;
  while (taken < MESSAGES) {
    const frame = await backend.next();
    if (frame.message_type === 'DOWNSTREAM_TAKEN') taken += (frame.message_ids as string[]).length;
  }
  while (emulator.control.stats().received < MESSAGES) await backend.sync();
}

const ids = (frames: readonly Json[]) => new Set(frames.map(({ message_id }) => message_id));

test('SIGTERM lets what is in flight come home, tells the backends, and exits with 0', async (t) => {
  const { emulator, start, logOn, end } = await stage('20s');
  const bridge = await start();
  const backend = await logOn();
  await submit(backend, emulator);
  const exit = bridge.signal('SIGTERM');
  // The door is closed to new work: this one is neither taken nor rejected.
  while (!bridge.log.some((line) => line.includes('stopping'))) await backend.sync();
  backend.send(downstream('late'));
  await backend.sync();
  emulator.control.setFaults({ hold_acks: false });
  emulator.control.releaseAcks();
  const frames = await backend.untilEnd();
  t.is(await exit, 0);
  t.is(frames.at(-1)?.error, 'SHUTTING_DOWN');
  t.false(frames.some(({ message_id }) => message_id === 'late'));
  const early = ids(frames.filter(({ message_type }) => message_type === 'DOWNSTREAM_ACK'));
  t.true(early.size >= 100, 'what was in flight was answered before the end');
  const again = await start();
  const after = await logOn();
  const late = await collect(after, MESSAGES, 'DOWNSTREAM_ACK'); // none of the early ones was acknowledged
  t.is(ids(late).size, MESSAGES);
  await again.kill();
  await end();
});

test('at the deadline the bridge stops, and what had no answer goes on after the next start', async (t) => {
  const { emulator, start, logOn, end } = await stage('500ms');
  const bridge = await start();
  const backend = await logOn();
  await submit(backend, emulator);
  t.is(await bridge.signal('SIGINT'), 0);
  emulator.control.setFaults({ hold_acks: false });
  const again = await start();
  t.is(ids(await collect(await logOn(), MESSAGES, 'DOWNSTREAM_ACK')).size, MESSAGES);
  t.is(emulator.control.stats().tracked, MESSAGES, 'sent again under the same ids');
  await again.kill();
  await end();
});

test('a second signal stops at once, and nothing taken is lost', async (t) => {
  const { emulator, start, logOn, end } = await stage('1h');
  const bridge = await start();
  const backend = await logOn();
  await submit(backend, emulator);
  const first = bridge.signal('SIGTERM');
  while (!bridge.log.some((line) => line.includes('stopping'))) await backend.sync();
  await Promise.all([first, bridge.signal('SIGTERM')]);
  t.is(await first, 143);
  emulator.control.setFaults({ hold_acks: false });
  const again = await start();
  t.is(ids(await collect(await logOn(), MESSAGES, 'DOWNSTREAM_ACK')).size, MESSAGES);
  await again.kill();
  await end();
});
