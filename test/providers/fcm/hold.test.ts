import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { Hold } from '../../../src/providers/fcm/hold.ts';

function setUp() {
  const clock = new ManualClock();
  let ends = 0;
  const hold = new Hold(
    clock,
    () => 0,
    () => void ends++,
  );
  return { clock, hold, ends: () => ends };
}

test('a pause lasts as long as the service asks', async (t) => {
  const { clock, hold, ends } = setUp();
  t.is(hold.begin(0, 'quota', 30_000), 30_000);
  t.is(hold.because, 'quota');
  await clock.advance(29_999);
  t.is(ends(), 0);
  await clock.advance(1);
  t.is(ends(), 1);
  t.is(hold.because, undefined);
});

test('what is left of it is told in whole milliseconds', async (t) => {
  const { clock, hold } = setUp();
  await clock.advance(0.25);
  hold.begin(clock.monotonic(), 'quota', 2_000);
  await clock.advance(0.3);
  t.is(hold.begin(0.1, 'quota', undefined), 2_000);
});

test('without a wish it is a minute, and twice as long each time until something passes', async (t) => {
  const { clock, hold } = setUp();
  for (const ms of [60_000, 120_000, 240_000, 480_000, 480_000]) {
    t.is(hold.begin(clock.monotonic() + 1, 'quota', undefined), ms);
    await clock.advance(ms);
  }
  hold.passed(clock.monotonic());
  t.is(hold.begin(clock.monotonic() + 1, 'quota', undefined), 60_000);
});

test('answers to requests from before the pause are one with it', async (t) => {
  const { clock, hold, ends } = setUp();
  await clock.advance(10);
  hold.begin(5, 'quota', undefined);
  await clock.advance(1_000);
  t.is(hold.begin(6, 'quota', undefined), 59_000);
  hold.passed(7); // was under way already, says nothing
  t.is(hold.begin(8, 'quota', 100_000), 100_000);
  t.is(hold.begin(9, 'quota', 1_000), 100_000);
  await clock.advance(100_000);
  t.is(ends(), 1);
  t.is(hold.begin(clock.monotonic(), 'quota', undefined), 120_000);
});

test('stopped: no timer is left', (t) => {
  const { clock, hold } = setUp();
  hold.begin(0, 'quota', 1_000);
  hold.stop();
  t.is(clock.waiting, 0);
});
