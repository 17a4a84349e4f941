import type { Clock } from './clock.ts';

/** A failure counts for so long. */
const MEMORY_MS = 60_000;
/** Slow-downs double up to this. */
const LONGEST_DELAY_MS = 30_000;
/** Addresses remembered; the oldest are forgotten first. */
const ADDRESSES = 10_000;

/** Counts failed logins by address, and says how long the next refusal is held back. */
export class Failures {
  readonly #clock: Clock;
  readonly #free: number;
  readonly #delayMs: number;
  readonly #failed = new Map<string, { count: number; last: number }>();

  /**
   * @param free failures within a minute that cost nothing
   * @param delayMs the first slow-down, in milliseconds
   */
  constructor(clock: Clock, free: number, delayMs: number) {
    this.#clock = clock;
    this.#free = free;
    this.#delayMs = delayMs;
  }

  /** Milliseconds that the next refusal to this address is held back. */
  delay(address: string): number {
    const entry = this.#recent(address);
    if (!entry || entry.count < this.#free) return 0;
    return Math.min(LONGEST_DELAY_MS, this.#delayMs * 2 ** Math.min(entry.count - this.#free, 20));
  }

  failed(address: string): void {
    const count = (this.#recent(address)?.count ?? 0) + 1;
    this.#failed.delete(address);
    this.#failed.set(address, { count, last: this.#clock.monotonic() });
    for (const oldest of this.#failed.keys()) {
      if (this.#failed.size <= ADDRESSES) break;
      this.#failed.delete(oldest);
    }
  }

  #recent(address: string): { count: number; last: number } | undefined {
    const entry = this.#failed.get(address);
    if (entry && this.#clock.monotonic() - entry.last < MEMORY_MS) return entry;
    this.#failed.delete(address);
    return undefined;
  }
}
