import test from 'ava';
import { ManualClock } from '../../src/lib/clock.ts';
import { DeadlineError, deadline } from '../../src/lib/deadline.ts';

test('work that is done in time gives its result and leaves no timer', async (t) => {
  const clock = new ManualClock();
  t.is(await deadline(clock, Promise.resolve(7), 100, 'work'), 7);
  t.is(clock.waiting, 0);
});

test('work that fails in time gives its error', async (t) => {
  const clock = new ManualClock();
  await t.throwsAsync(deadline(clock, Promise.reject(new Error('own')), 100, 'work'), { message: 'own' });
  t.is(clock.waiting, 0);
});

test('work that takes longer is a DeadlineError, and its late failure disturbs nobody', async (t) => {
  const clock = new ManualClock();
  const work = Promise.withResolvers<void>();
  const result = deadline(clock, work.promise, 100, 'the login');
  const caught = t.throwsAsync(result, { instanceOf: DeadlineError, message: 'the login: no result within 100 ms' });
  await clock.advance(100);
  await caught;
  work.reject(new Error('late'));
  await clock.advance(1);
});

test('work that is done at the last moment is in time', async (t) => {
  const clock = new ManualClock();
  const work = new Promise<string>((resolve) => clock.after(99, () => resolve('done')));
  const result = deadline(clock, work, 100, 'work');
  await clock.advance(100);
  t.is(await result, 'done');
});
