import type { Clock } from './clock.ts';

/** The wait ended before the work did. */
export class DeadlineError extends Error {
  /** What was waited for, and how long, in milliseconds. */
  readonly what: string;
  readonly ms: number;

  constructor(what: string, ms: number) {
    super(`${what}: no result within ${ms} ms`);
    this.name = 'DeadlineError';
    this.what = what;
    this.ms = ms;
  }
}

/**
 * The result of `work`, or a {@link DeadlineError} after `ms` milliseconds. The work itself is not stopped; its late
 * failure is swallowed, because somebody else has already been told.
 */
export async function deadline<T>(clock: Clock, work: Promise<T>, ms: number, what: string): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.after(ms, () => reject(new DeadlineError(what, ms)));
  work.catch(() => {});
  try {
    return await Promise.race([work, promise]);
  } finally {
    timer.cancel();
  }
}
