import type { Random } from '../../lib/backoff.ts';

/**
 * What a header may ask for, in milliseconds. A service that says less is not taken at its word, and a header that is wrong
 * must not stop the traffic for a day: who asks for more is asked again every ten minutes.
 */
export const RETRY_AFTER_MIN_MS = 1_000;
export const RETRY_AFTER_MAX_MS = 600_000;
/** So much is added by chance, lest all who were told the same come back as one wave. */
const JITTER = 0.1;

/** The header that says when to try again. Whole seconds, at least one. [RFC 9110 §10.2.3] */
export function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1_000))) };
}

/**
 * The pause that the header `Retry-After` of an answer asks for, in seconds or by a date. [RFC 9110 §10.2.3]
 * @param header of several the first counts
 * @param now the wall clock, for dates, in milliseconds since the epoch
 * @returns whole milliseconds within the bounds, and up to a tenth more; undefined if it asks for none: “at once”, a time
 *   that is over or a text that is neither says nothing, and whoever asked waits as if it was not there
 */
export function readRetryAfter(
  header: string | readonly string[] | undefined,
  now: number,
  random: Random,
): number | undefined {
  const text = (typeof header === 'string' ? header : header?.[0])?.trim() ?? '';
  const asked = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  if (!(asked > 0)) return undefined;
  const ms = Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, asked));
  return Math.round(ms * (1 + JITTER * random()));
}
