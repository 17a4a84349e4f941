import type { Promised } from './contract.ts';
import { accepted, claimIds, deliver, HOUR, refused, retried, submission, T0, workOf } from './samples.ts';

const outboxWork = { kind: 'outbox', provider: 'ccs' } as const;

/** Who gets which message when. */
export function claimContract(promised: Promised): void {
  promised('lends messages oldest first, each once, and only as many as asked for', async (t, store) => {
    await store.accept(['a', 'b', 'c'].map((id) => submission(id)));
    t.deepEqual(await claimIds(store, T0, 0), []);
    t.deepEqual(await claimIds(store, T0, 2), ['a', 'b']);
    t.deepEqual(await claimIds(store, T0, 2), ['c']);
    t.deepEqual(await claimIds(store), []);
    t.is(store.pending('app'), 3);
  });

  promised('keeps providers apart', async (t, store) => {
    await store.accept([submission('a'), submission('b', { provider: 'fcm' })]);
    t.deepEqual(await claimIds(store, T0, 10, 'fcm'), ['b']);
    t.deepEqual(await claimIds(store, T0, 10, 'unheard of'), []);
    t.deepEqual(await claimIds(store), ['a']);
  });

  promised('released messages come back before newer work, under another claim', async (t, store) => {
    await store.accept(['a', 'b', 'c', 'd'].map((id) => submission(id)));
    const { claims } = await store.claim('ccs', 3, T0);
    const work = workOf(store);
    const [a, b, c] = claims;
    if (!a || !b || !c) return t.fail('three were claimed');
    await store.release([
      { id: c.message.id, claim: c.claim },
      { id: a.message.id, claim: a.claim },
      { id: b.message.id, claim: b.claim + 1000 },
      { id: 999, claim: 1 },
    ]);
    await work.next(outboxWork);
    const again = await store.claim('ccs', 10, T0);
    t.deepEqual(
      again.claims.map(({ message }) => message.messageId),
      ['a', 'c', 'd'],
    );
    t.is(again.claims[0]?.message.wireId, a.message.wireId);
    t.not(again.claims[0]?.claim, a.claim);
    t.deepEqual(await store.settle([refused(a)]), [{ kind: 'stale' }], 'an old claim is ignored');
  });

  promised('a retry waits for its time and says when that is', async (t, store) => {
    await store.accept([submission('a'), submission('b'), submission('c')]);
    const { claims, nextDueAt } = await store.claim('ccs', 2, T0);
    t.is(nextDueAt, undefined);
    const [a, b] = claims;
    if (!a || !b) return t.fail('two were claimed');
    t.deepEqual(await store.settle([retried(a, T0 + 2000), retried(b, T0 + 1000, false)]), [
      { kind: 'scheduled' },
      { kind: 'scheduled' },
    ]);
    const early = await store.claim('ccs', 10, T0 + 999);
    t.deepEqual(
      early.claims.map(({ message }) => message.messageId),
      ['c'],
    );
    t.is(early.nextDueAt, T0 + 1000);
    const due = await store.claim('ccs', 10, T0 + 1000);
    t.is(due.claims[0]?.message.messageId, 'b');
    t.is(due.claims[0]?.message.attempts, 0);
    t.is(due.claims[0]?.message.firstAnsweredAt, undefined);
    t.is(due.claims[0]?.message.lastReason, 'SERVICE_UNAVAILABLE: not now');
    t.is(due.nextDueAt, T0 + 2000);
    const late = await store.claim('ccs', 10, T0 + 5000);
    t.like(late.claims[0]?.message, { messageId: 'a', attempts: 1, firstAnsweredAt: T0 });
    t.is(late.nextDueAt, undefined);
  });

  promised('retries whose time has come go before newer work', async (t, store) => {
    await store.accept([submission('a'), submission('b')]);
    const { claims } = await store.claim('ccs', 1, T0);
    await store.settle(claims.map((lent) => retried(lent, T0 + 10)));
    t.deepEqual(await claimIds(store, T0 + 10, 1), ['a']);
    t.deepEqual(await claimIds(store, T0 + 10, 1), ['b']);
  });

  promised('a clock that jumps back and forth loses nothing', async (t, store) => {
    await store.accept([submission('a'), submission('brief', { expiresAt: T0 + 1000 })]);
    const { claims } = await store.claim('ccs', 1, T0 + 900);
    await store.settle(claims.map((lent) => retried(lent, T0 + 5000)));
    t.deepEqual(await claimIds(store, T0 + 4000), [], 'one waits, one looks expired');
    t.deepEqual(await claimIds(store, T0 - HOUR), ['brief']);
    t.is((await store.claim('ccs', 10, T0 - HOUR)).nextDueAt, T0 + 5000);
    t.deepEqual(await claimIds(store, T0 + 5000), ['a']);
  });

  promised('of a group only the head goes, and others do not wait', async (t, store) => {
    const grouped = (id: string, groupId: string) => submission(id, { groupId });
    await store.accept([grouped('a1', 'a'), grouped('a2', 'a'), grouped('b1', 'b'), submission('free')]);
    await store.accept([submission('other session', { session: 'b', groupId: 'a' }), grouped('a3', 'a')]);
    const { claims } = await store.claim('ccs', 10, T0);
    t.deepEqual(claims.map(({ message }) => message.messageId).toSorted(), ['a1', 'b1', 'free', 'other session']);
    const a1 = claims.find(({ message }) => message.messageId === 'a1');
    if (!a1) return t.fail('the head was claimed');
    const work = workOf(store);
    await store.settle([accepted(a1)]);
    await work.next(outboxWork);
    t.deepEqual(await claimIds(store), ['a2']);
  });

  promised('a group whose head waits for a retry waits with it', async (t, store) => {
    await store.accept(['1', '2', '3'].map((id) => submission(id, { groupId: 'g' })));
    for (const id of ['1', '2', '3']) {
      const first = await store.claim('ccs', 10, T0);
      t.deepEqual(
        first.claims.map(({ message }) => message.messageId),
        [id],
      );
      await store.settle(first.claims.map((lent) => retried(lent, T0 + 100)));
      t.deepEqual(await claimIds(store, T0 + 99), []);
      const second = await store.claim('ccs', 10, T0 + 100);
      t.is(second.claims[0]?.message.messageId, id);
      await store.settle(second.claims.map((lent) => accepted(lent)));
    }
    t.is(store.pending('app'), 0);
  });

  promised('a head that is released or withdrawn keeps the order', async (t, store) => {
    await store.accept(['1', '2', '3'].map((id) => submission(id, { groupId: 'g' })));
    const { claims } = await store.claim('ccs', 10, T0);
    await store.release(claims.map(({ claim, message }) => ({ id: message.id, claim })));
    const work = workOf(store);
    t.true(await store.cancel('app', '1'));
    await work.next(outboxWork);
    t.true(await store.cancel('app', '3'));
    t.deepEqual(await claimIds(store), ['2']);
  });

  promised('expired messages are passed over and claimed by who tells their senders', async (t, store) => {
    await store.accept([
      submission('a', { expiresAt: T0 + 10 }),
      submission('b', { expiresAt: T0 + 20, provider: 'fcm' }),
      submission('flying', { expiresAt: T0 + 5 }),
    ]);
    const { claims } = await store.claim('ccs', 10, T0 + 5);
    t.is(claims.length, 2, 'at the limit there is still an attempt');
    const a = claims.find(({ message }) => message.messageId === 'a');
    if (!a) return t.fail('a was claimed');
    await store.settle([retried(a, T0 + 8)]);
    t.deepEqual(await store.claimExpired(10, T0 + 10), []);
    t.deepEqual(await claimIds(store, T0 + 11), []);
    const expired = await store.claimExpired(10, T0 + 11);
    t.deepEqual(
      expired.map(({ message }) => message.messageId),
      ['a'],
      'what is in flight is not expired',
    );
    t.like(expired[0]?.message, { attempts: 1, lastReason: 'SERVICE_UNAVAILABLE: not now' });
    t.is((await store.settle(expired.map((lent) => refused(lent))))[0]?.kind, 'settled');
    await store.accept([submission('c', { expiresAt: T0 + 12 }), submission('d', { expiresAt: T0 + 13 })]);
    t.is((await store.claimExpired(2, T0 + HOUR)).length, 2, 'at most as many as asked for');
    t.is((await store.claimExpired(2, T0 + HOUR)).length, 1);
  });

  promised('a member of a group that expired in the queue holds nobody up', async (t, store) => {
    await store.accept([
      submission('1', { groupId: 'g' }),
      submission('2', { groupId: 'g', expiresAt: T0 }),
      submission('3', { groupId: 'g' }),
    ]);
    const { claims } = await store.claim('ccs', 10, T0 + 1);
    const expired = await store.claimExpired(10, T0 + 1);
    t.deepEqual(
      expired.map(({ message }) => message.messageId),
      ['2'],
    );
    await store.settle(expired.map((lent) => refused(lent)));
    t.deepEqual(await claimIds(store, T0 + 1), [], 'its head is still in flight');
    await store.settle(claims.map((lent) => accepted(lent)));
    t.deepEqual(await claimIds(store, T0 + 1), ['3']);
  });

  promised('a held target waits, others do not', async (t, store) => {
    await store.accept([submission('a'), submission('b', { target: 'other' })]);
    await store.hold('ccs', 'token', T0 + 1000);
    await store.hold('fcm', 'other', T0 + 1000);
    const { claims, nextDueAt } = await store.claim('ccs', 10, T0);
    t.deepEqual(
      claims.map(({ message }) => message.messageId),
      ['b'],
    );
    t.is(nextDueAt, T0 + 1000);
    await store.accept([submission('c')]);
    t.deepEqual(await claimIds(store, T0 + 999), []);
    t.deepEqual(await claimIds(store, T0 + 1000), ['a', 'c']);
  });

  promised('a wake ends the wait, a second hold changes it', async (t, store) => {
    await store.accept([submission('a'), submission('b')]);
    await store.hold('ccs', 'token', T0 + 1000);
    t.deepEqual(await claimIds(store), []);
    const work = workOf(store);
    await store.wake('ccs', 'token', T0 + 1);
    await work.next(outboxWork);
    t.deepEqual(await claimIds(store, T0 + 1, 1), ['a']);
    await store.hold('ccs', 'token', T0 + 2000);
    t.deepEqual(await claimIds(store, T0 + 1), []);
    await store.hold('ccs', 'token', T0 + 3000);
    t.deepEqual(await claimIds(store, T0 + 2000), [], 'longer');
    await store.hold('ccs', 'token', T0 + 100);
    t.deepEqual(await claimIds(store, T0 + 99), [], 'shorter');
    t.deepEqual(await claimIds(store, T0 + 100), ['b']);
    await store.wake('ccs', 'nobody', T0);
  });

  promised('a wake ends the hold, not the wait of a retry', async (t, store) => {
    await store.accept([submission('a')]);
    const { claims } = await store.claim('ccs', 1, T0);
    await store.hold('ccs', 'token', T0 + 1000);
    await store.settle(claims.map((lent) => retried(lent, T0 + 500)));
    await store.wake('ccs', 'token', T0 + 1);
    t.deepEqual(await claimIds(store, T0 + 499), []);
    t.deepEqual(await claimIds(store, T0 + 500), ['a']);
  });

  promised('a head of a group that is held holds its group', async (t, store) => {
    await store.accept([submission('1', { groupId: 'g' }), submission('2', { groupId: 'g', target: 'other' })]);
    await store.hold('ccs', 'token', T0 + 1000);
    t.deepEqual(await claimIds(store), []);
    await store.wake('ccs', 'token', T0);
    t.deepEqual(await claimIds(store), ['1']);
  });

  promised('announces what can be claimed, after every kind of commit', async (t, store) => {
    const work = workOf(store);
    await store.accept([submission('a', { provider: 'fcm' })]);
    await work.next({ kind: 'outbox', provider: 'fcm' });
    await store.replace(submission('b'));
    await work.next(outboxWork);
    work.forget();
    const { claims } = await store.claim('ccs', 1, T0);
    await store.settle(claims.map((lent) => retried(lent, T0)));
    await work.next(outboxWork);
    const again = await store.claim('ccs', 1, T0);
    await store.settle(again.claims.map((lent) => accepted(lent)));
    await work.next({ kind: 'inbox', session: 'app', mailbox: 0 });
    const mailbox = await store.openMailbox('app');
    await deliver(store, 'c', { mailbox });
    await work.next({ kind: 'inbox', session: 'app', mailbox });
    t.pass();
  });
}
