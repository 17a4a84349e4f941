import type { Promised } from './contract.ts';
import { accepted, claimIds, refused, retried, submission, T0 } from './samples.ts';

/** How a claim ends. */
export function settleContract(promised: Promised): void {
  promised('moves a message from the outbox to the inbox in one step', async (t, store) => {
    await store.accept([submission('a')]);
    const { claims } = await store.claim('ccs', 1, T0);
    t.is(store.pending('app'), 1);
    t.is(store.waiting('app'), 0);
    t.deepEqual(await store.settle(claims.map((lent) => refused(lent))), [
      { kind: 'settled', session: 'app', mailbox: 0, sequence: 1 },
    ]);
    t.is(store.pending('app'), 0);
    t.is(store.waiting('app'), 1);
    t.deepEqual(await store.claimInbox('app', [0], 1), [
      {
        sequence: 1,
        type: 'reject',
        messageId: 'a',
        groupId: 'g',
        error: 'BAD_REGISTRATION',
        errorString: 'no such token',
        data: '{}',
      },
    ]);
  });

  promised('the first final outcome wins', async (t, store) => {
    await store.accept([submission('a')]);
    const { claims } = await store.claim('ccs', 1, T0);
    const [lent] = claims;
    if (!lent) return t.fail('it was claimed');
    const kinds = (await store.settle([refused(lent), accepted(lent), retried(lent, T0)])).map(({ kind }) => kind);
    t.deepEqual(kinds, ['settled', 'stale', 'stale']);
    t.is(store.waiting('app'), 1);
    t.deepEqual(await claimIds(store), []);
  });

  promised('an old claim still settles if the provider accepted', async (t, store) => {
    await store.accept([submission('a')]);
    const { claims: old } = await store.claim('ccs', 1, T0);
    await store.release(old.map(({ claim, message }) => ({ id: message.id, claim })));
    const { claims: young } = await store.claim('ccs', 1, T0);
    t.deepEqual(
      (await store.settle([...old.map((lent) => refused(lent)), ...old.map((lent) => retried(lent, T0))])).map(
        ({ kind }) => kind,
      ),
      ['stale', 'stale'],
    );
    t.is((await store.settle(old.map((lent) => accepted(lent))))[0]?.kind, 'settled');
    t.deepEqual(await store.settle(young.map((lent) => accepted(lent))), [{ kind: 'stale' }]);
    await store.release(young.map(({ claim, message }) => ({ id: message.id, claim })));
    t.deepEqual(await claimIds(store), []);
    t.is(store.waiting('app'), 1);
  });

  promised('an acceptance counts even if nobody holds a claim, as after a restart', async (t, store) => {
    await store.accept([submission('a')]);
    const { claims } = await store.claim('ccs', 1, T0);
    await store.release(claims.map(({ claim, message }) => ({ id: message.id, claim })));
    t.is((await store.settle(claims.map((lent) => accepted(lent))))[0]?.kind, 'settled');
    t.deepEqual(await claimIds(store), []);
  });

  promised('a message that never was is stale', async (t, store) => {
    const nobody = { claim: 1, message: { id: 4711, messageId: 'a' } };
    t.deepEqual(await store.settle([accepted(nobody), retried(nobody, T0)]), [{ kind: 'stale' }, { kind: 'stale' }]);
  });

  promised('keeps a copy of a dead message', async (t, store) => {
    await store.accept([submission('a')]);
    const { claims } = await store.claim('ccs', 1, T0);
    await store.settle(claims.map((lent) => refused(lent, 'it killed two connections')));
    t.is((await store.stats()).deadLetters, 1);
    t.is(store.waiting('app'), 1);
  });

  promised('an outcome that is to be forgotten leaves the id free, and is told all the same', async (t, store) => {
    const mailbox = await store.openMailbox('app');
    const asked = submission('a', { answer: 'connection', mailbox });
    await store.accept([asked]);
    const { claims } = await store.claim('ccs', 1, T0);
    const forgotten = claims.map((lent) => {
      const settlement = refused(lent, 'kept for the operator');
      if (settlement.verdict.kind !== 'final') throw new Error('a refusal is final');
      return { ...settlement, verdict: { ...settlement.verdict, forget: true as const } };
    });
    t.deepEqual(await store.settle(forgotten), [{ kind: 'settled', session: 'app', mailbox }]);
    t.deepEqual(await store.settle(forgotten), [{ kind: 'stale' }]);
    const { outcomes, deadLetters } = await store.stats();
    t.deepEqual([outcomes, deadLetters, store.pending('app'), store.waiting('app')], [0, 1, 0, 0]);
    const [again] = await store.accept([{ ...asked, digest: 'another' }]);
    t.is(again?.kind, 'taken');
    t.deepEqual(await claimIds(store), ['a']);
  });

  promised(
    'answers find room in a full inbox',
    async (t, store) => {
      await store.accept(['a', 'b', 'c'].map((id) => submission(id)));
      const { claims } = await store.claim('ccs', 10, T0);
      const settled = await store.settle(claims.map((lent) => accepted(lent)));
      t.deepEqual(
        settled.map((one) => one.kind === 'settled' && one.sequence),
        [1, 2, 3],
      );
      t.is(store.waiting('app'), 3);
    },
    { maxInbox: 1 },
  );
}
