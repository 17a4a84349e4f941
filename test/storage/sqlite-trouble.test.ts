import test from 'ava';
import { StoreError, type Submission } from '../../src/core/index.ts';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { accepted, claimIds, LIMITS, refused, submission, T0 } from './samples.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();
/** What no database takes. */
const broken = submission('broken', { target: undefined as unknown as string });

test('an operation that fails does not fail its neighbours', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS });
  t.teardown(() => store.close());
  let troubles = 0;
  store.onTrouble(() => troubles++);
  await store.accept([submission('before'), submission('settled')]);
  const { claims } = await store.claim('ccs', 2, T0);
  const [before, settled] = claims;
  if (!before || !settled) return t.fail('two were claimed');
  // Made together: one batch.
  const results = await Promise.allSettled([
    store.accept([submission('a')]),
    store.settle([accepted(settled)]),
    store.release([{ id: before.message.id, claim: before.claim }]),
    store.accept([submission('b'), broken]),
    store.claim('ccs', 1, T0),
    store.claim('ccs', 10, T0),
    store.openMailbox('new session'),
    store.claimInbox('app', [0], 10),
  ]);
  t.deepEqual(
    results.map(({ status }) => status === 'fulfilled'),
    [true, true, true, false, true, true, true, true],
  );
  const [, , , failed, one, two] = results;
  if (failed.status !== 'rejected' || one.status !== 'fulfilled' || two.status !== 'fulfilled') return t.fail();
  t.true(failed.reason instanceof StoreError);
  const lent = [...one.value.claims, ...two.value.claims];
  t.deepEqual(
    lent.map(({ message }) => message.messageId),
    ['before', 'a'],
    'each once, and nothing of the one that failed',
  );
  t.deepEqual(await claimIds(store), []);
  t.is(store.pending('app'), 2);
  t.is(store.waiting('app'), 1);
  t.deepEqual(
    (await store.settle(lent.map((claim) => accepted(claim)))).map(({ kind }) => kind),
    ['settled', 'settled'],
  );
  t.is((await store.accept([submission('b')]))[0]?.kind, 'taken', 'half an operation leaves nothing');
  t.is(troubles, 0, 'that is not the trouble of the store');
});

test('the last session that fits and the one after it', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS });
  t.teardown(() => store.close());
  const sessions = Array.from({ length: 4096 }, (_, n) => submission('a', { session: `s${n}` }));
  t.true((await store.accept(sessions)).every(({ kind }) => kind === 'taken'));
  await t.throwsAsync(store.accept([submission('a', { session: 'one more' })]), { instanceOf: StoreError });
  await store.claim('ccs', 2000, T0);
  await store.claim('ccs', 2000, T0);
  const { claims } = await store.claim('ccs', 2000, T0);
  t.is(claims.length, 96);
  await store.settle(claims.slice(-1).map((lent) => accepted(lent)));
  t.deepEqual(await store.ackInbox('s4095', [1, 2], T0), ['settled', 'unknown']);
});

test('a full disk refuses, tells, and recovers when there is room again', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 200 });
  t.teardown(() => store.close());
  const told: (string | undefined)[] = [];
  store.onTrouble((error) => told.push(error?.code));
  const batch = (n: number): Submission[] =>
    Array.from({ length: 20 }, (_, i) =>
      submission(`${n}-${i}`, { answer: 'none', payload: { kind: 'fcm', json: `"${'x'.repeat(2000)}"` } }),
    );
  let taken = 0;
  const error = await t.throwsAsync(
    async () => {
      for (let n = 0; n < 100; n++) taken += (await store.accept(batch(n))).length;
    },
    { instanceOf: StoreError },
  );
  t.is((error as StoreError).code, 'full');
  t.deepEqual(told, ['full']);
  await t.throwsAsync(store.accept(batch(200)), { instanceOf: StoreError });
  t.deepEqual(told, ['full'], 'told once');
  t.is(store.pending('app'), taken);

  const { claims } = await store.claim('ccs', 10_000, T0);
  t.is(claims.length, taken, 'what was reported as taken is there, and nothing else');
  await store.settle(claims.map((lent) => accepted(lent)));
  t.deepEqual(told, ['full', undefined]);
  t.is((await store.accept(batch(300))).length, 20);
  t.is(store.pending('app'), 20);
});

test('full: who needs no room is served while others are refused', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 120 });
  t.teardown(() => store.close());
  const big = (id: string): Submission =>
    submission(id, { answer: 'none', payload: { kind: 'fcm', json: `"${'x'.repeat(100_000)}"` } });
  await store.accept([big('a')]);
  const { claims } = await store.claim('ccs', 1, T0);
  const [first, refusedOne, settled] = await Promise.allSettled([
    store.accept([submission('small')]),
    store.accept([big('b'), big('c'), big('d'), big('e'), big('f')]),
    store.settle(claims.map((lent) => refused(lent))),
  ]);
  t.deepEqual([first.status, refusedOne.status, settled.status], ['fulfilled', 'rejected', 'fulfilled']);
  t.deepEqual(await claimIds(store), ['small']);
});
