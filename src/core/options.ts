import { count, duration, z } from '../lib/schema.ts';

/** How messages are tried again after the provider said "later". */
export const retryOptions = z.strictObject({
  base: duration(1)
    .default(1_000)
    .describe('ceiling of the first wait; it doubles with every attempt, with full jitter'),
  cap: duration(1).default(60_000).describe('ceiling that no wait exceeds'),
  give_up_after: duration(1)
    .optional()
    .describe('reject a message this long after its first answered attempt (default: only its TTL ends it)'),
});

/** Bounds of the tables in the store. */
export const limitsOptions = z.strictObject({
  dedupe_window: duration(1_000)
    .default(3_600_000)
    .describe('a repeat of a message is recognised this long after its outcome'),
  dedupe_max: count(1, 1_000_000_000)
    .default(5_000_000)
    .describe('outcomes remembered at most; the window shrinks beyond'),
  upstream_dedupe: duration(1_000)
    .default(86_400_000)
    .describe('a repeat of an upstream message or receipt is recognised this long'),
  receipts_max: count(1, 1_000_000_000).default(10_000_000).describe('messages whose receipt is awaited, at most'),
  inbox_ttl: duration(1_000).default(2_419_200_000).describe('frames wait this long for their ACK'),
  registrations_max: count(1, 100_000_000).default(1_000_000).describe('endpoints that are registered, at most'),
  registrations_per_owner: count(1, 1_000_000)
    .default(1_000)
    .describe('of these, those of one account; a session has `max_endpoints`'),
  revoked: duration(1_000)
    .default(2_592_000_000)
    .describe('a push to an endpoint that is no more gets 410 for so long, and 404 afterwards'),
  dead_letters_max: count(0, 100_000_000).default(100_000).describe('dead letters kept; the oldest go first'),
});

export type RetryOptions = z.infer<typeof retryOptions>;
export type LimitsOptions = z.infer<typeof limitsOptions>;
