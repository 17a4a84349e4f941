import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { accepted, claimIds, HOUR, incoming, LIMITS, refused, retried, submission, T0, workOf } from './samples.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();
const limits = { ...LIMITS, dedupeMax: 100_000, maxInbox: 100_000 };
const many = (count: number, fields = {}) => Array.from({ length: count }, (_, n) => submission(`m${n}`, fields));

test('a claim walks over a bounded piece and announces the rest', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits });
  t.teardown(() => store.close());
  await store.accept([...many(5000, { expiresAt: T0 }), submission('behind them')]);
  const work = workOf(store);
  let rounds = 0;
  for (;;) {
    work.forget();
    const ids = await claimIds(store, T0 + 1);
    rounds++;
    if (ids.length) {
      t.deepEqual(ids, ['behind them']);
      break;
    }
    await work.next({ kind: 'outbox', provider: 'ccs' });
  }
  t.true(rounds > 1);
});

test('more releases than the ready list holds come back in order', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits });
  t.teardown(() => store.close());
  await store.accept(many(12_000));
  const { claims } = await store.claim('ccs', 2000, T0);
  const all = [...claims];
  while (all.length < 12_000) all.push(...(await store.claim('ccs', 2000, T0)).claims);
  await store.release(all.map(({ claim, message }) => ({ id: message.id, claim })));
  const again: string[] = [];
  for (let ids = await claimIds(store, T0, 1500); ids.length; ids = await claimIds(store, T0, 1500)) again.push(...ids);
  t.deepEqual(
    again,
    all.map(({ message }) => message.messageId),
  );
});

test('more retries and held messages than one claim wakes are all woken', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits });
  t.teardown(() => store.close());
  await store.accept(many(3000));
  const { claims } = await store.claim('ccs', 1000, T0);
  await store.settle(claims.map((lent) => retried(lent, T0 + 10)));
  await store.hold('ccs', 'token', T0 + HOUR);
  while ((await store.claim('ccs', 500, T0 + 10)).nextDueAt !== T0 + HOUR) t.pass();
  for (let n = 0; n < 20; n++) t.deepEqual(await claimIds(store, T0 + 11, 500), []);
  await store.wake('ccs', 'token', T0 + 11);
  const woken: string[] = [];
  for (let ids = await claimIds(store, T0 + 12, 170); ids.length; ids = await claimIds(store, T0 + 12, 170)) {
    woken.push(...ids);
  }
  t.is(new Set(woken).size, 3000);
  t.is(woken.length, 3000);
});

test('a wake that was not finished goes on after a reopening', async (t) => {
  const path = fresh();
  const store = await openSqliteStore({ path, limits });
  await store.accept(many(50));
  await store.hold('ccs', 'token', T0 + HOUR);
  t.deepEqual(await claimIds(store), []);
  await store.wake('ccs', 'token', T0);
  t.is((await claimIds(store, T0, 10)).length, 10);
  await store.close();
  const second = await openSqliteStore({ path, limits });
  t.teardown(() => second.close());
  t.is((await claimIds(second, T0, 100)).length, 50);
});

test('a released mailbox with many frames keeps their order while they are moved', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits });
  t.teardown(() => store.close());
  const mailbox = await store.openMailbox('app');
  const to = { session: 'app', mailbox };
  await store.receive(Array.from({ length: 2500 }, (_, n) => incoming(`u${n}`, { to })));
  await store.receive([incoming('later')]);
  await store.releaseMailbox('app', mailbox);
  const seen = (await store.claimInbox('app', [0], 700)).map(({ sequence }) => sequence);
  while (await store.sweep(T0)) seen.push(...(await store.claimInbox('app', [0], 300)).map((f) => f.sequence));
  seen.push(...(await store.claimInbox('app', [0], 5000)).map(({ sequence }) => sequence));
  t.deepEqual(
    seen,
    Array.from({ length: 2501 }, (_, n) => n + 1),
  );
});

test('frames of a mailbox of an earlier life keep their order, however many', async (t) => {
  const path = fresh();
  const store = await openSqliteStore({ path, limits });
  const mailbox = await store.openMailbox('app');
  const to = { session: 'app', mailbox };
  await store.receive(Array.from({ length: 22_000 }, (_, n) => incoming(`u${n}`, { to })));
  await store.receive([incoming('later')]);
  await store.close();
  const second = await openSqliteStore({ path, limits });
  t.teardown(() => second.close());
  const frames = await second.claimInbox('app', [0], 30_000);
  t.deepEqual(
    frames.map(({ sequence }) => sequence),
    Array.from({ length: 22_001 }, (_, n) => n + 1),
  );
});

test('expired messages in flight do not hide those that wait', async (t) => {
  const store = await openSqliteStore({ path: fresh(), limits });
  t.teardown(() => store.close());
  await store.accept(many(300, { expiresAt: T0 }));
  const { claims } = await store.claim('ccs', 250, T0);
  t.is(claims.length, 250);
  const expired = await store.claimExpired(20, T0 + 1);
  t.is(expired.length, 20);
  t.true((await store.settle(expired.map((lent) => refused(lent)))).every(({ kind }) => kind === 'settled'));
  t.is((await store.claimExpired(100, T0 + 1)).length, 30);
  await store.settle(claims.map((lent) => accepted(lent)));
  t.is(store.pending('app'), 30);
});

test('what waited too long in the inbox became a dead letter when it was swept', async (t) => {
  const path = fresh();
  const store = await openSqliteStore({ path, limits });
  await store.receive([incoming('u')]);
  const sweptAt = T0 + limits.inboxTtlMs + 5000;
  await store.sweep(sweptAt);
  await store.close();
  const db = new DatabaseSync(path, { readOnly: true });
  t.deepEqual({ ...db.prepare('SELECT at, session FROM dead').get() }, { at: sweptAt, session: 'app' });
  db.close();
});
