import test from 'ava';
import { brief, downstream, startBridge, until } from '../../doors/bal/harness.ts';
import { collect, Story } from '../harness.ts';

const sequences = (frames: readonly { readonly sequence_id?: unknown }[]) => frames.map((frame) => frame.sequence_id);

/** Backends that are connected, as the operator sees it. */
async function connections(story: Story): Promise<number> {
  const text = await (await story.admin('/metrics')).text();
  const found = [...text.matchAll(/^pushbridge_bal_connections\{.*\} (\d+)$/gm)];
  return found.reduce((sum, [, count]) => sum + Number(count), 0);
}

test('[promise 6] a backend that never reads costs only itself: its frames go to another connection, others are served', async (t) => {
  const story = await Story.start({
    sessions: [{ id: 'com.example.app' }, { id: 'other' }],
    config: { bal: { port: 0, write_timeout: '2s' } },
  });
  t.teardown(() => story.stop());
  const frozen = await story.logOn({ window: 1_000 });
  frozen.socket.pause();
  const count = 250;
  await until(() => story.emulator.control.stats().logins > 0, 'a connection to the service');
  story.emulator.control.upstream({ count, bytes: 40_000 });
  // All of them are acknowledged to the service while nobody reads them: they are on disk.
  await until(() => story.emulator.control.stats().upstreamAcked === count, 'the last ack');
  const other = await story.logOn({ session_id: 'other' });
  other.send(downstream('m1'));
  t.deepEqual(brief(await collect(other, 1, 'DOWNSTREAM_ACK')), ['DOWNSTREAM_ACK m1']);
  t.false(frozen.ended);
  const sibling = await story.logOn({ window: 1_000 });
  sibling.send(downstream('m2'));
  const frames = await collect(sibling, count + 1, 'UPSTREAM', 'DOWNSTREAM_ACK');
  const upstream = frames.filter((frame) => frame.message_type === 'UPSTREAM');
  t.deepEqual(
    sequences(upstream).toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: count }, (_, n) => n + 1),
    'every frame comes once, under its own number',
  );
  frozen.socket.resume();
  await frozen.untilEnd().catch(() => {});
  t.true(frozen.ended);
});

test('[promise 1, 6] what a backend never read waits on disk, over a restart, under the same sequence_ids', async (t) => {
  const story = await Story.start({ config: { bal: { port: 0, write_timeout: '2s' } } });
  t.teardown(() => story.stop());
  const frozen = await story.logOn({ window: 1_000 });
  frozen.socket.pause();
  const count = 250;
  await until(() => story.emulator.control.stats().logins > 0, 'a connection to the service');
  const [first, last] = story.emulator.control.upstream({ count, bytes: 40_000 });
  await until(() => story.emulator.control.stats().upstreamAcked === count, 'the last ack');
  while ((await connections(story)) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  await story.stopBridge();
  await story.startBridge();
  const next = await story.logOn({ window: 1_000 });
  const frames = await collect(next, count, 'UPSTREAM');
  t.deepEqual(
    sequences(frames),
    Array.from({ length: count }, (_, n) => n + 1),
  );
  t.deepEqual([frames.at(0)?.message_id, frames.at(-1)?.message_id], [first, last]);
});

test('[promise 5] what a backend that never reads keeps in memory is bounded, whatever its window', async (t) => {
  const bridge = await startBridge(t, { limits: { maxInbox: 10_000, sessions: {} } });
  const big = 'x'.repeat(60_000);
  for (let n = 0; n < 600; n++) await bridge.upstream(`u${n}`, { data: { big } });
  const frozen = await bridge.connect();
  frozen.socket.pause();
  frozen.send({ message_type: 'LOGON', session_id: 'app', window: 1_000 });
  const used = () => [...bridge.core.sessions.windowsUsed()][0]?.[1] ?? 0;
  await until(() => used() > 0);
  const other = await bridge.logOn({ window: 1_000 });
  await until(() => used() === 600, 'the last frame');
  await until(() => other.arrived > 0);
  const held = 600 - (await other.sync()).length;
  // 1 MiB in the queue of the connection, 1 MiB of one claim, and what the system holds for a socket.
  t.true(held > 0 && held * big.length < 16 * 2 ** 20, `${held} frames are with the backend that does not read`);
});
