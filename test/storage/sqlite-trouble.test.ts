import { Worker } from 'node:worker_threads';
import test from 'ava';
import { StoreError, type Submission } from '../../src/core/index.ts';
import { Batcher, RECOVERY_MS } from '../../src/storage/sqlite/batcher.ts';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { accepted, claimIds, LIMITS, refused, submission, T0 } from './samples.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();

/** Time that passes when a test says so. */
function timer() {
  let now = 1000;
  return {
    monotonic: () => now,
    pass: (ms: number): void => {
      now += ms;
    },
  };
}

const big = (id: string): Submission =>
  submission(id, { answer: 'none', payload: { kind: 'fcm', json: `"${'x'.repeat(100_000)}"` } });
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
  const clock = timer();
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 200, clock });
  t.teardown(() => store.close());
  const { claims: early } = await store.claim('ccs', 10, T0);
  t.deepEqual(early, []);
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

  t.deepEqual(await claimIds(store), [], 'nothing is sent whose outcome may find no room');
  clock.pass(RECOVERY_MS - 1);
  t.is(await store.cancel('app', '0-0'), true, 'what needs no room is served');
  t.deepEqual(told, ['full'], 'one before the limit');
  clock.pass(1);
  await store.stats();
  t.deepEqual(told, ['full', undefined], 'at the limit: any call shows it');

  const { claims } = await store.claim('ccs', 10_000, T0);
  t.is(claims.length, taken - 1, 'what was reported as taken is there, and nothing else');
  await store.settle(claims.map((lent) => accepted(lent)));
  t.is((await store.accept(batch(300))).length, 20);
  t.is(store.pending('app'), 20);
  t.deepEqual(told, ['full', undefined]);
});

test('full: who needs no room is served while others are refused', async (t) => {
  const clock = timer();
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 120, clock });
  t.teardown(() => store.close());
  await store.accept([big('a')]);
  const { claims } = await store.claim('ccs', 1, T0);
  const [first, refusedOne, settled] = await Promise.allSettled([
    store.accept([submission('small')]),
    store.accept([big('b'), big('c'), big('d'), big('e'), big('f')]),
    store.settle(claims.map((lent) => refused(lent))),
  ]);
  t.deepEqual([first.status, refusedOne.status, settled.status], ['fulfilled', 'rejected', 'fulfilled']);
  clock.pass(RECOVERY_MS);
  await store.stats();
  t.deepEqual(await claimIds(store), ['small']);
});

test('full: trouble does not end while what was refused is refused again, whatever else is stored', async (t) => {
  const clock = timer();
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 120, clock });
  t.teardown(() => store.close());
  const told: (string | undefined)[] = [];
  store.onTrouble((error) => told.push(error?.code));
  const tooMuch = ['b', 'c', 'd', 'e', 'f'].map(big);
  await t.throwsAsync(store.accept(tooMuch), { instanceOf: StoreError });
  // As the dispatcher and the doors do it: twice a second, for a minute.
  for (let n = 0; n < 120; n++) {
    clock.pass(500);
    t.is((await store.accept([submission(`small ${n}`)]))[0]?.kind, 'taken');
    await t.throwsAsync(store.accept(tooMuch), { instanceOf: StoreError });
  }
  t.deepEqual(told, ['full']);
  // The operation becomes possible, and from then on all goes well.
  let wait = 0;
  for (let n = 0; told.length === 1; n++, wait += 500) {
    await store.accept([big(`g${n % 3}`)]);
    clock.pass(500);
  }
  t.deepEqual(told, ['full', undefined]);
  t.true(wait >= RECOVERY_MS && wait <= RECOVERY_MS + 1000, `${wait} ms`);
});

test('full: a claim made together with what is refused lends nothing behind it', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 120, clock: timer() });
  t.teardown(() => store.close());
  await store.accept([submission('a')]);
  const [refusedOne, claimed] = await Promise.allSettled([
    store.accept(['b', 'c', 'd', 'e', 'f'].map(big)),
    store.claim('ccs', 10, T0),
  ]);
  t.is(refusedOne.status, 'rejected');
  t.deepEqual(claimed.status === 'fulfilled' && claimed.value, { claims: [] });
});

test('an operation that fails by its own fault neither begins trouble nor ends it', async (t) => {
  const clock = timer();
  const store = await openSqliteStore({ path: fresh(), limits: LIMITS, maxPages: 120, clock });
  t.teardown(() => store.close());
  const told: (string | undefined)[] = [];
  store.onTrouble((error) => told.push(error?.code));
  await t.throwsAsync(store.accept([broken]), { instanceOf: StoreError });
  t.deepEqual(told, []);
  await t.throwsAsync(store.accept(['b', 'c', 'd', 'e', 'f'].map(big)), { instanceOf: StoreError });
  clock.pass(RECOVERY_MS);
  await t.throwsAsync(store.accept([broken]), { instanceOf: StoreError });
  t.deepEqual(told, ['full']);
});

for (const [how, code] of [
  ['throws', `require('node:worker_threads').parentPort.on('message', () => { throw new Error('no more') })`],
  ['ends', `require('node:worker_threads').parentPort.on('message', () => process.exit(0))`],
] as const) {
  test(`a thread that ${how} is told once, and every call is rejected`, async (t) => {
    const told: (StoreError | undefined)[] = [];
    const events = { counts: () => {}, work: () => {}, trouble: (error?: StoreError) => told.push(error) };
    const batcher = new Batcher(new Worker(code, { eval: true }), events, timer());
    const first = batcher.call('stats');
    await new Promise((resolve) => setImmediate(resolve));
    // One is on its way to the thread, one waits for it, one comes too late.
    const calls = await Promise.allSettled([first, batcher.call('openMailbox', 'app')]);
    const late = await t.throwsAsync(batcher.call('stats'), { instanceOf: StoreError });
    const codes = [...calls.map((call) => call.status === 'rejected' && call.reason.code), (late as StoreError).code];
    t.deepEqual(codes, ['dead', 'dead', 'dead']);
    t.deepEqual(
      told.map((error) => error?.code),
      ['dead'],
    );
    await batcher.close();
    await t.throwsAsync(batcher.call('stats'), { instanceOf: StoreError });
    t.is(told.length, 1);
  });
}
