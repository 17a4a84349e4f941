import type { Findings } from './findings.ts';

/** Where a message stands in its group: 0 is the first that was submitted. */
export interface Place {
  readonly name: string;
  readonly n: number;
}

/**
 * The order of groups as the service sees it. [BAL §Downstream rules] A group has one writer, which submits again in
 * the old order: so the order of submission is that of acceptance, and the first arrivals must be 0, 1, 2 … without a
 * hole, each behind the final answer to the one before. Repeats of what has arrived may come at any time.
 */
export class GroupOrder {
  readonly #findings: Findings;
  /** The last message of each group that arrived for the first time, and whether it was answered for good. */
  readonly #last = new Map<string, { n: number; answered: boolean }>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  arrived({ name, n }: Place): void {
    const last = this.#last.get(name);
    if (last && n <= last.n) return;
    const expected = last ? last.n + 1 : 0;
    this.#findings.check('group', n === expected, () => `${name}: ${n} arrived where ${expected} was due`);
    if (last && n === expected) {
      this.#findings.check('group', last.answered, () => `${name}: ${n} arrived before the outcome of ${last.n}`);
    }
    this.#last.set(name, { n, answered: false });
  }

  /** The service has answered for good. */
  answered({ name, n }: Place): void {
    const last = this.#last.get(name);
    if (last?.n === n) last.answered = true;
  }
}
