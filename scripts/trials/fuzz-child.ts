/**
 * What is fuzzed, in a process of its own: its death is seen, and its memory is its own. Started by `fuzz-target.ts` with
 * `--expose-gc`; orders come over the channel between the processes. Anything uncaught ends it.
 */
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/index.ts';
import { createEmulator } from '../../src/emulator/index.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { type Facts, type Log, silentLog } from '../../src/lib/log.ts';
import type { Order, Plan, Report } from './fuzz-target.ts';

const tell = (report: Report): void => void process.send?.(report);

function die(why: string, error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.send?.({ kind: 'fault', text: `${why}: ${text}` } satisfies Report, () => process.exit(70));
}
process.on('uncaughtException', (error) => die('uncaught exception', error));
process.on('unhandledRejection', (error) => die('unhandled rejection', error));
process.on('disconnect', () => process.exit(0)); // nobody is left to report to

/** Lines of level `error` are faults of ours, but for those that say what a peer did. */
const EXPECTED: ReadonlySet<string> = new Set(['login refused']);
const log: Log = {
  ...silentLog,
  error(event: string, facts: Facts = {}) {
    if (!EXPECTED.has(event)) tell({ kind: 'fault', text: `log: ${event} ${JSON.stringify(facts)}` });
  },
  child: () => log,
};

/** Time that goes by faster, so that back-off does not rule the run. */
function hastened(factor: number): Clock {
  const start = systemClock.monotonic();
  const epoch = systemClock.now();
  const elapsed = () => (systemClock.monotonic() - start) * factor;
  return {
    now: () => Math.round(epoch + elapsed()),
    monotonic: elapsed,
    after: (ms, fn) => systemClock.after(ms / factor, fn),
  };
}

interface Running {
  readonly ports: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

async function run(plan: Plan): Promise<Running> {
  const clock = hastened(plan.haste ?? 1);
  if (plan.kind === 'emulator') {
    const emulator = createEmulator({ port: 0, ...plan.config }, { clock, log });
    await emulator.start();
    return { ports: { ccs: emulator.port }, stop: () => emulator.stop() };
  }
  const app = await createApp(loadConfig({ text: JSON.stringify(plan.config) }), { clock, log });
  await app.start();
  return { ports: { bal: app.balPort, admin: app.adminPort }, stop: () => app.stop(2_000 * (plan.haste ?? 1)) };
}

/** What is left in memory when nothing is going on. */
function measure(): Report {
  // Twice: what finalizers free is collected by the second.
  for (let i = 0; i < 2; i++) globalThis.gc?.();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
  return { kind: 'measure', rss, heap: heapUsed + external + arrayBuffers, handles };
}

let running: Running | undefined;

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'start':
      running = await run(order.plan);
      return tell({ kind: 'ready', ports: running.ports });
    case 'measure':
      return tell(measure());
    case 'stop':
      await running?.stop();
      process.send?.({ kind: 'stopped' } satisfies Report, () => process.disconnect());
  }
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => die(order.kind, error));
});
