import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { nackRules } from '../../../src/providers/ccs/outcomes.ts';
import type { StoryOptions } from '../harness.ts';
import { begin, checkService, until } from './books.ts';

/** Attempts within `ms` if each is nacked: the waits are half of 1 s, 2 s, 4 s … 60 s, because chance is `0.5` here. */
function attemptsWithin(ms: number): number {
  let attempts = 1;
  for (let at = 0, wait = 1_000; at + wait / 2 <= ms; wait = Math.min(60_000, wait * 2), attempts++) at += wait / 2;
  return attempts;
}

/** A story whose time and chance belong to the test. */
async function still(t: ExecutionContext, options: StoryOptions = {}) {
  const clock = new ManualClock(Date.now());
  const begun = await begin(t, {
    pool: { min: 2, max: 2 },
    // The emulator answers in real time: nothing may look late because the bridge's time flies.
    ccs: { ack_timeout: '10h', ping_interval: '10h', drain_timeout: '10h' },
    ...options,
    surroundings: { clock, random: () => 0.5 },
  });
  const { control, story } = begun;
  await until(async () => (await story.pool()).open === 2, 'two connections');
  /** Moves time, and waits at every step until all that went out because of it has been answered. */
  const pass = async (ms: number, step = 500): Promise<void> => {
    for (let left = ms; left > 0; left -= step) {
      await clock.advance(Math.min(step, left));
      await until(async () => (await story.pool()).used === 0, 'answers');
    }
  };
  /** Nothing has happened that waits for no time: what the bridge has got is answered. */
  const quiet = async (): Promise<void> => {
    const seen = control.stats().received;
    await begun.books.sync();
    await until(async () => (await story.pool()).used === 0, 'answers');
    if (control.stats().received !== seen) await quiet();
  };
  return { ...begun, clock, pass, quiet };
}

const never = Object.keys(nackRules).filter((code) => ['never', 'gone'].includes(nackRules[code] ?? ''));
const later = ['SERVICE_UNAVAILABLE', 'INTERNAL_SERVER_ERROR', 'Unavailable', 'BRAND_NEW', 'two words', ''];
const rated = Object.keys(nackRules).filter((code) => nackRules[code] === 'target');

test('[promise 3, 4] a storm of final refusals, of every code: one REJECT each with that code, nothing is tried twice', async (t) => {
  const { books, control, story } = await still(t);
  for (const code of never) control.setToken(code.toLowerCase(), { nack: code });
  const kind = (n: number) => (n % 2 === 0 ? (never[(n / 2) % never.length] ?? '') : 'ack');
  books.send(never.length * 40, (n) => ({ to: n % 2 === 0 ? kind(n).toLowerCase() : 'token' }));
  await books.check(t, kind);
  await checkService(t, story, books);
  t.is(control.stats().repeated, 0);
});

test('[promise 3, 4, 5] retryable refusals of every code, known or not: each message waits longer every time, none spins, all get through', async (t) => {
  const { books, control, story, pass, quiet, clock } = await still(t);
  for (const [n, nack] of later.entries()) control.setToken(`later-${n}`, { nack });
  books.send(later.length * 20, (n) => ({ to: `later-${n % later.length}` }));
  await until(() => books.taken === books.sent.length, 'all taken');
  await quiet();
  const begun = clock.monotonic();
  const tracks = () => control.messages(1);
  // Messages of a group come one at a time: those behind the head have not been seen yet.
  t.true(tracks().every(({ connections }) => connections.length === 1));
  for (const minutes of [1, 2]) {
    await pass(minutes * 60_000);
    const most = attemptsWithin(clock.monotonic() - begun);
    const often = tracks().map(({ connections }) => connections.length);
    t.true(Math.max(...often) <= most, `${Math.max(...often)} attempts, expected ${most}`);
    t.true(Math.min(...often) > minutes, 'nobody is forgotten');
  }
  t.is(books.fates.size, 0);
  for (const n of later.keys()) control.setToken(`later-${n}`, undefined);
  await pass(31_000);
  await until(() => books.fates.size === books.sent.length, 'all get through');
  await books.check(t);
  await checkService(t, story, books);
});

for (const code of rated) {
  test(`[promise 4, 5, 6] ${code} holds its own target: other devices are not slowed, the target gets no message while it is held`, async (t) => {
    const { books, control, story, pass, quiet } = await still(t);
    control.setToken('busy', { nack: code });
    books.send(1, () => ({ to: 'busy' }), false);
    await until(() => control.stats().nacks[code] === 1, 'the first nack');
    await quiet();
    books.send(300, (n) => ({ to: n % 2 === 0 ? 'busy' : `token-${n}` }), false);
    await until(() => books.fates.size === 150, 'the others');
    await quiet();
    t.is(control.stats().nacks[code], 1, 'nothing went to the busy device');
    await pass(499, 499);
    t.is(control.stats().nacks[code], 1);
    await pass(1, 1);
    await until(() => (control.stats().nacks[code] ?? 0) > 1, 'the hold is over');
    await quiet();
    t.true((control.stats().nacks[code] ?? 0) <= 152, 'everything that waited may go once');
    control.setToken('busy', undefined);
    await pass(61_000);
    await until(() => books.fates.size === 301, 'the busy device');
    await books.check(t);
    await checkService(t, story, books);
  });
}

test('[promise 3] CONNECTION_DRAINING as a nack is no attempt: even a message without time to live goes out again, at once', async (t) => {
  const { books, control, story } = await still(t, { pool: { min: 2, max: 2 }, emulator: { drain_min: '10m' } });
  books.send(40, (n) => (n % 10 === 1 ? { to: 'CONNECTION_DRAINING:1', time_to_live: 0 } : {}));
  await books.check(t);
  await checkService(t, story, books);
  t.is(control.stats().nacks.CONNECTION_DRAINING, 4);
  t.is(control.messages(2).length, 4);
});
