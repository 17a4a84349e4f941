import test from 'ava';
import fc from 'fast-check';
import { ManualClock } from '../../../src/lib/clock.ts';
import { Quota } from '../../../src/providers/fcm/quota.ts';

/** Takes all that may go out, in steps of `stepMs`; the times of all messages. */
async function drain(quota: Quota, clock: ManualClock, ms: number, stepMs = 10): Promise<number[]> {
  const times: number[] = [];
  for (let passed = 0; passed < ms; passed += stepMs) {
    while (quota.take()) times.push(clock.monotonic());
    await clock.advance(stepMs);
  }
  return times;
}

/** The most messages in any 60 s. */
function most(times: readonly number[]): number {
  let max = 0;
  for (let from = 0, to = 0; to < times.length; to++) {
    while ((times[to] ?? 0) - (times[from] ?? 0) > 60_000) from++;
    max = Math.max(max, to - from + 1);
  }
  return max;
}

test('without a limit', (t) => {
  const quota = new Quota({ perMinute: 0, rampUpMs: 60_000 }, new ManualClock());
  t.is(quota.left, Number.POSITIVE_INFINITY);
  t.true(quota.take());
  t.is(quota.waitMs, 0);
});

test('never more than the quota in any 60 s, and hardly less', async (t) => {
  for (const perMinute of [1, 2, 7, 60, 500, 6_000]) {
    const clock = new ManualClock();
    const quota = new Quota({ perMinute, rampUpMs: 0 }, clock);
    const times = await drain(quota, clock, 200_000, 50);
    t.true(most(times) <= perMinute, `${most(times)} of ${perMinute}`);
    t.true(times.length >= Math.floor((perMinute * 190) / 60), `${times.length} of ${perMinute} a minute`);
  }
});

test('the same whenever messages come', async (t) => {
  const gaps = fc.array(fc.oneof(fc.nat(100), fc.nat(70_000)), { maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.nat(20_000), gaps, async (perMinute, rampUpMs, waits) => {
      let now = 0;
      const quota = new Quota({ perMinute, rampUpMs }, { monotonic: () => now });
      const times: number[] = [];
      for (const wait of waits) {
        now += wait;
        const { left } = quota;
        let taken = 0;
        while (quota.take()) taken++;
        t.true(left === 0 ? taken === 0 : taken > 0);
        times.push(...new Array<number>(taken).fill(now));
        if (taken > 0) t.true(quota.waitMs > 0);
      }
      return most(times) <= perMinute;
    }),
    { numRuns: 200 },
  );
});

test('after `waitMs` something is left', async (t) => {
  for (const perMinute of [1, 600, 600_000]) {
    const clock = new ManualClock();
    const quota = new Quota({ perMinute, rampUpMs: 10_000 }, clock);
    for (let round = 0; round < 20; round++) {
      while (quota.take());
      t.is(quota.left, 0);
      const wait = quota.waitMs;
      t.true(wait > 0);
      await clock.advance(wait);
      t.true(quota.left > 0, `${perMinute} a minute, round ${round}`);
    }
  }
});

test('a burst is a quarter of a second of the quota', (t) => {
  const quota = new Quota({ perMinute: 600_000, rampUpMs: 0 }, new ManualClock());
  t.is(quota.left, 2_500);
  let taken = 0;
  while (quota.take()) taken++;
  t.is(taken, 2_500);
  t.is(quota.left, 0);
});

test('after a rest the rate starts at a tenth and grows evenly to the whole', async (t) => {
  const clock = new ManualClock();
  const quota = new Quota({ perMinute: 60_000, rampUpMs: 60_000 }, clock);
  const times = await drain(quota, clock, 70_000);
  const perSecond = (second: number) => times.filter((at) => Math.floor(at / 1_000) === second).length;
  const rateAt = (second: number) => 1_000 * (0.1 + (0.9 * (second + 0.5)) / 60);
  for (const second of [1, 10, 20, 30, 40, 50, 59]) {
    const off = Math.abs(perSecond(second) - rateAt(second)) / rateAt(second);
    t.true(off < 0.06, `second ${second}: ${perSecond(second)} instead of ${rateAt(second)}`);
  }
  t.true(perSecond(65) > 980);
});

test('a pause up to the limit is no rest, a longer one is', async (t) => {
  const clock = new ManualClock();
  const quota = new Quota({ perMinute: 60_000, rampUpMs: 10_000 }, clock);
  await drain(quota, clock, 12_000);
  await clock.advance(9_000);
  t.is(quota.left, 250);
  quota.take();
  await clock.advance(10_000);
  t.is(quota.left, 250);
  await clock.advance(1);
  t.is(quota.left, 25);
  quota.take();
  await clock.advance(5_000);
  t.is(quota.left, Math.floor(250 * 0.55));
});

test('a restart begins with a tenth too', async (t) => {
  const clock = new ManualClock();
  const quota = new Quota({ perMinute: 60_000, rampUpMs: 10_000 }, clock);
  await drain(quota, clock, 12_000);
  await clock.advance(1_000);
  t.is(quota.left, 250);
  quota.restart();
  t.is(quota.left, 25);
});
