import type { Promised } from './contract.ts';
import { accepted, claimIds, deliver, HOUR, refused, submission, T0, workOf } from './samples.ts';

/** Taking messages, recognising repeats, withdrawing and replacing. */
export function acceptContract(promised: Promised): void {
  promised('takes messages and gives each its own number', async (t, store) => {
    const [a, b] = await store.accept([submission('a'), submission('b')]);
    t.is(a?.kind, 'taken');
    t.is(b?.kind, 'taken');
    t.true(a?.kind === 'taken' && b?.kind === 'taken' && a.id < b.id);
    t.is(store.pending('app'), 2);
    t.is(store.pending('other'), 0);
  });

  promised('gives back a message as it came, with an id for the provider', async (t, store) => {
    const full = submission('full', {
      groupId: 'g',
      payload: { kind: 'opaque', body: new Uint8Array([0, 1, 255]), headers: '{"encoding":"aes128gcm"}' },
      priority: 'high',
      ttl: 0,
      collapseKey: 'topic',
      answer: 'connection',
      receipt: true,
    });
    const plain = submission('plain');
    await store.accept([full, plain]);
    const { claims } = await store.claim('ccs', 10, T0);
    const [one, two] = claims.map(({ message }) => message);
    if (!one || !two || one.payload.kind !== 'opaque') return t.fail('both come back, the first with its bytes');
    t.deepEqual([...one.payload.body], [0, 1, 255]);
    const { id, wireId, payload: _bytes, ...rest } = one;
    const { payload: _same, ...given } = full;
    t.deepEqual(rest, { ...given, attempts: 0 });
    t.deepEqual({ ...two }, { ...plain, id: two.id, wireId: two.wireId, attempts: 0 });
    t.regex(wireId, /^[a-z0-9-]+$/);
    t.not(wireId, two.wireId);
    t.is(typeof id, 'number');
  });

  promised('does not take a message twice while it is pending', async (t, store) => {
    t.deepEqual(
      (await store.accept([submission('a'), submission('a')])).map(({ kind }) => kind),
      ['taken', 'pending'],
    );
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'pending' }]);
    t.deepEqual(await claimIds(store), ['a']);
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'pending' }]);
    t.is(store.pending('app'), 1);
  });

  promised('tells another message under the same id from a repeat, before and after the outcome', async (t, store) => {
    const other = submission('a', { digest: 'another' });
    await store.accept([submission('a')]);
    t.deepEqual(await store.accept([other]), [{ kind: 'conflict' }]);
    const { claims } = await store.claim('ccs', 1, T0);
    await store.settle(claims.map((lent) => accepted(lent)));
    t.deepEqual(await store.accept([other]), [{ kind: 'conflict' }]);
    t.is(store.pending('app'), 0);
  });

  promised('keeps the ids of two sessions apart', async (t, store) => {
    const kinds = await store.accept([submission('a'), submission('a', { session: 'b', digest: 'another' })]);
    t.deepEqual(
      kinds.map(({ kind }) => kind),
      ['taken', 'taken'],
    );
  });

  promised('repeats a frame that waits under its own sequence', async (t, store) => {
    const { settled } = await deliver(store, 'a');
    t.deepEqual(settled, { kind: 'settled', session: 'app', mailbox: 0, sequence: 1 });
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'repeated', sequence: 1 }]);
    t.is(store.waiting('app'), 1);
    t.deepEqual(
      (await store.claimInbox('app', [0], 10)).map(({ sequence }) => sequence),
      [1],
    );
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'repeated', sequence: 1 }]);
    t.deepEqual(await store.claimInbox('app', [0], 10), [], 'the claim on the frame stays');
  });

  promised('repeats an acknowledged outcome in a new frame', async (t, store) => {
    await deliver(store, 'a');
    await store.claimInbox('app', [0], 10);
    await store.ackInbox('app', [1], T0);
    const work = workOf(store);
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'repeated', sequence: 2 }]);
    await work.next({ kind: 'inbox', session: 'app', mailbox: 0 });
    const [frame] = await store.claimInbox('app', [0], 10);
    t.is(frame?.sequence, 2);
    t.is(frame?.messageId, 'a');
    t.deepEqual(await store.ackInbox('app', [2], T0), ['settled']);
    t.deepEqual(await store.accept([submission('a')]), [{ kind: 'repeated', sequence: 3 }]);
  });

  promised('answers a repeat with the outcome itself when it has no inbox', async (t, store) => {
    await store.accept([submission('a', { answer: 'connection' })]);
    const { claims } = await store.claim('ccs', 1, T0);
    const [settled] = await store.settle(claims.map((lent) => refused(lent)));
    t.deepEqual(settled, { kind: 'settled', session: 'app', mailbox: 0 });
    t.is(store.waiting('app'), 0);
    const [answer] = await store.accept([submission('a', { answer: 'connection' })]);
    t.deepEqual(answer, {
      kind: 'answered',
      notice: {
        type: 'reject',
        messageId: 'a',
        groupId: 'g',
        error: 'BAD_REGISTRATION',
        errorString: 'no such token',
        data: '{}',
      },
    });
  });

  promised('forgets a message without an answer once it is settled', async (t, store) => {
    const { settled } = await deliver(store, 'a', { answer: 'none' });
    t.deepEqual(settled, { kind: 'settled', session: 'app', mailbox: 0 });
    t.is((await store.stats()).outcomes, 0);
    const [again] = await store.accept([submission('a', { answer: 'none', digest: 'another' })]);
    t.is(again?.kind, 'taken');
  });

  promised('gives the answer to the mailbox that submitted last', async (t, store) => {
    const [first, second] = [await store.openMailbox('app'), await store.openMailbox('app')];
    await store.accept([submission('a', { mailbox: first })]);
    await store.accept([submission('a', { mailbox: second })]);
    const { claims } = await store.claim('ccs', 1, T0);
    t.like((await store.settle(claims.map((lent) => accepted(lent))))[0], { mailbox: second });
    t.deepEqual(await store.claimInbox('app', [first, 0], 10), []);
    t.deepEqual(await store.accept([submission('a', { mailbox: first })]), [{ kind: 'repeated', sequence: 1 }]);
    t.deepEqual(await store.claimInbox('app', [second, 0], 10), []);
    t.is((await store.claimInbox('app', [first], 10)).length, 1);
  });

  promised('withdraws what is undelivered and unclaimed', async (t, store) => {
    await store.accept([submission('a'), submission('b')]);
    t.true(await store.cancel('app', 'a'));
    t.false(await store.cancel('app', 'a'));
    t.false(await store.cancel('app', 'never'));
    t.false(await store.cancel('nobody', 'a'));
    t.deepEqual(await claimIds(store), ['b']);
    t.false(await store.cancel('app', 'b'), 'it is in flight');
    t.is(store.pending('app'), 1);
    t.is(store.waiting('app'), 0);
  });

  promised('a withdrawn message is forgotten: its id is free for any other', async (t, store) => {
    for (const answer of ['inbox', 'connection', 'none'] as const) {
      await store.accept([submission('a', { answer })]);
      t.true(await store.cancel('app', 'a'), answer);
      t.is((await store.stats()).outcomes, 0);
      const [again] = await store.accept([submission('a', { answer, digest: 'another' })]);
      t.is(again?.kind, 'taken', answer);
      t.deepEqual(await store.accept([submission('a', { answer, digest: 'another' })]), [{ kind: 'pending' }]);
      t.true(await store.cancel('app', 'a'));
    }
    t.deepEqual([store.pending('app'), store.waiting('app')], [0, 0]);
    t.deepEqual(await claimIds(store), []);
  });

  promised('replaces what was not sent yet, and remembers it', async (t, store) => {
    const keyed = (id: string, fields = {}) =>
      submission(id, { collapseKey: 'topic', answer: 'connection', ...fields });
    await store.accept([
      keyed('old'),
      keyed('elsewhere', { target: 'other' }),
      keyed('stranger', { session: 'b' }),
      submission('keyless'),
    ]);
    t.is((await store.replace(keyed('new'))).kind, 'taken');
    t.deepEqual((await claimIds(store)).toSorted(), ['elsewhere', 'keyless', 'new', 'stranger']);
    t.is(store.pending('app'), 3);
    t.is(store.waiting('app'), 0);
    t.like((await store.accept([keyed('old')]))[0], { kind: 'answered', notice: { type: 'reject', messageId: 'old' } });
    t.is((await store.replace(keyed('newest'))).kind, 'taken', 'what is claimed is not replaced');
    t.is(store.pending('app'), 4);
    t.deepEqual(await store.replace(keyed('newest')), { kind: 'pending' });
    t.deepEqual(await claimIds(store), ['newest']);
  });

  promised('a replaced message of a group lets its successor go', async (t, store) => {
    const work = workOf(store);
    await store.accept([
      submission('head', { groupId: 'g', collapseKey: 'k' }),
      submission('next', { groupId: 'g', target: 'other' }),
    ]);
    t.deepEqual(await claimIds(store, T0 - 1, 0), []);
    await store.replace(submission('new', { collapseKey: 'k' }));
    await work.next({ kind: 'outbox', provider: 'ccs' });
    t.deepEqual(await claimIds(store), ['next', 'new']);
  });

  promised('the receipt index names who asked, until the time is over', async (t, store) => {
    const mailbox = await store.openMailbox('app');
    const asked = submission('a', { receipt: true, groupId: 'g', mailbox, expiresAt: T0 + HOUR });
    await store.accept([asked, submission('b')]);
    const { claims } = await store.claim('ccs', 10, T0);
    const [a, b] = claims.map(({ message }) => message.wireId);
    await store.settle(claims.map((lent) => accepted(lent)));
    const entry = { session: 'app', messageId: 'a', groupId: 'g' };
    t.deepEqual(await store.receiptFor('ccs', a ?? ''), { ...entry, mailbox });
    t.is(await store.receiptFor('fcm', a ?? ''), undefined);
    t.is(await store.receiptFor('ccs', b ?? ''), undefined);
    t.is(await store.receiptFor('ccs', 'no such id'), undefined);
    await store.releaseMailbox('app', mailbox);
    t.deepEqual(await store.receiptFor('ccs', a ?? ''), { ...entry, mailbox: 0 });
    await store.sweep(T0 + 2 * HOUR);
    t.truthy(await store.receiptFor('ccs', a ?? ''));
    await store.sweep(T0 + 2 * HOUR + 1);
    t.is(await store.receiptFor('ccs', a ?? ''), undefined);
  });

  promised('a repeat takes the receipt to its own mailbox', async (t, store) => {
    await store.accept([submission('a', { receipt: true })]);
    const mailbox = await store.openMailbox('app');
    await store.accept([submission('a', { receipt: true, mailbox })]);
    const { claims } = await store.claim('ccs', 1, T0);
    t.like(await store.receiptFor('ccs', claims[0]?.message.wireId ?? ''), { mailbox });
  });
}
