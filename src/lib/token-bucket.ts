import type { Clock } from './clock.ts';

/** How fast a {@link TokenBucket} fills and how much it holds. */
export interface Rate {
  /** Tokens that come back every second, more than 0. */
  readonly perSecond: number;
  /** Tokens that it holds at most, at least 1: what may be taken at once after a rest. */
  readonly burst: number;
}

/** Fractions are added up in floating point: what lacks less than this counts as there. */
const EPSILON = 1e-6;

/** A bucket of tokens for what may happen so often and no more. It begins full. */
export class TokenBucket {
  readonly #rate: Rate;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #tokens: number;
  /** Monotonic time of `#tokens`, in milliseconds. */
  #at: number;

  constructor(rate: Rate, clock: Pick<Clock, 'monotonic'>) {
    this.#rate = rate;
    this.#clock = clock;
    this.#tokens = rate.burst;
    this.#at = clock.monotonic();
  }

  /** Takes `n` tokens if there are so many; otherwise none. */
  take(n = 1): boolean {
    this.#fill();
    if (this.#tokens + EPSILON < n) return false;
    this.#tokens = Math.max(0, this.#tokens - n);
    return true;
  }

  /** Whole milliseconds until `n` tokens can be taken: 0 if they are there, infinite for more than the bucket holds. */
  waitMs(n = 1): number {
    this.#fill();
    const { perSecond, burst } = this.#rate;
    if (n > burst) return Number.POSITIVE_INFINITY;
    return Math.max(0, Math.ceil(((n - this.#tokens - EPSILON) / perSecond) * 1_000));
  }

  #fill(): void {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1_000) * perSecond);
    this.#at = now;
  }
}
