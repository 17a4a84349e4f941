import type { Clock, Timer } from '../../lib/clock.ts';

/** Accounts that are woken at once; beyond that they wait for the next try, which comes by itself. */
const WAKES_MAX = 1_000;
/** What was found away while its client came is written down by then. Milliseconds. */
const SETTLE_MS = 1_000;

export interface WakesDeps {
  readonly clock: Clock;
  /** What waits for this account goes out now. */
  readonly wake: (bare: string) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Wakes accounts whose clients have come: once now, and once more a moment later, because a push that found the client away
 * just before is put aside only then. Whoever comes again and again is woken no more often.
 */
export class Wakes {
  readonly #deps: WakesDeps;
  readonly #timers = new Map<string, Timer>();

  constructor(deps: WakesDeps) {
    this.#deps = deps;
  }

  /** False if there are too many. */
  wake(bare: string): boolean {
    if (this.#timers.has(bare)) return true;
    if (this.#timers.size >= WAKES_MAX) return false;
    const timer = this.#deps.clock.after(SETTLE_MS, () => {
      this.#timers.delete(bare);
      this.#wake(bare);
    });
    this.#timers.set(bare, timer);
    this.#wake(bare);
    return true;
  }

  /** Wakes an account once, now: what was put aside for it was put aside before. */
  now(bare: string): void {
    this.#wake(bare);
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #wake(bare: string): void {
    this.#deps.wake(bare).catch(this.#deps.onError);
  }
}
