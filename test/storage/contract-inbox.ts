import { CLAIM_BYTES } from '../../src/core/index.ts';
import type { Promised } from './contract.ts';
import { accepted, deliver, incoming, submission, T0, workOf } from './samples.ts';

const numbers = (frames: readonly { readonly sequence: number }[]): number[] => frames.map(({ sequence }) => sequence);

/** What waits for the backends. */
export function inboxContract(promised: Promised): void {
  promised('stores what devices send, once', async (t, store) => {
    const work = workOf(store);
    t.deepEqual(await store.receive([incoming('u1'), incoming('u2'), incoming('u1')]), [
      { kind: 'stored', sequence: 1 },
      { kind: 'stored', sequence: 2 },
      { kind: 'duplicate' },
    ]);
    await work.next({ kind: 'inbox', session: 'app', mailbox: 0 });
    t.deepEqual(await store.receive([incoming('u2'), incoming('u2', { from: 'another' })]), [
      { kind: 'duplicate' },
      { kind: 'stored', sequence: 3 },
    ]);
    t.deepEqual(await store.receive([incoming('u2', { provider: 'fcm' })]), [{ kind: 'stored', sequence: 4 }]);
    t.is(store.waiting('app'), 4);
    t.deepEqual((await store.claimInbox('app', [0], 1))[0], {
      sequence: 1,
      type: 'upstream',
      messageId: 'u1',
      data: '{}',
    });
  });

  promised('keeps what belongs to nobody as a dead letter, once', async (t, store) => {
    const dead = incoming('u', { to: { dead: 'no such session' } });
    t.deepEqual(await store.receive([dead, dead]), [{ kind: 'dead' }, { kind: 'duplicate' }]);
    t.is((await store.stats()).deadLetters, 1);
  });

  promised(
    'a full inbox turns upstream messages and receipts into dead letters',
    async (t, store) => {
      const small = (id: string) => incoming(id, { to: { session: 'small', mailbox: 0 } });
      const kinds = await store.receive([incoming('1'), incoming('2'), incoming('3'), small('4'), small('5')]);
      t.deepEqual(
        kinds.map(({ kind }) => kind),
        ['stored', 'stored', 'dead', 'stored', 'dead'],
      );
      await store.ackInbox('app', [1], T0);
      t.deepEqual(await store.receive([incoming('6')]), [{ kind: 'stored', sequence: 3 }]);
      t.is((await store.stats()).deadLetters, 2);
    },
    { maxInbox: 2, sessions: { small: { maxInbox: 1 } } },
  );

  promised(
    'a full inbox refuses what can be sent again, knows what it has, and takes it when there is room',
    async (t, store) => {
      const asked = (id: string) => incoming(id, { refusable: true });
      const kinds = await store.receive([asked('1'), asked('2'), asked('2'), asked('1')]);
      t.deepEqual(
        kinds.map(({ kind }) => kind),
        ['stored', 'full', 'full', 'duplicate'],
      );
      t.is((await store.stats()).deadLetters, 0);
      await store.ackInbox('app', [1], T0);
      t.deepEqual(await store.receive([asked('2'), asked('2')]), [
        { kind: 'stored', sequence: 2 },
        { kind: 'duplicate' },
      ]);
      const stranger = incoming('3', { refusable: true, to: { dead: 'no such session' } });
      t.deepEqual(await store.receive([stranger]), [{ kind: 'dead' }]);
    },
    { maxInbox: 1 },
  );

  promised(
    '[promise 5] a claim ends with the frame that makes it large, and the next one goes on there',
    async (t, store) => {
      const data = JSON.stringify({ text: `ü${'x'.repeat(CLAIM_BYTES / 4 - 13)}` }); // a quarter of what a claim may hold
      t.is(Buffer.byteLength(data), CLAIM_BYTES / 4);
      const large = (id: string) => incoming(id, { notice: { type: 'upstream', messageId: id, data } });
      const mailbox = await store.openMailbox('app');
      const own = { ...large('own'), to: { session: 'app', mailbox } };
      await store.receive([...['1', '2', '3'].map(large), own, ...['5', '6', '7', '8', '9'].map(large)]);
      t.deepEqual(numbers(await store.claimInbox('app', [0, mailbox], 100)), [1, 2, 3, 4]);
      await store.releaseInbox('app', [2, 4]);
      t.deepEqual(numbers(await store.claimInbox('app', [0, mailbox], 100)), [2, 4, 5, 6]);
      t.deepEqual(numbers(await store.claimInbox('app', [0], 2)), [7, 8]);
      t.deepEqual(numbers(await store.claimInbox('app', [0], 100)), [9]);
    },
  );

  promised('lends frames oldest first, each once, and takes them back', async (t, store) => {
    await store.receive(['1', '2', '3', '4'].map((id) => incoming(id)));
    t.deepEqual(numbers(await store.claimInbox('app', [0], 3)), [1, 2, 3]);
    const work = workOf(store);
    await store.releaseInbox('app', [3, 1, 99]);
    await work.next({ kind: 'inbox', session: 'app', mailbox: 0 });
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [1, 3, 4]);
    t.deepEqual(await store.claimInbox('app', [0], 10), []);
    t.deepEqual(await store.claimInbox('nobody', [0], 10), []);
    t.deepEqual(await store.claimInbox('app', [], 10), []);
  });

  promised('acknowledges claimed and unclaimed frames, once', async (t, store) => {
    await store.receive(['1', '2', '3'].map((id) => incoming(id)));
    await store.claimInbox('app', [0], 1);
    t.deepEqual(await store.ackInbox('app', [2, 1, 2, 4, 0, 2 ** 50, -1], T0), [
      'settled',
      'settled',
      'already',
      'unknown',
      'unknown',
      'unknown',
      'unknown',
    ]);
    t.deepEqual(await store.ackInbox('nobody', [1], T0), ['unknown']);
    await store.releaseInbox('app', [1, 2]);
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [3]);
    t.is(store.waiting('app'), 1);
  });

  promised('counts per session, from 1', async (t, store) => {
    const to = (session: string) => ({ to: { session, mailbox: 0 } });
    const stored = await store.receive([incoming('1', to('a')), incoming('2', to('b')), incoming('3', to('a'))]);
    t.deepEqual(
      stored.map((one) => one.kind === 'stored' && one.sequence),
      [1, 1, 2],
    );
    await store.ackInbox('a', [1, 2], T0);
    t.deepEqual(await store.receive([incoming('4', to('a'))]), [{ kind: 'stored', sequence: 3 }]);
  });

  promised('frames of a mailbox go to who names it', async (t, store) => {
    const [mine, yours] = [await store.openMailbox('app'), await store.openMailbox('app')];
    t.true(mine > 0 && yours > 0 && mine !== yours);
    await deliver(store, 'a', { mailbox: mine });
    await deliver(store, 'b', { mailbox: yours });
    await deliver(store, 'c');
    await deliver(store, 'd', { mailbox: mine });
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [3]);
    t.deepEqual(numbers(await store.claimInbox('app', [yours, 0], 10)), [2]);
    await store.releaseInbox('app', [3]);
    t.deepEqual(numbers(await store.claimInbox('app', [mine, 0], 2)), [1, 3]);
    t.deepEqual(numbers(await store.claimInbox('app', [mine, 0], 2)), [4]);
  });

  promised('a released mailbox leaves its frames and its later answers to anyone', async (t, store) => {
    const mailbox = await store.openMailbox('app');
    await deliver(store, 'a', { mailbox });
    await deliver(store, 'b', { mailbox });
    await store.accept([submission('late', { mailbox })]);
    t.deepEqual(numbers(await store.claimInbox('app', [mailbox], 1)), [1]);
    const work = workOf(store);
    await store.releaseMailbox('app', mailbox);
    await work.next({ kind: 'inbox', session: 'app', mailbox: 0 });
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [2], 'what is claimed stays claimed');
    await store.releaseInbox('app', [1]);
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [1]);
    const { claims } = await store.claim('ccs', 1, T0);
    t.like((await store.settle(claims.map((lent) => accepted(lent))))[0], { mailbox: 0, sequence: 3 });
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [3]);
    await store.releaseMailbox('app', mailbox);
  });

  promised('frames of a released mailbox come before newer ones, in order', async (t, store) => {
    const mailbox = await store.openMailbox('app');
    await deliver(store, 'a', { mailbox });
    await deliver(store, 'b');
    await deliver(store, 'c', { mailbox });
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [2]);
    await deliver(store, 'd');
    await store.releaseMailbox('app', mailbox);
    t.deepEqual(numbers(await store.claimInbox('app', [0], 2)), [1, 3]);
    t.deepEqual(numbers(await store.claimInbox('app', [0], 2)), [4]);
  });

  promised('a mailbox that is not open is mailbox 0', async (t, store) => {
    await store.receive([incoming('1', { to: { session: 'app', mailbox: 77 } })]);
    t.like((await deliver(store, 'a', { mailbox: 78 })).settled, { mailbox: 0 });
    t.deepEqual(numbers(await store.claimInbox('app', [0], 10)), [1, 2]);
  });
}
