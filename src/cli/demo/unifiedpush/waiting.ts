import { type Clock, sleep } from '../../../lib/clock.ts';

/** Nothing on this machine takes longer, in milliseconds. */
export const PATIENCE_MS = 30_000;
/** Pause between two looks. */
const LOOK_MS = 5;

/** Looks until `done`. Rejects, with what was waited for, after {@link PATIENCE_MS}. */
export async function until(
  clock: Clock,
  done: () => boolean | Promise<boolean>,
  what: string | (() => string),
): Promise<void> {
  const end = clock.monotonic() + PATIENCE_MS;
  while (!(await done())) {
    if (clock.monotonic() > end) {
      throw new Error(`${typeof what === 'string' ? what : what()} did not come within ${PATIENCE_MS / 1_000} s`);
    }
    await sleep(clock, LOOK_MS);
  }
}
