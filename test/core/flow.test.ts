import test from 'ava';
import type { Outcome } from '../../src/core/index.ts';
import { coreBench } from './bench.ts';
import { type Attempt, accept, FakeProvider } from './fake-provider.ts';

/** A provider whose window is full, with a share of it claimed ahead: 8 in flight, 2 that wait in memory, 10 on disk. */
async function fullBench() {
  const provider = new FakeProvider('fake', 8);
  const bench = await coreBench({ providers: [provider] });
  const { core, submission, settle } = bench;
  await core.router.submit(
    'app',
    Array.from({ length: 20 }, (_, n) => submission({ messageId: `m${n}`, target: `t${n}` })),
  );
  await settle();
  return { ...bench, provider };
}

const answer = (attempt: Attempt | undefined) => attempt?.answer(accept(attempt.message));
const cancelled = async (store: { cancel(session: string, id: string): Promise<boolean> }, ...numbers: number[]) => {
  const results = await Promise.all(numbers.map((n) => store.cancel('app', `m${n}`)));
  return numbers.filter((_, index) => results[index]);
};

test('a place in the window that becomes free is filled without waiting for the store', async (t) => {
  const { provider, gated, settle } = await fullBench();
  t.is(provider.attempts.length, 8);
  const release = gated.hold('claim');
  answer(provider.attempts[0]);
  await settle();
  t.is(provider.attempts.length, 9, 'one of those claimed ahead');
  t.is(provider.most, 8);
  release();
});

test('[promise 5] no more than a quarter of what is in flight is claimed ahead', async (t) => {
  const { store } = await fullBench();
  t.deepEqual(await cancelled(store, 8, 9, 10, 11), [10, 11], 'what is claimed can not be cancelled');
});

test('what was claimed ahead and does not move goes back after a second', async (t) => {
  const { store, clock, provider } = await fullBench();
  await clock.advance(2_500);
  t.is(provider.attempts.length, 8);
  t.deepEqual(await cancelled(store, 8, 9), [8, 9]);
});

test('what was claimed ahead goes back when the provider has lost all its connections', async (t) => {
  const { store, provider, settle } = await fullBench();
  provider.window = 0;
  for (const attempt of provider.attempts) attempt.answer({ kind: 'unanswered', because: 'gone' });
  await settle();
  t.deepEqual(await cancelled(store, 8, 9), [8, 9]);
});

test('what was claimed ahead for a target that has to wait is not sent', async (t) => {
  const provider = new FakeProvider('fake', 4);
  const { core, submission, settle } = await coreBench({ providers: [provider] });
  const targets = ['a', 'b', 'c', 'd', 'a', 'e'];
  await core.router.submit(
    'app',
    targets.map((target) => submission({ target })),
  );
  await settle();
  const busy: Outcome = {
    kind: 'later',
    scope: 'target',
    code: 'DEVICE_MESSAGE_RATE_EXCEEDED',
    because: 'too fast',
    reply: '{}',
    delayMs: 60_000,
  };
  provider.attempts[0]?.answer(busy);
  await settle();
  t.deepEqual(
    provider.attempts.map(({ message }) => message.target),
    ['a', 'b', 'c', 'd', 'e'],
  );
});

test('a message that expired while it was claimed ahead is not sent', async (t) => {
  const provider = new FakeProvider('fake', 4);
  const { core, submission, settle, clock } = await coreBench({ providers: [provider] });
  const batch = Array.from({ length: 5 }, (_, n) => submission({ messageId: `m${n}` }));
  await core.router.submit(
    'app',
    batch.map((message, n) => (n === 4 ? { ...message, expiresAt: clock.now() + 100, ttl: 0 } : message)),
  );
  await settle();
  await clock.advance(200);
  answer(provider.attempts[0]);
  await settle();
  t.is(provider.attempts.length, 4);
});

test('stopping gives back what was claimed ahead and leaves no timer behind', async (t) => {
  const { core, store, clock, provider } = await fullBench();
  const stopping = core.dispatcher.stop();
  await clock.advance(0);
  t.deepEqual(await cancelled(store, 8, 9), [8, 9]);
  for (const attempt of provider.attempts) answer(attempt);
  await stopping;
  t.is(provider.attempts.length, 8);
  const idle = await coreBench();
  await idle.core.dispatcher.stop();
  t.is(clock.waiting, idle.clock.waiting);
});
