import { count, duration, z } from '../../lib/schema.ts';

/** What a push is kept at most, in milliseconds: 4 weeks. */
const TTL_MAX_MS = 2_419_200_000;

/** So many at once after a rest, and so many in a minute. */
const rate = (perMinute: number, burst: number, whose: string) =>
  z
    .strictObject({
      per_minute: count(1, 1_000_000).default(perMinute).describe(`${whose} in a minute`),
      burst: count(1, 1_000_000).default(burst).describe(`${whose} at once, after a rest`),
    })
    .prefault({});

const matrixOptions = z.strictObject({
  foreign: z
    .boolean()
    .default(true)
    .describe(
      'also hand on to endpoints that are not ours, at public addresses; without it their pushers are rejected',
    ),
  foreign_rate: rate(600, 600, 'notifications for one foreign server'),
  body_limit: count(4_096, 1_048_576).default(65_536).describe('largest notification that is read, in bytes'),
});

/** The door for Web Push and UnifiedPush: what is posted to endpoints. Absent: it is closed. */
export const webpushOptions = z.strictObject({
  ttl_max: duration(1_000, TTL_MAX_MS)
    .default(TTL_MAX_MS)
    .describe('a push is kept so long at most, whatever its TTL says'),
  ttl_default: duration(0, TTL_MAX_MS)
    .default(86_400_000)
    .describe('a push without TTL is kept so long, unless `ttl_required`'),
  ttl_required: z.boolean().default(false).describe('refuse a push without TTL, as RFC 8030 has it'),
  max_pending: count(1, 100_000_000)
    .default(1_000_000)
    .describe('pushes that wait for their devices, at most; those beyond get 503'),
  max_waiting: count(1, 1_000_000).default(100).describe('of these, for one endpoint; those beyond get 429'),
  rate: rate(120, 120, 'pushes to one endpoint'),
  endpoints_max: count(1, 10_000_000)
    .default(100_000)
    .describe('endpoints whose rate is kept in mind; those that were silent longest are forgotten beyond'),
  guesses: rate(60, 60, 'pushes from one address to endpoints that never were'),
  addresses_max: count(1, 10_000_000)
    .default(10_000)
    .describe('addresses whose guesses are kept in mind; those that were silent longest are forgotten beyond'),
  receipt_wait_max: duration(0, 600_000)
    .default(10_000)
    .describe('a request for a receipt that may wait waits so long at most; less than `http.answer_timeout`'),
  receipt_waiters: count(0, 100_000)
    .default(100)
    .describe('requests for receipts that wait at once; those beyond are answered at once'),
  fcm: z
    .strictObject({ provider: z.string().min(1).describe('name of the provider of type fcm that sends') })
    .optional()
    .describe('answer `/FCM?v2&instance=&token=` too, as rewrite proxies did (default: no)'),
  matrix: matrixOptions.optional().describe('be a push gateway for Matrix too (default: no)'),
});

export type WebPushOptions = z.infer<typeof webpushOptions>;
export type RateOptions = WebPushOptions['rate'];
