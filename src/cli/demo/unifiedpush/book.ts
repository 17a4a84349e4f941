/** What is to become of a push. */
export type Fate = 'arrives' | 'replaced' | 'taken back' | 'refused';

interface Entry {
  readonly fate: Fate;
  readonly postedAt: number;
  readonly timed: boolean;
  arrivals: number;
}

/** What was pushed, and what has arrived. Times are milliseconds of the monotonic clock. */
export class Book {
  /** Things that a push service must not do, in words. */
  readonly wrongs: string[] = [];
  /** Whether receivers are there: only then does the time on the way say something. */
  timed = true;
  readonly #entries = new Map<string, Entry>();
  readonly #latencies: number[] = [];
  #missing = 0;

  /** Pushes that are still to arrive. */
  get missing(): number {
    return this.#missing;
  }

  expect(id: string, fate: Fate, postedAt: number): void {
    this.#entries.set(id, { fate, postedAt, timed: this.timed, arrivals: 0 });
    if (fate === 'arrives') this.#missing++;
  }

  arrived(id: string, at: number): void {
    const entry = this.#entries.get(id);
    if (!entry) this.wrongs.push(`${id}: nobody has pushed that`);
    else if (entry.fate !== 'arrives') this.wrongs.push(`${id}: came although it was ${entry.fate}`);
    else if (++entry.arrivals > 1) this.wrongs.push(`${id}: came ${entry.arrivals} times`);
    else {
      this.#missing--;
      if (entry.timed) this.#latencies.push(at - entry.postedAt);
    }
  }

  /** How many pushes have this fate. */
  count(fate: Fate): number {
    return [...this.#entries.values()].filter((entry) => entry.fate === fate).length;
  }

  get arrivals(): number {
    return [...this.#entries.values()].reduce((sum, { arrivals }) => sum + arrivals, 0);
  }

  get total(): number {
    return this.#entries.size;
  }

  /** The time from post to receiver that a share of the timed pushes kept below, in milliseconds. */
  quantile(share: number): number {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }
}
