import type { Random } from '../../lib/backoff.ts';

/** What `Retry-After` may ask for, in milliseconds: a header that is wrong must not stop the traffic for a day. */
export const RETRY_AFTER_MIN_MS = 1_000;
export const RETRY_AFTER_MAX_MS = 600_000;
/** So much is added by chance, lest all who were told the same come back as one wave. */
const JITTER = 0.1;

/**
 * The pause that `Retry-After` asks for in seconds or by a date, in milliseconds within the bounds; undefined if it asks for
 * none. [RFC 9110 §10.2.3]
 */
export function retryAfterMs(
  header: string | readonly string[] | undefined,
  now: number,
  random: Random,
): number | undefined {
  const text = (typeof header === 'string' ? header : header?.[0])?.trim() ?? '';
  const asked = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  if (text === '' || Number.isNaN(asked)) return undefined;
  const ms = Math.min(RETRY_AFTER_MAX_MS, Math.max(RETRY_AFTER_MIN_MS, asked));
  return Math.round(ms * (1 + JITTER * random()));
}
