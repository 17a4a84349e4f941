import test from 'ava';
import { advise, type Bucket, needed, quantile, type Seen } from '../../../src/cli/pool/advise.ts';

/** `count` round trips between `from` and `to` seconds. */
const trips = (count: number, from = 0.05, to = 0.1): Bucket[] => [
  { le: from, count: 0 },
  { le: to, count },
  { le: Number.POSITIVE_INFINITY, count },
];

/** A pool at rest, but for what the test says. */
const seen = (changes: Partial<Seen> = {}): Seen => ({
  seconds: 10,
  min: 1,
  max: 10,
  window: 100,
  open: 2,
  draining: 0,
  fill: 0.2,
  taken: 0,
  retried: 0,
  roundTrips: [],
  outbox: [0, 0],
  ...changes,
});

test('needed: rate × round trip / window, a fifth of the room left free, at least one, at the limit and one past it', (t) => {
  t.is(needed(800, 0.1, 100), 1);
  t.is(needed(801, 0.1, 100), 2);
  t.is(needed(8_000, 0.1, 100), 10);
  t.is(needed(0, 0.1, 100), 1);
  t.is(needed(0.24, 1, 0.3), 1, 'not one more for the last digit of a floating point number');
});

test('quantiles lie within their bucket; beyond the last limit nothing is known', (t) => {
  const buckets = [
    { le: 0.1, count: 50 },
    { le: 0.2, count: 90 },
    { le: 0.4, count: 90 },
    { le: Number.POSITIVE_INFINITY, count: 100 },
  ];
  t.is(quantile(buckets, 0.25), 0.05);
  t.is(quantile(buckets, 0.5), 0.1);
  t.true(Math.abs((quantile(buckets, 0.7) ?? 0) - 0.15) < 1e-9);
  t.is(quantile(buckets, 0.95), 0.4);
  t.is(quantile([], 0.5), undefined);
  t.is(quantile([{ le: 1, count: 0 }], 0.5), undefined);
});

test('the rate that came decides: what was taken if that is more than what was answered', (t) => {
  const steady = advise(seen({ taken: 9_000, roundTrips: trips(10_000) }));
  t.like(steady, { rate: 1_000, wanted: 1_000, min: 1, max: 2 });
  const growing = advise(seen({ taken: 40_000, roundTrips: trips(10_000), fill: 1, outbox: [500, 30_500] }));
  t.like(growing, { rate: 1_000, wanted: 4_000, min: 4, max: 5 });
  t.regex(growing.why, /outbox grows \(500 to 30500\) and all windows are full: the pool is the limit\. Only 2 of 10/);
});

test('a given rate decides, at the round trips that were seen', (t) => {
  const advice = advise(seen({ taken: 10, roundTrips: trips(10) }), 20_000);
  t.like(advice, { rate: 1, wanted: 20_000, min: 19, max: 25 });
  t.regex(advice.why, /must be allowed to grow/);
  t.is(Math.round(advice.carries ?? 0), Math.round(200 / 0.075));
});

test('no traffic and no samples: no advice, with or without a rate', (t) => {
  for (const advice of [advise(seen()), advise(seen(), 500)]) {
    for (const key of ['min', 'max', 'p50', 'p95', 'carries'] as const) t.false(key in advice, key);
    t.regex(advice.why, /No message was answered while we looked.*ask again under load/);
  }
  t.regex(advise(seen({ open: 0, draining: 3 })).why, /No connection is open, 3 only drain: .*\/readyz/);
  t.regex(advise(seen({ fill: 1, outbox: [0, 200] })).why, /the service answered none/);
});

test('1000 connections are the most that is advised, and said to be', (t) => {
  const advice = advise(seen({ roundTrips: trips(10) }), 2_000_000);
  t.like(advice, { min: 1_000, max: 1_000 });
  t.regex(advice.why, /It would take 2438, but 1000 is the most/);
  const full = seen({ open: 1_000, max: 1_000, fill: 1, roundTrips: trips(9e6), taken: 9e6, outbox: [0, 200_000] });
  t.regex(advise(full).why, /1000 connections are the most: only a larger window or a faster service helps/);
});

test('connections that drain carry nothing', (t) => {
  const roundTrips = trips(10_000);
  const advice = advise(seen({ draining: 5, roundTrips }));
  t.is(advice.carries, advise(seen({ roundTrips })).carries);
  t.regex(advice.why, /large enough\. 5 more only drain/);
});

test('why: the processor, the service, too many connections, enough of them', (t) => {
  const roundTrips = trips(1_000);
  const why = (changes: Partial<Seen>) => advise(seen({ roundTrips, ...changes })).why;
  t.regex(why({ outbox: [900, 5_000] }), /4960 messages wait .* only 20 % full: the processor .*not the pool/);
  t.regex(why({ outbox: [900, 5_000], retried: 70 }), /70 were put off.*the service, not the pool/);
  t.regex(why({ fill: 1, outbox: [900, 800] }), /The outbox holds 800 messages and all windows are full/);
  t.regex(why({ min: 5 }), /fewer connections would do/);
  t.regex(why({ outbox: [40, 40] }), /20 % full: the pool is large enough\.$/);
  t.regex(why({ open: 0 }), /No connection is open now/);
});
