import type { AnswerMode, Notice, StoreLimits } from '../../core/index.ts';

/** How many rows of one table a sweep takes away at most: the same patience as a database would need. */
export const SWEEP_ROWS = 1000;

/** What is remembered of a message after its outcome, to recognise and answer repeats. */
export interface Outcome {
  readonly digest: string;
  readonly at: number;
  readonly answer: AnswerMode;
  readonly notice: Notice;
  /** The frame that carries it, while it waits in the inbox. */
  sequence: number | undefined;
}

/** Outcomes by the key of their message, each kept at least until its frame is acknowledged. */
export class Outcomes {
  readonly #known = new Map<string, Outcome>();
  /** What sweeps look at, oldest first. What was over while its frame still waited is no longer here … */
  readonly #ageing = new Set<string>();
  /** … and comes here when that frame is gone. */
  readonly #freed = new Set<string>();

  get size(): number {
    return this.#known.size;
  }

  /** The time between the oldest and the youngest, but for those that only wait for their acknowledgement. */
  get span(): number {
    const times = Array.from(this.#ageing, (key) => this.#known.get(key)?.at ?? 0);
    return Math.max(0, (times.at(-1) ?? 0) - (times[0] ?? 0));
  }

  get(key: string): Outcome | undefined {
    return this.#known.get(key);
  }

  add(key: string, outcome: Outcome): void {
    this.#known.set(key, outcome);
    this.#ageing.add(key);
  }

  /** The frame of this outcome has left the inbox. */
  free(key: string): void {
    const outcome = this.#known.get(key);
    if (!outcome) return;
    outcome.sequence = undefined;
    if (!this.#ageing.has(key)) this.#freed.add(key);
  }

  /** Forgets what is over, unless its frame still waits. True if there is more to do. */
  sweep({ dedupeMax, dedupeWindowMs }: StoreLimits, now: number): boolean {
    const over = (key: string): boolean =>
      this.#known.size > dedupeMax || (this.#known.get(key)?.at ?? 0) < now - dedupeWindowMs;
    let left = SWEEP_ROWS;
    for (const key of this.#freed) {
      if (left-- === 0) return true;
      this.#freed.delete(key);
      if (over(key)) this.#letGo(key);
      else this.#ageing.add(key);
    }
    for (const key of this.#ageing) {
      if (!over(key)) break;
      if (left-- === 0) return true;
      this.#ageing.delete(key);
      this.#letGo(key);
    }
    return false;
  }

  #letGo(key: string): void {
    if (this.#known.get(key)?.sequence === undefined) this.#known.delete(key);
  }
}
