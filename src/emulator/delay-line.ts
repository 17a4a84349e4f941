import type { Clock } from '../lib/clock.ts';

/** Runs many things later with one timer a millisecond: a timer for each of 30,000 messages a second would be felt. */
export class DelayLine {
  readonly #clock: Clock;
  readonly #due = new Map<number, (() => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `fn` after `ms` milliseconds, rounded up; things with the same wait keep their order. */
  after(ms: number, fn: () => void): void {
    const now = this.#clock.monotonic();
    const at = Math.ceil(now + ms);
    const waiting = this.#due.get(at);
    if (waiting) {
      waiting.push(fn);
      return;
    }
    this.#due.set(at, [fn]);
    this.#clock.after(at - now, () => {
      const ready = this.#due.get(at) ?? [];
      this.#due.delete(at);
      for (const run of ready) run();
    });
  }
}
