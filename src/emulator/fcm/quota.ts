import type { Clock } from '../../lib/clock.ts';

const MINUTE_MS = 60_000;

/** The messages of a minute that begins with the first of them: refilled whole, not aligned to the clock. [fcm.md §3.4] */
export class Quota {
  readonly #clock: Clock;
  #since = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes one of `perMinute`; false if there is none left. 0 is no limit. */
  take(perMinute: number): boolean {
    if (perMinute === 0) return true;
    const now = this.#clock.monotonic();
    if (now - this.#since >= MINUTE_MS) {
      this.#since = now;
      this.#used = 0;
    }
    if (this.#used >= perMinute) return false;
    this.#used++;
    return true;
  }
}
