import type { Store } from '../../src/core/index.ts';
import type { Promised } from './contract.ts';
import { accepted, claimIds, retried, submission, T0 } from './samples.ts';

/** So many messages of a session, named after it: `a0`, `a1` and so on. */
const many = (session: string, count: number, fields = {}) =>
  Array.from({ length: count }, (_, n) => submission(`${session}${n}`, { session, ...fields }));

/** A session with far more messages than anybody has room for. */
const backlog = (store: Store) => store.accept(many('a', 3000));

/** [promise 6] The backlog of one session costs only itself. */
export function turnsContract(promised: Promised): void {
  promised('[promise 6] a session with few messages does not wait behind the backlog of another', async (t, store) => {
    await backlog(store);
    t.is((await claimIds(store, T0, 50)).length, 50);
    await store.accept([...many('b', 2), ...many('c', 1)]);
    const ids = await claimIds(store, T0, 6);
    t.deepEqual(ids.toSorted(), ['a50', 'a51', 'a52', 'b0', 'b1', 'c0'], 'what they leave goes to the others');
  });

  promised('[promise 6] sessions take turns from one call to the next, each in its own order', async (t, store) => {
    await store.accept([...many('a', 100), ...many('b', 100), ...many('c', 2)]);
    const seen: string[] = [];
    for (let round = 0; round < 4; round++) {
      const ids = [
        ...(await claimIds(store, T0, 1)),
        ...(await claimIds(store, T0, 1)),
        ...(await claimIds(store, T0, 1)),
      ];
      seen.push(...ids);
      const sessions = ids.map((id) => id[0]).toSorted();
      if (round < 2) t.deepEqual(sessions, ['a', 'b', 'c']);
    }
    for (const session of ['a', 'b', 'c']) {
      const own = seen.filter((id) => id.startsWith(session));
      t.deepEqual(own, own.toSorted(), session);
      t.true(own.length >= 2 && own.length <= 5, `${session} got ${own.length}`);
    }
  });

  promised('[promise 6] room is shared among all that wait, and none of it stays unused', async (t, store) => {
    await store.accept([...many('a', 100), ...many('b', 100), ...many('c', 7)]);
    const ids = await claimIds(store, T0, 60);
    const count = (session: string) => ids.filter((id) => id.startsWith(session)).length;
    t.is(ids.length, 60);
    t.is(count('c'), 7);
    t.true(Math.abs(count('a') - count('b')) <= 2, `${count('a')} and ${count('b')}`);
  });

  promised('[promise 6] a retry does not wait behind the retries of another session', async (t, store) => {
    await store.accept([...many('a', 500), ...many('b', 1)]);
    const { claims } = await store.claim('ccs', 1000, T0);
    t.is(claims.length, 501);
    const due = (session: string) => (session === 'a' ? T0 + 10 : T0 + 20);
    await store.settle(claims.map((lent) => retried(lent, due(lent.message.session))));
    const early = await store.claim('ccs', 2, T0 + 19);
    t.deepEqual(
      early.claims.map(({ message }) => message.session),
      ['a', 'a'],
    );
    t.true((await claimIds(store, T0 + 20, 2)).includes('b0'));
  });

  promised('[promise 6] what is released, and what follows in a group, has its turn too', async (t, store) => {
    await backlog(store);
    await store.accept(many('b', 3, { groupId: 'g' }));
    const { claims } = await store.claim('ccs', 10, T0);
    const head = claims.find(({ message }) => message.session === 'b');
    if (!head) return t.fail('b had its turn');
    await store.release([{ id: head.message.id, claim: head.claim }]);
    const again = await store.claim('ccs', 2, T0);
    const released = again.claims.find(({ message }) => message.messageId === 'b0');
    if (!released) return t.fail('b0 came again');
    await store.settle([accepted(released)]);
    t.true((await claimIds(store, T0, 2)).includes('b1'));
  });

  promised(
    '[promise 6] one session whose messages all wait for a target leaves the room to others',
    async (t, store) => {
      await backlog(store);
      await store.accept(many('b', 5, { target: 'other' }));
      await store.hold('ccs', 'token', T0 + 1000);
      const found: string[] = [];
      for (let calls = 0; calls < 10 && found.length < 5; calls++) found.push(...(await claimIds(store, T0, 5)));
      t.deepEqual(found, ['b0', 'b1', 'b2', 'b3', 'b4']);
    },
  );
}
