/** A cancellable wait. */
export interface Timer {
  cancel(): void;
}

/** Time as an argument: everything that waits or stamps takes one of these, so that tests can own time. */
export interface Clock {
  /** Milliseconds since the epoch. May jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never jumps. For measuring and for deadlines. */
  monotonic(): number;
  /** Runs `fn` once after `ms` milliseconds. The timer does not keep the process alive. */
  after(ms: number, fn: () => void): Timer;
}

/** The longest wait that Node's timers take; longer ones fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** How fast a {@link forwardOnly} clock goes while the wall clock is behind it. */
const CATCH_UP_PACE = 0.9;

/**
 * A clock whose wall time never goes back, for whoever keeps moments: when to try again, until when a message lives. A jump
 * ahead is followed, because the time may really have passed while the machine slept. When the wall clock is set back, time
 * goes on at nine tenths of its pace until the wall clock has caught up: nothing that waits for a moment waits longer by
 * what the clock was set back.
 */
export function forwardOnly(clock: Clock): Clock {
  let time = clock.now();
  let readAt = clock.monotonic();
  return {
    now() {
      const at = clock.monotonic();
      time = Math.max(clock.now(), time + (at - readAt) * CATCH_UP_PACE);
      readAt = at;
      return Math.floor(time);
    },
    monotonic: () => clock.monotonic(),
    after: (ms, fn) => clock.after(ms, fn),
  };
}

/** Resolves after `ms` milliseconds of `clock`. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

/** Like {@link sleep}, but over at once when `gone` fires. */
export function pause(clock: Clock, ms: number, gone: AbortSignal): Promise<void> {
  if (ms <= 0 || gone.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    gone.addEventListener('abort', () => {
      timer.cancel();
      resolve();
    });
  });
}

/** Runs `fn` every `ms` milliseconds of `clock` until cancelled; a run that throws or rejects goes to `onError`. */
export function every(
  clock: Clock,
  ms: number,
  fn: () => void | Promise<void>,
  onError: (error: unknown) => void,
): Timer {
  let cancelled = false;
  let timer: Timer;
  const tick = async (): Promise<void> => {
    try {
      await fn();
    } catch (error) {
      onError(error);
    }
    if (!cancelled) timer = clock.after(ms, tick);
  };
  timer = clock.after(ms, tick);
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}

/** A clock that stands still until it is told to move: for tests. */
export class ManualClock implements Clock {
  #now: number;
  #elapsed = 0;
  #order = 0;
  readonly #timers = new Set<{ at: number; order: number; fn: () => void }>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, fn: () => void): Timer {
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, fn };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** How many timers wait: a test may assert that nothing was left behind. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves time by `ms`, firing the timers on the way in order, and lets promises settle between them. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (;;) {
      const next = [...this.#timers]
        .filter((t) => t.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)
        .at(0);
      if (!next) break;
      this.#timers.delete(next);
      this.#now += next.at - this.#elapsed;
      this.#elapsed = next.at;
      next.fn();
      await settle();
    }
    this.#now += end - this.#elapsed;
    this.#elapsed = end;
    await settle();
  }

  /** Sets the wall clock alone, as an administrator or NTP would. */
  jump(ms: number): void {
    this.#now += ms;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
