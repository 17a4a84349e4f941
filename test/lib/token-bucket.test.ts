import test from 'ava';
import { ManualClock } from '../../src/lib/clock.ts';
import { TokenBucket } from '../../src/lib/token-bucket.ts';

test('it begins full, and what it holds can be taken at once', (t) => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 3 }, new ManualClock());
  t.deepEqual([bucket.take(), bucket.take(), bucket.take(), bucket.take()], [true, true, true, false]);
});

test('it fills with time, up to the burst', async (t) => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ perSecond: 2, burst: 4 }, clock);
  t.true(bucket.take(4));
  await clock.advance(499);
  t.false(bucket.take());
  await clock.advance(1);
  t.true(bucket.take());
  await clock.advance(3_600_000);
  t.false(bucket.take(5));
  t.true(bucket.take(4));
  t.false(bucket.take());
});

test('a refusal takes nothing', (t) => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 3 }, new ManualClock());
  t.false(bucket.take(4));
  t.true(bucket.take(3));
});

test('the wait that it names is enough, and a millisecond less is not', async (t) => {
  for (const perSecond of [1, 1 / 60, 3, 7, 0.3, 90]) {
    for (const n of [1, 3, 10]) {
      const clock = new ManualClock();
      const bucket = new TokenBucket({ perSecond, burst: 10 }, clock);
      t.is(bucket.waitMs(10), 0);
      t.true(bucket.take(10));
      const wait = bucket.waitMs(n);
      await clock.advance(wait - 1);
      t.false(bucket.take(n), `${n} at ${perSecond} a second`);
      t.is(bucket.waitMs(n), 1);
      await clock.advance(1);
      t.is(bucket.waitMs(n), 0);
      t.true(bucket.take(n), `${n} at ${perSecond} a second`);
    }
  }
});

test('what it can never hold is waited for without end', (t) => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 3 }, new ManualClock());
  t.is(bucket.waitMs(3), 0);
  t.is(bucket.waitMs(4), Number.POSITIVE_INFINITY);
});

test('a wall clock that is set does not fill it', (t) => {
  const clock = new ManualClock();
  const bucket = new TokenBucket({ perSecond: 1, burst: 1 }, clock);
  t.true(bucket.take());
  clock.jump(3_600_000);
  t.false(bucket.take());
  t.is(bucket.waitMs(), 1_000);
});
