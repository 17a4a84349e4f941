import test from 'ava';
import { createMetrics } from '../../src/admin/index.ts';
import { Core, STORE_RETRY_MS, StoreError } from '../../src/core/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMemoryStore } from '../../src/storage/memory/index.ts';
import { LIMITS } from '../storage/samples.ts';
import { coreBench } from './bench.ts';
import { accept } from './fake-provider.ts';
import { GatedStore } from './gated-store.ts';

test('a store that refuses is shown to health and metrics under its code, and so is its recovery', async (t) => {
  const gated = new GatedStore(createMemoryStore(LIMITS));
  const telemetry = createMetrics();
  const core = new Core({
    store: gated.store,
    providers: [],
    sessions: [{ id: 'app', maxPending: 10, maxInbox: 10 }],
    retry: { baseMs: 1, capMs: 1 },
    ownerGraceMs: 1,
    maxNoticeBytes: 1_000,
    onFatal: () => {},
    clock: new ManualClock(),
    random: () => 0.5,
    log: silentLog,
    telemetry,
  });
  core.start();
  t.teardown(() => core.stop());
  const shown = async (): Promise<string[]> =>
    (await telemetry.text()).split('\n').filter((line) => line.startsWith('pushbridge_store_trouble'));
  const values = (full: number, failed: number, dead: number): string[] => [
    `pushbridge_store_trouble{code="full"} ${full}`,
    `pushbridge_store_trouble{code="failed"} ${failed}`,
    `pushbridge_store_trouble{code="dead"} ${dead}`,
  ];
  t.deepEqual(await shown(), values(0, 0, 0));
  t.is(core.health().state, 'ok');
  gated.trouble(new StoreError('full', 'no room left'));
  t.deepEqual(await shown(), values(1, 0, 0));
  t.like(core.health(), { state: 'down', detail: 'full: no room left' });
  gated.trouble(new StoreError('failed', 'the disk is gone'));
  t.deepEqual(await shown(), values(0, 1, 0));
  gated.trouble(undefined);
  t.deepEqual(await shown(), values(0, 0, 0));
  t.is(core.health().state, 'ok');
});

test('an outcome that the store can not take holds up no other one', async (t) => {
  const b = await coreBench();
  await b.core.router.submit(
    'app',
    ['good', 'bad', 'good too'].map((messageId) => b.submission({ messageId })),
  );
  await b.settle();
  const bad = b.provider.attempts.find(({ message }) => message.messageId === 'bad')?.message.id;
  let sick = true;
  const { settle } = b.gated.inner;
  b.gated.inner.settle = async (batch) => {
    if (sick && batch.some(({ id }) => id === bad)) throw new StoreError('fault', 'this one can not be written');
    return settle.call(b.gated.inner, batch);
  };
  for (const { answer, message } of b.provider.attempts) answer(accept(message));
  await b.settle();
  const frames = await b.inbox();
  t.deepEqual(frames.map(({ messageId }) => messageId).toSorted(), ['good', 'good too']);
  t.is(b.store.pending('app'), 1);
  sick = false;
  await b.clock.advance(STORE_RETRY_MS);
  t.deepEqual(
    (await b.inbox()).map(({ messageId }) => messageId),
    ['bad'],
  );
});
