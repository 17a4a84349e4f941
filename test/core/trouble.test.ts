import test from 'ava';
import { createMetrics } from '../../src/admin/index.ts';
import { Core, StoreError } from '../../src/core/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createMemoryStore } from '../../src/storage/memory/index.ts';
import { LIMITS } from '../storage/samples.ts';
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
