import { StoreError } from '../../src/core/index.ts';
import type { Promised } from './contract.ts';
import { deliver, HOUR, incoming, LIMITS, submission, T0 } from './samples.ts';

/** Windows, bounds, counters and the end. */
export function bookkeepingContract(promised: Promised): void {
  promised('an outcome is remembered for the window and no longer', async (t, store) => {
    await deliver(store, 'a');
    await store.ackInbox('app', [1], T0);
    t.false(await store.sweep(T0 + HOUR));
    t.like((await store.accept([submission('a')]))[0], { kind: 'repeated' });
    await store.sweep(T0 + HOUR + 1);
    t.like((await store.accept([submission('a')]))[0], { kind: 'taken' });
  });

  promised('a frame outlives the memory of its outcome', async (t, store) => {
    await deliver(store, 'a');
    await store.sweep(T0 + HOUR + 1);
    t.is((await store.stats()).outcomes, 0);
    t.is(store.waiting('app'), 1);
    const frames = await store.claimInbox('app', [0], 10);
    t.deepEqual(frames, [{ sequence: 1, type: 'ack', messageId: 'a', data: '{"message_id":"a"}' }]);
    t.deepEqual(await store.ackInbox('app', [1], T0), ['settled']);
  });

  promised('a pending message is never forgotten', async (t, store) => {
    await store.accept([submission('a')]);
    await store.sweep(T0 + 10 * HOUR);
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'pending' }]);
  });

  promised(
    'outcomes are bounded, the oldest go first, and the window shows it',
    async (t, store) => {
      await deliver(store, 'a', {}, T0);
      await deliver(store, 'b', {}, T0 + 10);
      await store.sweep(T0);
      t.is((await store.stats()).outcomes, 2, 'at the limit');
      await deliver(store, 'c', {}, T0 + 30);
      await store.sweep(T0);
      const { outcomes, dedupeWindowMs } = await store.stats();
      t.is(outcomes, 2, 'one past it');
      t.is(dedupeWindowMs, 20);
      const again = await store.accept([submission('a'), submission('b')]);
      t.deepEqual(
        again.map(({ kind }) => kind),
        ['taken', 'repeated'],
      );
    },
    { dedupeMax: 2 },
  );

  promised('duplicates from devices are known for their window', async (t, store) => {
    await store.receive([incoming('u')]);
    await store.sweep(T0 + 24 * HOUR);
    t.like((await store.receive([incoming('u')]))[0], { kind: 'duplicate' });
    await store.sweep(T0 + 24 * HOUR + 1);
    t.like((await store.receive([incoming('u')]))[0], { kind: 'stored' });
  });

  promised(
    'duplicates from devices are bounded too',
    async (t, store) => {
      await store.receive(['1', '2', '3'].map((id) => incoming(id)));
      await store.sweep(T0);
      t.deepEqual(
        (await store.receive([incoming('2'), incoming('3'), incoming('1')])).map(({ kind }) => kind),
        ['duplicate', 'duplicate', 'stored'],
      );
    },
    { dedupeMax: 2 },
  );

  promised(
    'the receipt index is bounded, the oldest go first',
    async (t, store) => {
      await store.accept(['1', '2', '3'].map((id) => submission(id, { receipt: true })));
      t.is((await store.stats()).receipts, 3);
      await store.sweep(T0);
      t.is((await store.stats()).receipts, 2);
      const { claims } = await store.claim('ccs', 10, T0);
      const found = await Promise.all(claims.map(({ message }) => store.receiptFor('ccs', message.wireId)));
      t.deepEqual(
        found.map((entry) => entry?.messageId),
        [undefined, '2', '3'],
      );
    },
    { receiptsMax: 2 },
  );

  promised('a receipt is awaited for an hour after the TTL, at most 4 weeks in all', async (t, store) => {
    const weeks4 = T0 + 28 * 24 * HOUR;
    await store.accept([
      submission('now or never', { receipt: true, ttl: 0, expiresAt: T0 + 1000 }),
      submission('almost 4 weeks', { receipt: true, expiresAt: weeks4 - 1000 }),
    ]);
    const { claims } = await store.claim('ccs', 10, T0);
    const awaited = async (): Promise<(string | undefined)[]> => {
      const found = await Promise.all(claims.map(({ message }) => store.receiptFor('ccs', message.wireId)));
      return found.map((entry) => entry?.messageId);
    };
    await store.sweep(T0 + 1000 + HOUR);
    t.deepEqual(await awaited(), ['now or never', 'almost 4 weeks'], 'at the limit');
    await store.sweep(T0 + 1000 + HOUR + 1);
    t.deepEqual(await awaited(), [undefined, 'almost 4 weeks'], 'one past it');
    await store.sweep(weeks4);
    t.deepEqual(await awaited(), [undefined, 'almost 4 weeks'], 'at the limit of all');
    await store.sweep(weeks4 + 1);
    t.deepEqual(await awaited(), [undefined, undefined], 'one past that');
  });

  promised(
    'dead letters are bounded',
    async (t, store) => {
      await store.receive(['1', '2', '3'].map((id) => incoming(id, { to: { dead: 'test' } })));
      await store.sweep(T0);
      t.is((await store.stats()).deadLetters, 2);
    },
    { deadLettersMax: 2 },
  );

  promised('frames wait so long and no longer', async (t, store) => {
    await store.receive([incoming('u')]);
    await deliver(store, 'a');
    await store.sweep(T0 + LIMITS.inboxTtlMs);
    t.is(store.waiting('app'), 2, 'at the limit');
    await store.sweep(T0 + LIMITS.inboxTtlMs + 1);
    t.is(store.waiting('app'), 0, 'one past it');
    t.is((await store.stats()).deadLetters, 1, 'the upstream message; the answer is only dropped');
    t.deepEqual(await store.claimInbox('app', [0], 10), []);
    t.deepEqual(await store.ackInbox('app', [1], T0), ['already']);
  });

  promised(
    'sweeps in pieces until all is done',
    async (t, store) => {
      const ids = Array.from({ length: 2500 }, (_, n) => `u${n}`);
      await store.receive(ids.map((id) => incoming(id)));
      let pieces = 1;
      while (await store.sweep(T0 + 24 * HOUR + 1)) pieces++;
      t.true(pieces > 1 && pieces < 100, `${pieces} pieces`);
      const again = await store.receive(ids.map((id) => incoming(id)));
      t.true(again.every(({ kind }) => kind === 'stored'));
    },
    { dedupeMax: 10_000, maxInbox: 10_000 },
  );

  promised('counts what there is', async (t, store) => {
    await store.accept([
      submission('a', { acceptedAt: T0 + 5 }),
      submission('b', { acceptedAt: T0 + 6, receipt: true }),
    ]);
    await store.receive([incoming('u', { at: T0 + 7 }), incoming('v', { to: { dead: 'test' } })]);
    await deliver(store, 'c', { provider: 'fcm', session: 'b' }, T0 + 8);
    const stats = await store.stats();
    t.deepEqual(
      stats.outbox.filter(({ depth }) => depth > 0),
      [{ provider: 'ccs', depth: 2, oldestAt: T0 + 5 }],
    );
    t.deepEqual(stats.inbox, [
      { session: 'app', depth: 1, oldestAt: T0 + 7 },
      { session: 'b', depth: 1, oldestAt: T0 + 8 },
    ]);
    t.like(stats, { deadLetters: 1, receipts: 1, outcomes: 1, dedupeWindowMs: HOUR });
    t.true(stats.operations >= 5);
    t.true(stats.commits >= 1 && stats.commits <= stats.operations);
  });

  promised('the age of a backlog counts what waits for a retry', async (t, store) => {
    await store.accept([submission('a', { acceptedAt: T0 - 100 }), submission('b')]);
    await store.hold('ccs', 'token', T0 + HOUR);
    await store.claim('ccs', 1, T0);
    t.is((await store.stats()).outbox[0]?.oldestAt, T0 - 100);
  });

  promised('after the end every call rejects, and ending twice is fine', async (t, store) => {
    const last = store.accept([submission('a')]);
    await Promise.all([store.close(), store.close()]);
    t.is((await last)[0]?.kind, 'taken', 'what was asked for before is done');
    const error = await t.throwsAsync(store.accept([submission('b')]), { instanceOf: StoreError });
    t.is((error as StoreError).code, 'closed');
    await t.throwsAsync(store.claimInbox('app', [0], 1), { instanceOf: StoreError });
    await store.close();
  });
}
