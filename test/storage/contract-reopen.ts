import type { Promised } from './contract.ts';
import {
  accepted,
  claimIds,
  deliver,
  HOUR,
  incoming,
  refused,
  registration,
  retried,
  submission,
  T0,
} from './samples.ts';

/** What a durable store keeps when it is closed and opened again. */
export function reopenContract(promised: Promised): void {
  promised('everything unsettled can be claimed again', async (t, store, { reopen }) => {
    await store.accept(['a', 'b', 'c'].map((id) => submission(id)));
    const { claims } = await store.claim('ccs', 2, T0);
    const [a, b] = claims;
    if (!a || !b || !reopen) return t.fail('two were claimed');
    await store.settle([retried(b, T0 + 1000)]);
    const second = await reopen();
    t.teardown(() => second.close());
    t.is(second.pending('app'), 3);
    const again = await second.claim('ccs', 10, T0);
    t.deepEqual(
      again.claims.map(({ message }) => message.messageId),
      ['a', 'c'],
    );
    t.is(again.nextDueAt, T0 + 1000);
    t.is(again.claims[0]?.message.wireId, a.message.wireId);
    t.deepEqual(await second.settle([refused(a)]), [{ kind: 'stale' }], 'claims of an earlier life are old');
    t.is((await second.settle([accepted(a)]))[0]?.kind, 'settled');
    t.deepEqual(await claimIds(second, T0 + 1000), ['b']);
  });

  promised(
    '[promise 6] sessions take turns after an opening, too, with what waits and with what sleeps',
    async (t, store, { reopen }) => {
      const many = (session: string, count: number) =>
        Array.from({ length: count }, (_, n) => submission(`${session}${n}`, { session }));
      await store.accept([...many('a', 500), ...many('b', 1), ...many('c', 1)]);
      const { claims } = await store.claim('ccs', 30, T0);
      const sleeper = claims.find(({ message }) => message.session === 'b');
      if (!sleeper || !reopen) return t.fail('b had its turn');
      await store.settle([retried(sleeper, T0 + 1000)]);
      const second = await reopen();
      t.teardown(() => second.close());
      const early = await second.claim('ccs', 4, T0);
      t.true(early.claims.some(({ message }) => message.messageId === 'c0'));
      t.true((await claimIds(second, T0 + 1000, 4)).includes('b0'));
    },
  );

  promised('numbers are never used twice', async (t, store, { reopen }) => {
    const { lent } = await deliver(store, 'a');
    const mailbox = await store.openMailbox('app');
    await store.ackInbox('app', [1], T0);
    if (!reopen) return t.fail();
    const second = await reopen();
    t.teardown(() => second.close());
    t.true((await second.openMailbox('app')) > mailbox);
    const later = await deliver(second, 'b');
    t.like(later.settled, { sequence: 2 });
    t.true(later.lent.message.id > lent.message.id);
    t.not(later.lent.message.wireId, lent.message.wireId);
    t.deepEqual(await second.ackInbox('app', [1], T0), ['already']);
    t.like((await second.accept([submission('a')]))[0], { kind: 'repeated', sequence: 3 });
  });

  promised('mailboxes of an earlier life are mailbox 0', async (t, store, { reopen }) => {
    const mailbox = await store.openMailbox('app');
    await deliver(store, 'a', { mailbox });
    await deliver(store, 'b');
    await deliver(store, 'c', { mailbox });
    await store.accept([submission('late', { mailbox })]);
    await store.claimInbox('app', [mailbox, 0], 2);
    if (!reopen) return t.fail();
    const second = await reopen();
    t.teardown(() => second.close());
    t.is(second.waiting('app'), 3);
    const frames = await second.claimInbox('app', [0], 10);
    t.deepEqual(
      frames.map(({ sequence }) => sequence),
      [1, 2, 3],
    );
    const { claims } = await second.claim('ccs', 10, T0);
    t.like((await second.settle(claims.map((lent) => accepted(lent))))[0], { mailbox: 0 });
  });

  promised('holds, receipts, duplicates and counters survive', async (t, store, { reopen }) => {
    await store.accept([submission('a', { receipt: true }), submission('b', { target: 'other' })]);
    const { claims } = await store.claim('ccs', 1, T0);
    await store.release(claims.map(({ claim, message }) => ({ id: message.id, claim })));
    await store.hold('ccs', 'token', T0 + 1000);
    await store.receive([incoming('u'), incoming('v', { to: { dead: 'test' } })]);
    const before = await store.stats();
    if (!reopen) return t.fail();
    const second = await reopen();
    t.teardown(() => second.close());
    t.deepEqual({ ...(await second.stats()), commits: 0, operations: 0 }, { ...before, commits: 0, operations: 0 });
    t.deepEqual(await claimIds(second), ['b']);
    t.like(await second.receiptFor('ccs', claims[0]?.message.wireId ?? ''), { messageId: 'a' });
    t.deepEqual(await second.receive([incoming('u')]), [{ kind: 'duplicate' }]);
    await second.wake('ccs', 'token', T0);
    t.deepEqual(await claimIds(second), ['a']);
  });

  promised('registrations survive whole, and so do tokens that were revoked', async (t, store, { reopen }) => {
    const whole = registration('whole', { vapid: 'key', expiresAt: T0 + HOUR });
    await store.register([whole, registration('revoked'), registration('bare')]);
    await store.revoke([{ token: 'token of revoked' }], T0);
    const before = await store.stats();
    if (!reopen) return t.fail();
    const second = await reopen();
    t.teardown(() => second.close());
    t.deepEqual(await second.registration('token of whole', T0), whole);
    t.is(await second.registration('token of revoked', T0), 'revoked');
    t.deepEqual(await second.registrationsOf(whole.owner, undefined, 10, T0), [registration('bare'), whole]);
    t.deepEqual(await second.register([{ ...whole, token: 'another' }]), [{ kind: 'known', registration: whole }]);
    t.is((await second.stats()).registrations, before.registrations);
    await second.sweep(T0 + HOUR + 1);
    t.is(await second.registration('token of revoked', T0 + HOUR + 1), undefined, 'its window goes on');
  });

  promised(
    'bounds of registrations and of what waits for a target survive',
    async (t, store, { reopen }) => {
      const payload = { kind: 'opaque', body: Buffer.from([1]), headers: '{}' } as const;
      await store.register([registration('a')]);
      await store.accept([submission('m', { payload, answer: 'kept' })]);
      if (!reopen) return t.fail();
      const second = await reopen();
      t.teardown(() => second.close());
      t.deepEqual(await second.register([registration('b')]), [{ kind: 'full' }]);
      t.deepEqual(await second.accept([submission('n', { payload })]), [{ kind: 'full' }]);
      t.is(await second.outcomeOf('app', 'm'), 'pending');
    },
    { registrationsPerOwner: 1, sessions: { app: { maxPerTarget: 1 } } },
  );
}
