/** How long to wait before try number 1, 2, 3 … */
export interface Backoff {
  /** Milliseconds before the first retry. */
  readonly baseMs: number;
  /** Milliseconds that no wait exceeds. */
  readonly capMs: number;
}

/** A number in [0, 1). Chance as an argument: tests pass their own. */
export type Random = () => number;

/**
 * Exponential backoff with full jitter: a random wait between zero and `base * 2^attempt`, at most `cap`.
 * Full jitter spreads a crowd of retries evenly instead of sending it back as one wave.
 * @param attempt 0 for the first retry
 * @returns whole milliseconds
 */
export function fullJitter(attempt: number, rule: Backoff, random: Random): number {
  return Math.round(random() * ceiling(attempt, rule));
}

/** Like {@link fullJitter}, but never less than half of the ceiling: for peers that count on a minimum pause. */
export function equalJitter(attempt: number, rule: Backoff, random: Random): number {
  const top = ceiling(attempt, rule);
  return Math.round(top / 2 + (random() * top) / 2);
}

function ceiling(attempt: number, rule: Backoff): number {
  return Math.min(rule.capMs, rule.baseMs * 2 ** Math.min(Math.max(0, attempt), 40));
}
