import type { Random } from '../../src/lib/backoff.ts';
import { fork, pause } from './chance.ts';
import type { Findings } from './findings.ts';
import { Mischief } from './mischief.ts';
import { onStage, type Stage, type Traffic } from './stage.ts';
import { finish, hasStackTrace, tail } from './trial.ts';
import { sample, Vitals } from './vitals.ts';

/** How long what is settled is remembered. */
const WINDOW_MS = 60_000;
/** Samples of memory and descriptors in all, at most, and a pause between two of them, at least. */
const SAMPLES_MAX = 4_000;
const SAMPLE_MS = 500;
/** Restarts hit the first quarter only: memory is judged in one life. */
const RESTARTS_UNTIL = 0.25;
/** Without a single outcome for so long, something is stuck. */
const STUCK_MS = 60_000;

export interface SoakOptions {
  readonly ms: number;
  readonly random: Random;
  readonly findings: Findings;
  readonly say: (line: string) => void;
  /** A line of status so often. */
  readonly statusMs: number;
  /** How long faults and the pauses between them last, compared with the usual. */
  readonly pace?: number;
  readonly traffic?: Traffic;
}

/** Random faults of service, backends and bridge under traffic, until time is over or something is violated. */
export async function soak(options: SoakOptions): Promise<void> {
  const { random, findings } = options;
  const limits = { dedupe_window: '30s', upstream_dedupe: '60s', receipts_max: 10_000, dead_letters_max: 1_000 };
  const config = { limits, log: { level: 'warn' } };
  const emulator = { drain_min: '100ms', drain_max: '5s' };
  const rest = { windowMs: WINDOW_MS, config, emulator, ...options.traffic };
  await onStage({ random, findings, ...rest }, (stage) => run(stage, options));
}

async function run(stage: Stage, options: SoakOptions): Promise<void> {
  const { ms, random, findings, say, statusMs, pace = 1 } = options;
  await stage.startBridge();
  const kinds = ['service', 'backends', 'bridge'] as const;
  const [service, backends, bridge] = kinds.map((kind) => new Mischief(stage, fork(random), kind, pace));
  const all = [service, backends, bridge].filter((one) => one !== undefined);
  for (const one of all) one.start();
  const vitals = new Vitals(() => performance.now());
  const started = performance.now();
  const watch = new Watch(stage, findings);
  let told = 0;
  for (let at = 0; at < ms && findings.violated.length === 0; at = performance.now() - started) {
    await pause(Math.min(Math.max(SAMPLE_MS, ms / SAMPLES_MAX), ms - at));
    if (at >= ms * RESTARTS_UNTIL) void bridge?.stop();
    const taken = bridge?.now === undefined ? sample(stage.bridge.pid) : undefined;
    if (taken) vitals.add(at / ms, stage.bridge.pid, taken);
    watch.look(bridge?.now !== undefined);
    if (at - told < statusMs) continue;
    told = at;
    const now = all.flatMap(({ now: what }) => what ?? []).join(', ');
    const { mib = 0, descriptors = 0 } = taken ?? {};
    const use = `${mib.toFixed(0)} MiB, ${descriptors} descriptors`;
    const { load, books, uplink } = stage;
    const traffic = `${load.made} messages, ${uplink.offered} upstream`;
    say(`${(at / 1000).toFixed(0)} s: ${traffic}, books of ${books.size}; bridge ${use}${now && `; now: ${now}`}`);
  }
  await Promise.all(all.map((one) => one.stop()));
  await stage.calm();
  for (const { counts } of all) for (const [what, often] of counts) say(`${String(often).padStart(4)} × ${what}`);
  say(vitals.judge(findings));
  await finish(stage, options);
}

/** Looks whether the bridge lives and works. */
class Watch {
  readonly #stage: Stage;
  readonly #findings: Findings;
  #settled = 0;
  #movedAt = performance.now();

  constructor(stage: Stage, findings: Findings) {
    this.#stage = stage;
    this.#findings = findings;
  }

  /** @param restarting the bridge is meant to be gone */
  look(restarting: boolean): void {
    const { load, bridge } = this.#stage;
    const settled = load.made - load.unsettled;
    if (settled !== this.#settled) this.#movedAt = performance.now();
    this.#settled = settled;
    const still = performance.now() - this.#movedAt;
    this.#findings.check('conduct', still < STUCK_MS, () => `no outcome for ${STUCK_MS / 1000} s: ${tail(bridge.log)}`);
    this.#findings.check('conduct', restarting || bridge.running, () => `the bridge ended:\n${tail(bridge.log, 20)}`);
    this.#findings.check('conduct', !hasStackTrace(bridge.log), () => `a stack trace:\n${tail(bridge.log, 20)}`);
  }
}
