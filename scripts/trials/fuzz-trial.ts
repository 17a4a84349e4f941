/** A fuzz run of one target: counts, memory, and what makes it fail. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Memory, Target } from './fuzz-target.ts';

export interface TrialOptions {
  /** Frames or stanzas to send. */
  readonly cases: number;
  readonly seed: number;
  /** Called now and then with the number of cases so far. */
  onProgress?(cases: number): void;
}

export interface TrialResult {
  readonly target: string;
  readonly cases: number;
  readonly connections: number;
  /** Honest messages among the noise that got their outcome. */
  readonly honest: number;
  readonly refusals: ReadonlyMap<string, number>;
  /** After the warm-up, and after each quarter; empty for what runs in this process. */
  readonly memory: readonly Memory[];
  readonly seconds: number;
}

/** A witness has failed: `bytes` is what was sent last on the connection concerned. */
export class FuzzFailure extends Error {
  readonly bytes: Buffer;

  constructor(message: string, bytes: Buffer, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FuzzFailure';
    this.bytes = bytes;
  }
}

/** The part of a run that warms caches and compilers up, before the first measure. */
const WARM_UP = 0.1;
/** What a measure may lie above the first one: a share of it, and bytes. */
const HEAP_GROWTH = { share: 0.15, bytes: 6 * 2 ** 20 };
/** Handles of one kind that may be open beyond those of the first measure: timers and connections come and go. */
const HANDLES_MORE = 4;
const RSS_GROWTH = { share: 0.3, bytes: 48 * 2 ** 20 };

/** Connections that are left take a while to go: so long may what was measured be too much, in milliseconds. */
const SETTLING_MS = 15_000;
const SETTLING_STEP_MS = 250;
const FIRST_MS = 400;

/** In what way `now` is more than `first` allows. */
function growthOf(first: Memory, now: Memory): string | undefined {
  for (const [what, { share, bytes }] of [
    ['heap', HEAP_GROWTH],
    ['rss', RSS_GROWTH],
  ] as const) {
    if (now[what] > first[what] * (1 + share) + bytes) {
      return `memory grows: ${what} from ${mib(first[what])} to ${mib(now[what])} MiB`;
    }
  }
  for (const [name, count] of Object.entries(now.handles)) {
    const before = first.handles[name] ?? 0;
    if (count > before + HANDLES_MORE) return `${name} is left behind: ${before} before, ${count} now`;
  }
  return undefined;
}

/** Counts, and turns the number of cases into the moments of measuring. */
export class Tally {
  readonly name: string;
  readonly options: TrialOptions;
  readonly refusals = new Map<string, number>();
  readonly memory: Memory[] = [];
  cases = 0;
  connections = 0;
  honest = 0;
  readonly #began = performance.now();

  constructor(name: string, options: TrialOptions) {
    this.name = name;
    this.options = options;
  }

  refused(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  /** Whether enough was sent. */
  get done(): boolean {
    return this.cases >= this.options.cases;
  }

  /** Whether it is time to pause and to {@link measure}. */
  get due(): boolean {
    return this.cases >= this.options.cases * Math.min(1, WARM_UP + (this.memory.length * (1 - WARM_UP)) / 4);
  }

  /** To be called when nothing is going on. @throws if the target has grown and stays so */
  async measure(target: Target): Promise<void> {
    this.options.onProgress?.(this.cases);
    for (const end = performance.now() + SETTLING_MS; ; await sleep(SETTLING_STEP_MS)) {
      const memory = await target.measure();
      const first = this.memory[0];
      const growth = first && growthOf(first, memory);
      // The first measure is what the others are held against: it waits until leaving connections are gone.
      const settled = first ? growth === undefined : performance.now() > end - SETTLING_MS + FIRST_MS;
      if (settled) {
        this.memory.push(memory);
        return;
      }
      if (performance.now() > end) throw new Error(growth);
    }
  }

  result(): TrialResult {
    const { name: target, cases, connections, honest, refusals, memory } = this;
    return { target, cases, connections, honest, refusals, memory, seconds: (performance.now() - this.#began) / 1_000 };
  }
}

export const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** The results for people. */
export function report(results: readonly TrialResult[]): string {
  const number = (n: number) => Math.round(n).toLocaleString('en');
  const rows = results.map(({ target, cases, connections, honest, memory, seconds }) => {
    const span = (what: 'heap' | 'rss') => memory.map((m) => (m[what] / 2 ** 20).toFixed(0)).join(' → ') || '–';
    return [target, number(cases), number(connections), number(honest), span('heap'), span('rss'), number(seconds)];
  });
  const head = ['target', 'cases', 'connections', 'honest messages', 'heap MiB', 'resident MiB', 'seconds'];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const refusals = results.map(({ target, refusals }) => {
    const counts = [...refusals].sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${number(count)}`);
    return `${target}: ${counts.join(', ')}`;
  });
  return [...lines, '', 'refusals', ...refusals].join('\n');
}
