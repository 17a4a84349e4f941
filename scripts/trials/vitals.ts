import { readdirSync } from 'node:fs';
import { usage } from '../bench/measure.ts';
import type { Findings } from './findings.ts';

/** What the last quarter may use more than the second: of resident memory this share and so many MiB, and so many descriptors. */
export const MEMORY_GROWTH_MAX = 0.15;
export const MEMORY_SLACK_MIB = 24;
export const DESCRIPTORS_SLACK = 12;
/** The first so many milliseconds of a process don't count: caches fill. */
export const WARM_UP_MS = 60_000;
/** A quarter with fewer samples says nothing. */
export const SAMPLES_MIN = 10;

/** Resident memory and open descriptors of a process at one moment. */
export interface Sample {
  readonly mib: number;
  readonly descriptors: number;
}

/** Looks into `/proc`; undefined where there is none, or no such process. */
export function sample(pid: number): Sample | undefined {
  try {
    return { mib: usage(pid).residentBytes / 2 ** 20, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

/** The samples of a run by its quarters. */
export class Vitals {
  readonly #quarters: readonly Sample[][] = [[], [], [], []];

  readonly #now: () => number;
  /** The process that is watched, and since when. */
  #life = { pid: 0, since: 0 };

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param progress from 0 to 1 */
  add(progress: number, pid: number, taken: Sample): void {
    if (pid !== this.#life.pid) this.#life = { pid, since: this.#now() };
    if (this.#now() - this.#life.since < WARM_UP_MS) return;
    this.#quarters[Math.min(3, Math.floor(progress * 4))]?.push(taken);
  }

  /** Whether memory and descriptors are flat, comparing the medians of the second and the last quarter. In words, too. */
  judge(findings: Findings): string {
    const [, second = [], , last = []] = this.#quarters;
    if (Math.min(second.length, last.length) < SAMPLES_MIN) return 'too few samples of memory and descriptors';
    const memory = [second, last].map((quarter) => median(quarter.map(({ mib }) => mib)));
    const files = [second, last].map((quarter) => median(quarter.map(({ descriptors }) => descriptors)));
    const text = (of: readonly number[]) => of.map((n) => n.toFixed(0)).join(' → ');
    const [before = 0, after = 0] = memory;
    const bound = before * (1 + MEMORY_GROWTH_MAX) + MEMORY_SLACK_MIB;
    findings.check('conduct', after <= bound, () => `memory grew: ${text(memory)} MiB, ${bound.toFixed(0)} allowed`);
    const [few = 0, many = 0] = files;
    findings.check('conduct', many <= few + DESCRIPTORS_SLACK, () => `descriptors grew: ${text(files)}`);
    return `medians of the second and the last quarter: ${text(memory)} MiB resident, ${text(files)} descriptors`;
  }
}
