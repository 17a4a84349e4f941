import test from 'ava';
import { every, forwardOnly, ManualClock, sleep, systemClock } from '../../src/lib/clock.ts';

test('timers of a manual clock fire in order, each at its own time', async (t) => {
  const clock = new ManualClock(1_000);
  const fired: [string, number][] = [];
  clock.after(20, () => fired.push(['b', clock.now()]));
  clock.after(10, () => fired.push(['a', clock.now()]));
  clock.after(20, () => fired.push(['c', clock.now()]));
  clock.after(31, () => fired.push(['late', clock.now()]));
  await clock.advance(30);
  t.deepEqual(fired, [
    ['a', 1_010],
    ['b', 1_020],
    ['c', 1_020],
  ]);
  t.is(clock.now(), 1_030);
  t.is(clock.monotonic(), 30);
  t.is(clock.waiting, 1);
});

test('a timer that is set by a timer fires on the same way', async (t) => {
  const clock = new ManualClock();
  const fired: number[] = [];
  clock.after(5, () => clock.after(5, () => fired.push(clock.monotonic())));
  await clock.advance(10);
  t.deepEqual(fired, [10]);
});

test('a cancelled timer does not fire and does not wait', async (t) => {
  const clock = new ManualClock();
  const timer = clock.after(5, () => t.fail());
  timer.cancel();
  t.is(clock.waiting, 0);
  await clock.advance(10);
});

test('a jump moves the wall clock alone', (t) => {
  const clock = new ManualClock(1_000);
  clock.jump(-500);
  t.is(clock.now(), 500);
  t.is(clock.monotonic(), 0);
});

test('a clock that only goes forward follows a jump ahead at once', async (t) => {
  const manual = new ManualClock(1_000_000);
  const clock = forwardOnly(manual);
  t.is(clock.now(), 1_000_000);
  await manual.advance(10);
  t.is(clock.now(), 1_000_010);
  manual.jump(3_600_000);
  t.is(clock.now(), 4_600_010);
  t.is(clock.monotonic(), 10);
});

test('a clock that only goes forward goes on, a little slower, until a wall clock that was set back has caught up', async (t) => {
  const manual = new ManualClock(10_000_000);
  const clock = forwardOnly(manual);
  manual.jump(-3_600_000);
  t.is(clock.now(), 10_000_000);
  for (let n = 0; n < 10; n++) {
    await manual.advance(101); // read often: nothing is lost in rounding
    clock.now();
  }
  t.is(clock.now(), 10_000_909);
  await manual.advance(36_000_000);
  t.is(clock.now(), manual.now());
  await manual.advance(1);
  t.is(clock.now(), manual.now());
});

test('timers of a clock that only goes forward are those of the clock below', async (t) => {
  const manual = new ManualClock();
  const clock = forwardOnly(manual);
  let fired = false;
  clock.after(10, () => {
    fired = true;
  });
  manual.jump(-3_600_000);
  await manual.advance(10);
  t.true(fired);
});

test('every runs until it is cancelled, and a failure does not end it', async (t) => {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  let runs = 0;
  const timer = every(
    clock,
    10,
    () => {
      runs += 1;
      if (runs === 1) throw new Error('once');
      if (runs === 2) return Promise.reject(new Error('twice'));
    },
    (error) => errors.push((error as Error).message),
  );
  await clock.advance(35);
  t.is(runs, 3);
  t.deepEqual(errors, ['once', 'twice']);
  timer.cancel();
  await clock.advance(100);
  t.is(runs, 3);
  t.is(clock.waiting, 0);
});

test('every does not start a run before the last one has ended', async (t) => {
  const clock = new ManualClock();
  let running = 0;
  let most = 0;
  const timer = every(
    clock,
    10,
    async () => {
      most = Math.max(most, ++running);
      await sleep(clock, 25);
      running -= 1;
    },
    (error) => t.fail(String(error)),
  );
  await clock.advance(200);
  timer.cancel();
  t.is(most, 1);
});

test('every that is cancelled while it runs sets no further timer', async (t) => {
  const clock = new ManualClock();
  const timer = every(
    clock,
    10,
    () => timer.cancel(),
    () => {},
  );
  await clock.advance(50);
  t.is(clock.waiting, 0);
});

test('the system clock waits at least as long as asked, and takes waits longer than Node.js timers can', async (t) => {
  const before = systemClock.monotonic();
  const keepAlive = setTimeout(() => {}, 1_000);
  await sleep(systemClock, 20);
  clearTimeout(keepAlive);
  t.true(systemClock.monotonic() - before >= 18);
  t.true(Math.abs(systemClock.now() - Date.now()) < 1_000);
  let fired = false;
  const timer = systemClock.after(2 ** 40, () => {
    fired = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  timer.cancel();
  t.false(fired);
});
