import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import type { FreshToken } from '../../../src/providers/fcm/auth.ts';
import { AccessTokens } from '../../../src/providers/fcm/tokens.ts';

const HOUR_MS = 3_600_000;

/** A source whose answers are the test's. */
function setUp() {
  const clock = new ManualClock();
  const asked: PromiseWithResolvers<FreshToken>[] = [];
  const counts: Record<string, number> = {};
  let changes = 0;
  let signal: AbortSignal | undefined;
  const tokens = new AccessTokens({
    clock,
    random: () => 1,
    source: (nobody) => {
      signal = nobody;
      const wait = Promise.withResolvers<FreshToken>();
      asked.push(wait);
      return wait.promise;
    },
    onChange: () => void changes++,
    count: (event) => {
      counts[event] = (counts[event] ?? 0) + 1;
    },
  });
  const give = async (name: string, lifeMs = HOUR_MS) => {
    asked.at(-1)?.resolve({ headers: { authorization: name }, lifeMs });
    await clock.advance(0);
  };
  const fail = async (because: string) => {
    asked.at(-1)?.reject(new Error(because));
    await clock.advance(0);
  };
  const name = () => tokens.current?.headers.authorization;
  return { clock, tokens, asked, counts, give, fail, name, changes: () => changes, isGivenUp: () => signal?.aborted };
}

test('the first one is asked for at the start', async (t) => {
  const { tokens, asked, counts, give, name, changes } = setUp();
  t.is(asked.length, 0);
  tokens.start();
  t.is(asked.length, 1);
  t.is(name(), undefined);
  t.is(tokens.expiresInMs, 0);
  await give('a');
  t.is(name(), 'a');
  t.is(tokens.expiresInMs, HOUR_MS);
  t.deepEqual(counts, { token: 1 });
  t.is(changes(), 1);
});

test('replaced five minutes before its end, in the background', async (t) => {
  const { clock, tokens, asked, give, name } = setUp();
  tokens.start();
  await give('a');
  await clock.advance(HOUR_MS - 300_001);
  t.is(asked.length, 1);
  await clock.advance(1);
  t.is(asked.length, 2);
  t.is(name(), 'a');
  await give('b');
  t.is(name(), 'b');
  t.is(tokens.expiresInMs, HOUR_MS);
});

test('a token with a short life is replaced after half of it', async (t) => {
  const { clock, tokens, asked, give } = setUp();
  tokens.start();
  await give('a', 60_000);
  await clock.advance(29_999);
  t.is(asked.length, 1);
  await clock.advance(1);
  t.is(asked.length, 2);
});

test('while replacing fails it is used to its end, and the failure is told', async (t) => {
  const { clock, tokens, asked, counts, give, fail, name, changes } = setUp();
  tokens.start();
  await give('a', 600_000);
  await clock.advance(300_000);
  for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]) {
    const before = asked.length;
    await fail('no route');
    t.is(tokens.trouble, 'no route');
    t.is(name(), 'a');
    await clock.advance(pause - 1);
    t.is(asked.length, before);
    await clock.advance(1);
    t.is(asked.length, before + 1);
  }
  t.is(counts.token_failed, 8);
  const before = changes();
  await clock.advance(300_000);
  t.is(name(), undefined);
  t.is(tokens.expiresInMs, 0);
  t.is(changes(), before + 1);
  await give('b');
  t.is(name(), 'b');
  t.is(tokens.trouble, undefined);
});

test('many who are refused with the same token share one request', async (t) => {
  const { tokens, asked, give, name } = setUp();
  tokens.start();
  await give('a');
  const stale = tokens.current;
  if (!stale) return t.fail();
  const all = Array.from({ length: 50 }, () => tokens.renew(stale));
  t.is(name(), undefined);
  t.is(asked.length, 2);
  await give('b');
  for (const fresh of await Promise.all(all)) t.is(fresh?.headers.authorization, 'b');
  // Whoever comes later with the old one gets what is there.
  t.is((await tokens.renew(stale))?.headers.authorization, 'b');
  t.is(asked.length, 2);
  return undefined;
});

test('a refusal while it is being replaced anyway waits for that', async (t) => {
  const { clock, tokens, asked, give } = setUp();
  tokens.start();
  await give('a', 60_000);
  const stale = tokens.current;
  await clock.advance(30_000);
  t.is(asked.length, 2);
  if (!stale) return t.fail();
  const renewed = tokens.renew(stale);
  await give('b');
  t.is((await renewed)?.headers.authorization, 'b');
  t.is(asked.length, 2);
  return undefined;
});

test('a refused token is not used again, and the pauses between failures count', async (t) => {
  const { clock, tokens, asked, give, fail, name } = setUp();
  tokens.start();
  await give('a', 600_000);
  const stale = tokens.current;
  if (!stale) return t.fail();
  await clock.advance(300_000);
  await fail('invalid_grant');
  t.is(asked.length, 2);
  t.is(await tokens.renew(stale), undefined);
  t.is(name(), undefined);
  t.is(asked.length, 2);
  await clock.advance(1_000);
  t.is(asked.length, 3);
  await give('b');
  t.is(name(), 'b');
  return undefined;
});

test('stopped: no timer is left, and a late answer changes nothing', async (t) => {
  const { clock, tokens, asked, give, changes, isGivenUp } = setUp();
  tokens.start();
  await give('a');
  await clock.advance(HOUR_MS - 300_000);
  t.is(asked.length, 2);
  t.false(isGivenUp());
  tokens.stop();
  t.true(isGivenUp());
  const before = changes();
  await give('b');
  t.is(clock.waiting, 0);
  t.is(changes(), before);
});
