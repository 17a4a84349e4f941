import type { Registration, Store, Submission } from '../../src/core/index.ts';
import type { Promised } from './contract.ts';
import {
  accepted,
  ack,
  claimIds,
  deliver,
  HOUR,
  LIMITS,
  refused,
  registration,
  retried,
  submission,
  T0,
  workOf,
} from './samples.ts';

const ROMEO = 'xmpp:romeo@example.net';
const JULIET = 'xmpp:juliet@example.net';

/** What is pushed to endpoints, as far as the store minds. */
const push = (messageId: string, fields: Partial<Submission> = {}): Submission =>
  submission(messageId, {
    payload: { kind: 'opaque', body: Buffer.from([0, 255]), headers: '{}' },
    answer: 'none',
    ...fields,
  });

const kinds = (results: readonly { readonly kind: string }[]): string[] => results.map(({ kind }) => kind);

async function names(store: Store, owner = ROMEO, now = T0): Promise<string[]> {
  return (await store.registrationsOf(owner, undefined, 1000, now)).map(({ name }) => name);
}

async function whole(store: Store, found: Registration): Promise<Registration | undefined> {
  const again = await store.registration(found.token, T0);
  return typeof again === 'object' ? again : undefined;
}

/** Registrations and their bounds, and what a target and a push have to do with them. */
export function registrationsContract(promised: Promised): void {
  promised('a registration is found by its token, with everything that it had', async (t, store) => {
    const bare = registration('bare');
    const full = registration('full', { vapid: 'key', expiresAt: T0 + HOUR, owner: JULIET });
    t.deepEqual(await store.register([bare, full]), [
      { kind: 'new', registration: bare },
      { kind: 'new', registration: full },
    ]);
    t.deepEqual(await whole(store, bare), bare);
    t.deepEqual(await whole(store, full), full);
    t.is((await store.stats()).registrations, 2);
  });

  promised('a token that nobody has leads nowhere', async (t, store) => {
    await store.register([registration('a')]);
    for (const token of ['', 'token', 'token of a ', 'Token of a'])
      t.is(await store.registration(token, T0), undefined);
  });

  promised(
    'the same name of the same owner keeps its token, and everything else becomes as given',
    async (t, store) => {
      await store.register([registration('a', { vapid: 'key', expiresAt: T0 + HOUR })]);
      const again = registration('a', {
        token: 'another',
        vapid: 'key',
        provider: 'fcm',
        data: '{}',
        registeredAt: T0 + 5,
      });
      const kept = { ...again, token: 'token of a' };
      t.deepEqual(await store.register([again]), [{ kind: 'known', registration: kept }]);
      t.deepEqual(await store.registration('token of a', T0 + 2 * HOUR), kept, 'it does not end any more');
      t.is(await store.registration('another', T0), undefined);
      t.is((await store.stats()).registrations, 1);
    },
  );

  promised('another owner may use the same name', async (t, store) => {
    const theirs = registration('a', { owner: JULIET, token: 'theirs' });
    t.deepEqual(kinds(await store.register([registration('a'), theirs])), ['new', 'new']);
    t.like(await store.registration('token of a', T0), { owner: ROMEO });
    t.like(await store.registration('theirs', T0), { owner: JULIET });
  });

  for (const [title, before, after] of [
    ['another key', 'key', 'another'],
    ['a key where there was none', undefined, 'key'],
    ['no key any more', 'key', undefined],
  ] as const) {
    promised(`[RFC 8292 §4.1] ${title}: a new token, and the old one is revoked`, async (t, store) => {
      const keyed = (vapid: string | undefined) => (vapid === undefined ? {} : { vapid });
      await store.register([registration('a', keyed(before))]);
      const asked = registration('a', { token: 'new', ...keyed(after) });
      t.deepEqual(await store.register([asked]), [{ kind: 'new', registration: asked, replaced: 'token of a' }]);
      t.is(await store.registration('token of a', T0), 'revoked');
      t.deepEqual(await store.registration('new', T0), asked);
      t.is((await store.stats()).registrations, 1);
    });
  }

  promised('many are registered together, one outcome each, in order', async (t, store) => {
    const results = await store.register([
      registration('a'),
      registration('b'),
      registration('a', { token: 'again' }),
      registration('b', { token: 'new', vapid: 'key' }),
    ]);
    t.deepEqual(kinds(results), ['new', 'new', 'known', 'new']);
    t.like(results[2], { registration: { token: 'token of a' } });
    t.like(results[3], { replaced: 'token of b' });
    t.deepEqual(await names(store), ['a', 'b']);
    t.deepEqual(await store.register([]), []);
  });

  promised('at its end a registration is as good as revoked, swept or not', async (t, store) => {
    await store.register([registration('a', { expiresAt: T0 + 1000 }), registration('b')]);
    for (const swept of [false, true]) {
      if (swept) t.false(await store.sweep(T0 + 1000));
      t.is(await store.registration('token of a', T0 + 1000), 'revoked');
      t.deepEqual(await names(store, ROMEO, T0 + 1000), ['b']);
      t.deepEqual(await store.revoke([{ token: 'token of a' }, { owner: ROMEO, name: 'a' }], T0 + 1000), []);
      t.is((await store.stats()).registrations, swept ? 1 : 2);
    }
  });

  promised('a millisecond before its end a registration is what it was', async (t, store) => {
    await store.register([registration('a', { expiresAt: T0 + 1000 })]);
    await store.sweep(T0 + 999);
    t.like(await store.registration('token of a', T0 + 999), { name: 'a' });
    t.deepEqual(await names(store, ROMEO, T0 + 999), ['a']);
  });

  promised('what comes back after its end gets the new token', async (t, store) => {
    await store.register([registration('a', { expiresAt: T0 + 1000 })]);
    const asked = registration('a', { token: 'new', registeredAt: T0 + 1000, expiresAt: T0 + HOUR });
    t.like((await store.register([asked]))[0], { kind: 'new', replaced: 'token of a' });
    t.is(await store.registration('token of a', T0 + 1000), 'revoked');
    t.deepEqual(await store.registration('new', T0 + 1000), asked);
  });

  promised('registrations are revoked by token and by name, and those that there were are told', async (t, store) => {
    const [a, b] = [registration('a'), registration('b', { vapid: 'key', expiresAt: T0 + HOUR })];
    await store.register([a, b, registration('c')]);
    const which = [
      { token: 'token of a' },
      { token: 'nobody has it' },
      { owner: ROMEO, name: 'b' },
      { owner: JULIET, name: 'c' },
      { token: 'token of a' },
    ];
    t.deepEqual(await store.revoke(which, T0), [a, b]);
    t.is(await store.registration('token of a', T0), 'revoked');
    t.is(await store.registration('token of b', T0), 'revoked');
    t.deepEqual(await names(store), ['c']);
    t.is((await store.stats()).registrations, 1);
  });

  promised('a name that was revoked can be registered again, under a new token', async (t, store) => {
    await store.register([registration('a')]);
    await store.revoke([{ owner: ROMEO, name: 'a' }], T0);
    const asked = registration('a', { token: 'new' });
    t.deepEqual(await store.register([asked]), [{ kind: 'new', registration: asked }]);
    t.is(await store.registration('token of a', T0), 'revoked');
  });

  promised('a token is known as revoked for so long and no longer', async (t, store) => {
    await store.register([registration('revoked'), registration('ended', { expiresAt: T0 + 1000 })]);
    await store.revoke([{ token: 'token of revoked' }], T0);
    await store.sweep(T0 + HOUR);
    t.is(await store.registration('token of revoked', T0 + HOUR), 'revoked', 'at the limit');
    await store.sweep(T0 + HOUR + 1);
    t.is(await store.registration('token of revoked', T0 + HOUR + 1), undefined, 'one past it');
    t.is(await store.registration('token of ended', T0 + HOUR + 1), 'revoked', 'its time counts from its end');
    await store.sweep(T0 + HOUR + 1001);
    t.is(await store.registration('token of ended', T0 + HOUR + 1001), undefined);
  });

  promised('one that ended long before the sweep comes is forgotten with it', async (t, store) => {
    await store.register([registration('a', { expiresAt: T0 + 1000 })]);
    await store.sweep(T0 + 1000 + HOUR + 1);
    t.is(await store.registration('token of a', T0 + 1000 + HOUR + 1), undefined);
  });

  promised(
    'tokens that were revoked are bounded like registrations, the oldest go first',
    async (t, store) => {
      for (const [n, name] of ['a', 'b', 'c'].entries()) {
        await store.register([registration(name)]);
        await store.revoke([{ token: `token of ${name}` }], T0 + n);
        await store.sweep(T0 + n);
        t.is(await store.registration('token of a', T0), name === 'c' ? undefined : 'revoked');
      }
      t.is(await store.registration('token of b', T0), 'revoked');
      t.is(await store.registration('token of c', T0), 'revoked');
    },
    { registrationsMax: 2 },
  );

  promised(
    'an owner may have so many and no more; to renew and to change the key is no more',
    async (t, store) => {
      const room = { owner: JULIET, token: 'theirs' };
      t.deepEqual(kinds(await store.register([registration('a'), registration('b')])), ['new', 'new'], 'at the limit');
      t.deepEqual(
        kinds(await store.register([registration('c'), registration('c', room), registration('a')])),
        ['full', 'new', 'known'],
        'one past it',
      );
      t.is(await store.registration('token of c', T0), undefined);
      t.deepEqual(kinds(await store.register([registration('b', { token: 'new', vapid: 'key' })])), ['new']);
      await store.revoke([{ owner: ROMEO, name: 'a' }], T0);
      t.deepEqual(kinds(await store.register([registration('c')])), ['new']);
      t.deepEqual(await names(store), ['b', 'c']);
    },
    { registrationsPerOwner: 2 },
  );

  promised(
    'an owner may have another number of them than the others',
    async (t, store) => {
      const of = (owner: string, name: string) => registration(`${owner} ${name}`, { owner });
      t.deepEqual(kinds(await store.register([of('bal:a', '1'), of('bal:a', '2'), of('bal:a', '3')])), [
        'new',
        'new',
        'full',
      ]);
      t.deepEqual(kinds(await store.register([of('bal:none', '1'), of(ROMEO, '1'), of(ROMEO, '2')])), [
        'full',
        'new',
        'full',
      ]);
    },
    { registrationsPerOwner: 1, registrationsOf: { 'bal:a': 2, 'bal:none': 0 } },
  );

  promised('what was registered anew since is not revoked for what was known before', async (t, store) => {
    await store.register([registration('a')]);
    await store.register([registration('a', { registeredAt: T0 + 5 })]);
    t.deepEqual(await store.revoke([{ token: 'token of a', registeredAt: T0 + 4 }], T0 + 9), []);
    t.like(await store.registration('token of a', T0 + 9), { name: 'a' });
    t.is((await store.revoke([{ token: 'token of a', registeredAt: T0 + 5 }], T0 + 9)).length, 1);
    t.is(await store.registration('token of a', T0 + 9), 'revoked');
  });

  promised(
    'there may be so many in all and no more',
    async (t, store) => {
      const theirs = (name: string) => registration(name, { owner: JULIET });
      t.deepEqual(kinds(await store.register([registration('a'), theirs('b')])), ['new', 'new'], 'at the limit');
      t.deepEqual(kinds(await store.register([theirs('c'), registration('a')])), ['full', 'known'], 'one past it');
      t.is((await store.stats()).registrations, 2);
      await store.revoke([{ token: 'token of a' }], T0);
      t.deepEqual(kinds(await store.register([theirs('c')])), ['new']);
    },
    { registrationsMax: 2 },
  );

  for (const bound of ['registrationsMax', 'registrationsPerOwner'] as const) {
    promised(
      `what is past its end takes no room, swept or not (${bound})`,
      async (t, store) => {
        await store.register([registration('a', { expiresAt: T0 + 1000 }), registration('b')]);
        const late = (at: number) => registration('c', { registeredAt: at });
        t.deepEqual(kinds(await store.register([late(T0 + 999)])), ['full']);
        t.deepEqual(kinds(await store.register([late(T0 + 1000)])), ['new']);
        t.is(await store.registration('token of a', T0 + 1000), 'revoked');
        t.is((await store.stats()).registrations, 2);
      },
      { [bound]: 2 },
    );
  }

  promised('the registrations of an owner come in pages, by name', async (t, store) => {
    const all = ['e', 'b', 'd', '', 'a', 'c'];
    await store.register([...all.map((name) => registration(name)), registration('b', { owner: JULIET, token: 'b' })]);
    const page = async (after?: string) => (await store.registrationsOf(ROMEO, after, 3, T0)).map(({ name }) => name);
    t.deepEqual([await page(), await page('b'), await page('e')], [['', 'a', 'b'], ['c', 'd', 'e'], []]);
    t.deepEqual(await store.registrationsOf(ROMEO, 'd', 3, T0), [registration('e')]);
    t.deepEqual(await store.registrationsOf('xmpp:nobody@example.net', undefined, 3, T0), []);
  });

  promised('the ended are passed over in a page, which is full all the same', async (t, store) => {
    const expiresAt = T0 + 1000;
    await store.register([registration('a'), registration('b', { expiresAt }), registration('c'), registration('d')]);
    const page = await store.registrationsOf(ROMEO, undefined, 2, T0 + 1000);
    t.deepEqual(
      page.map(({ name }) => name),
      ['a', 'c'],
    );
  });

  promised(
    'ended registrations are swept in pieces until all is done',
    async (t, store) => {
      const all = Array.from({ length: 2500 }, (_, n) => registration(`${n}`, { expiresAt: T0 + 1 + n }));
      await store.register([...all, registration('stays')]);
      let pieces = 1;
      while (await store.sweep(T0 + HOUR)) pieces++;
      t.true(pieces > 1 && pieces < 100, `${pieces} pieces`);
      t.is((await store.stats()).registrations, 1);
      t.is(await store.registration('token of 0', T0 + HOUR), 'revoked');
      t.is(await store.registration('token of 2499', T0 + HOUR), 'revoked');
      t.deepEqual(await names(store, ROMEO, T0 + HOUR), ['stays']);
    },
    { registrationsMax: 10_000, registrationsPerOwner: 10_000 },
  );

  for (const [title, end] of [
    ['revoked', (store: Store) => store.revoke([{ token: 'token of a' }], T0)],
    ['given another token', (store: Store) => store.register([registration('a', { token: 'new', vapid: 'key' })])],
    ['swept away', (store: Store) => store.sweep(T0 + HOUR)],
  ] as const) {
    promised(`what waits for an endpoint that is ${title} is woken`, async (t, store) => {
      const work = workOf(store);
      await store.register([registration('a', { expiresAt: T0 + HOUR })]);
      await store.accept([push('m', { target: 'token of a' }), push('n', { target: 'token of b' })]);
      const { claims } = await store.claim('ccs', 10, T0);
      for (const target of ['token of a', 'token of b']) await store.hold('ccs', target, T0 + 2 * HOUR);
      await store.settle(claims.map((lent) => retried(lent, T0 + 2 * HOUR, true, true)));
      work.forget();
      await end(store);
      await work.next({ kind: 'outbox', provider: 'ccs' });
      t.deepEqual(await claimIds(store), ['m']);
    });
  }

  promised(
    'what was tried and waits for its target is woken with it, what waits for itself is not',
    async (t, store) => {
      await store.accept([push('target'), push('itself'), push('other', { target: 'another' })]);
      const { claims } = await store.claim('ccs', 10, T0);
      await store.settle(claims.map((lent) => retried(lent, T0 + 5000, true, lent.message.messageId !== 'itself')));
      const work = workOf(store);
      await store.wake('ccs', 'token', T0);
      await work.next({ kind: 'outbox', provider: 'ccs' });
      t.deepEqual(await claimIds(store), ['target']);
      t.deepEqual(await claimIds(store, T0 + 5000), ['itself', 'other']);
    },
  );

  promised('a hold that was woken holds nothing that comes later', async (t, store) => {
    await store.accept([push('m')]);
    const { claims } = await store.claim('ccs', 10, T0);
    await store.hold('ccs', 'token', T0 + 5000);
    await store.settle(claims.map((lent) => retried(lent, T0 + 5000, true, true)));
    await store.accept([push('n')]);
    t.deepEqual(await claimIds(store), []);
    await store.wake('ccs', 'token', T0);
    await store.accept([push('o')]);
    t.deepEqual((await claimIds(store)).sort(), ['m', 'n', 'o']);
  });

  promised(
    'so many opaque messages of a session may wait for one target and no more',
    async (t, store) => {
      t.deepEqual(kinds(await store.accept([push('1'), push('2')])), ['taken', 'taken'], 'at the limit');
      const more = [
        push('3'),
        push('4', { target: 'another' }),
        push('5', { session: 'b' }),
        submission('6'),
        push('2'),
      ];
      t.deepEqual(kinds(await store.accept(more)), ['full', 'taken', 'taken', 'taken', 'pending'], 'one past it');
      t.is(store.pending('app'), 4);
      t.is(await store.outcomeOf('app', '3'), undefined, 'no trace is left');
      await deliver(store, '1', { ...push('1') });
      t.deepEqual(kinds(await store.accept([push('3'), push('7')])), ['taken', 'full']);
    },
    { sessions: { app: { maxPerTarget: 2 } } },
  );

  promised(
    'what is claimed counts, what is cancelled does not',
    async (t, store) => {
      await store.accept([push('1')]);
      await store.claim('ccs', 1, T0);
      t.deepEqual(kinds(await store.accept([push('2'), push('3')])), ['taken', 'full']);
      await store.cancel('app', '2');
      t.deepEqual(kinds(await store.accept([push('3')])), ['taken']);
    },
    { sessions: { app: { maxPerTarget: 2 } } },
  );

  promised(
    'what replaces another finds room where that one was',
    async (t, store) => {
      const topic = (id: string) => push(id, { collapseKey: 'topic' });
      await store.replace(topic('1'));
      await store.accept([push('2')]);
      t.is((await store.replace(topic('3'))).kind, 'taken');
      t.deepEqual(await claimIds(store), ['2', '3']);
      t.is((await store.replace(topic('4'))).kind, 'full', 'what is in flight does not give way');
      t.is(store.pending('app'), 2);
    },
    { sessions: { app: { maxPerTarget: 2 } } },
  );

  promised('what became of a message: nothing yet, its outcome, no trace', async (t, store) => {
    const ask = () => Promise.all(['a', 'b', 'c', 'd'].map((id) => store.outcomeOf('app', id)));
    t.deepEqual(await ask(), [undefined, undefined, undefined, undefined], 'before');
    await store.accept([
      push('a', { answer: 'kept' }),
      push('b', { answer: 'kept' }),
      push('c'),
      submission('d'),
      push('a', { session: 'b', answer: 'kept' }),
    ]);
    t.deepEqual(await ask(), ['pending', 'pending', 'pending', 'pending'], 'accepted');
    const { claims } = await store.claim('ccs', 10, T0);
    t.deepEqual(await ask(), ['pending', 'pending', 'pending', 'pending'], 'in flight');
    const [a, b, c, d] = claims.filter(({ message }) => message.session === 'app');
    if (!a || !b || !c || !d) return t.fail('all four were claimed');
    await store.settle([accepted(a), retried(b, T0 + 1), accepted(c), accepted(d)]);
    t.deepEqual(await ask(), [ack('a'), 'pending', undefined, ack('d')], 'settled');
    const again = await store.claim('ccs', 10, T0 + 1);
    await store.settle(again.claims.map((lent) => refused(lent)));
    t.like(await store.outcomeOf('app', 'b'), { type: 'reject', error: 'BAD_REGISTRATION', groupId: 'g' });
    t.is(await store.outcomeOf('b', 'a'), 'pending', 'each session has its own ids');
    await store.ackInbox('app', [1], T0);
    t.deepEqual(await store.outcomeOf('app', 'd'), ack('d'), 'as long as it is remembered');
    await store.sweep(T0 + LIMITS.dedupeWindowMs + 1);
    t.deepEqual(await ask(), [undefined, undefined, undefined, undefined], 'and no longer');
  });

  promised('what was replaced has an outcome, what was cancelled has none', async (t, store) => {
    const topic = (id: string) => push(id, { collapseKey: 'topic', answer: 'kept' });
    await store.replace(topic('a'));
    await store.replace(topic('b'));
    t.like(await store.outcomeOf('app', 'a'), { type: 'reject', error: 'EXPIRED' });
    await store.cancel('app', 'b');
    t.is(await store.outcomeOf('app', 'b'), undefined);
  });

  promised('a repeat of a message whose outcome is kept is answered with it', async (t, store) => {
    await deliver(store, 'a', { ...push('a', { answer: 'kept' }) });
    t.is(store.waiting('app'), 0, 'and it goes into no inbox');
    t.deepEqual(await store.accept([push('a', { answer: 'kept' })]), [{ kind: 'answered', notice: ack('a') }]);
  });
}
