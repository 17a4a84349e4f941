import test from 'ava';
import { coreBench } from './bench.ts';
import { accept, FakeProvider } from './fake-provider.ts';

const receiverOf = (provider: FakeProvider) => {
  if (!provider.receiver) throw new Error('not started');
  return provider.receiver;
};
const up = (id: string, session = 'app') => ({ from: 'device', id, session, data: `{"message_id":"${id}"}` });

test('[promise 1] an upstream message is acknowledged only after the commit', async (t) => {
  const { provider, gated, settle, inbox } = await coreBench();
  const open = gated.hold('receive');
  let acked = false;
  const receiving = receiverOf(provider)
    .upstream(up('u1'))
    .then(() => (acked = true));
  await settle();
  t.false(acked);
  open();
  await settle();
  await receiving;
  t.like((await inbox())[0], { type: 'upstream', messageId: 'u1', sequence: 1 });
});

test('a store that refuses an upstream message leaves it unacknowledged, and a repeat is taken', async (t) => {
  const { provider, gated, inbox, settle } = await coreBench();
  const heal = gated.refuse('receive');
  const refused = t.throwsAsync(receiverOf(provider).upstream(up('u1')));
  await settle();
  await refused;
  heal();
  const again = receiverOf(provider).upstream(up('u1'));
  await settle();
  await again;
  t.is((await inbox()).length, 1);
});

test('[BAL §Downstream rules] a duplicate is acknowledged again and not delivered', async (t) => {
  const { provider, inbox, settle } = await coreBench();
  for (const message of [up('u1'), up('u1'), { ...up('u1'), from: 'another' }]) {
    const receiving = receiverOf(provider).upstream(message);
    await settle();
    await receiving;
  }
  t.is((await inbox()).length, 2);
});

test('duplicates within one batch are stored once', async (t) => {
  const { provider, inbox, settle } = await coreBench();
  const both = Promise.all([receiverOf(provider).upstream(up('u1')), receiverOf(provider).upstream(up('u1'))]);
  await settle();
  await both;
  t.is((await inbox()).length, 1);
});

test('an unknown session: a dead letter, acknowledged all the same', async (t) => {
  const { provider, store, inbox, settle } = await coreBench();
  const receiving = receiverOf(provider).upstream(up('u1', 'com.example.nobody'));
  await settle();
  await receiving;
  t.deepEqual(await inbox(), []);
  t.is((await store.stats()).deadLetters, 1);
});

test('an upstream message that no frame can carry is a dead letter, one at the limit is delivered', async (t) => {
  const { provider, store, inbox, settle } = await coreBench();
  const ids = JSON.stringify('u1').length + JSON.stringify('').length;
  for (const [id, bytes] of [
    ['u1', 1_000 - ids],
    ['u2', 1_001 - ids],
  ] as const) {
    const receiving = receiverOf(provider).upstream({ ...up(id), data: `"${'x'.repeat(bytes - 2)}"` });
    await settle();
    await receiving;
  }
  t.deepEqual(
    (await inbox()).map(({ messageId }) => messageId),
    ['u1'],
  );
  t.is((await store.stats()).deadLetters, 1);
});

test('a receipt goes to the session of the original, with its own id', async (t) => {
  const provider = new FakeProvider('fake', 10, accept);
  const { core, submission, settle, inbox } = await coreBench({ providers: [provider] });
  await core.router.submit('app', [submission({ messageId: 'mine', groupId: 'g', receipt: true })]);
  await settle();
  const wireId = provider.attempts[0]?.message.wireId ?? '';
  const data = (id: string) => `{"message_id":"dr2:${id}"}`;
  const receipt = { from: 'gcm.googleapis.com', id: `dr2:${wireId}`, wireId, data };
  const receiving = receiverOf(provider).receipt(receipt);
  await settle();
  await receiving;
  t.like((await inbox()).at(-1), {
    type: 'receipt',
    messageId: 'mine',
    groupId: 'g',
    data: '{"message_id":"dr2:mine"}',
  });
});

test('a receipt that nobody asked for is a dead letter', async (t) => {
  const { provider, store, settle } = await coreBench();
  const receipt = { from: 'gcm.googleapis.com', id: 'dr2:x', wireId: 'x', data: () => '{}' };
  const receiving = receiverOf(provider).receipt(receipt);
  await settle();
  await receiving;
  t.is((await store.stats()).deadLetters, 1);
});

test('[promise 3] a repeat is recognised while pending, with its outcome waiting, and after it was acknowledged', async (t) => {
  const { core, submission, settle, provider, store, inbox } = await coreBench();
  const message = submission({ messageId: 'm' });
  t.deepEqual((await core.router.submit('app', [message]))[0]?.kind, 'taken');
  t.deepEqual((await core.router.submit('app', [message]))[0]?.kind, 'pending');
  await settle();
  provider.attempts[0]?.answer(accept(message as never));
  await settle();
  t.deepEqual(await core.router.submit('app', [message]), [{ kind: 'repeated', sequence: 1 }]);
  await store.ackInbox('app', [1], 0);
  t.deepEqual(await core.router.submit('app', [message]), [{ kind: 'repeated', sequence: 2 }]);
  t.like((await inbox())[0], { sequence: 2, messageId: 'm', type: 'ack' });
  t.deepEqual(await core.router.submit('app', [{ ...message, digest: 'other' }]), [{ kind: 'conflict' }]);
  t.is(provider.attempts.length, 1);
});

test('submissions on their way into the store count against the limit of the session', async (t) => {
  const { core, submission, gated, settle } = await coreBench();
  const open = gated.hold('accept');
  t.is(core.sessions.room('app'), 1_000);
  const submitting = core.router.submit('app', [submission(), submission()]);
  t.is(core.sessions.room('app'), 998);
  open();
  await settle();
  await submitting;
  t.is(core.sessions.room('app'), 998);
});

test('what is not in flight can be taken back, and whoever waits for room hears of it', async (t) => {
  const { core, provider, submission, settle } = await coreBench({
    providers: [new FakeProvider('fake', 1)],
    sessions: [{ id: 'app', maxPending: 3, maxInbox: 10 }],
  });
  // The first is in flight, the second is claimed ahead.
  await core.router.submit(
    'app',
    ['m1', 'm2', 'm3'].map((messageId) => submission({ messageId })),
  );
  await provider.attempt(1);
  let called = false;
  core.sessions.whenRoom('app', () => (called = true));
  await settle();
  t.false(await core.router.withdraw('app', 'm1'), 'it is in flight');
  t.false(called);
  t.true(await core.router.withdraw('app', 'm3'));
  t.true(called);
  t.false(await core.router.withdraw('app', 'm3'), 'it is gone');
});

test('a session that has apps gets what their devices send, and nothing under its own name', async (t) => {
  const { provider, settle, store } = await coreBench({
    sessions: [{ id: 'ccs:1', apps: ['com.a', 'com.b'], maxPending: 10, maxInbox: 10 }],
  });
  for (const app of ['com.a', 'com.b', 'ccs:1']) {
    const receiving = receiverOf(provider).upstream(up(app, app));
    await settle();
    await receiving;
  }
  t.is(store.waiting('ccs:1'), 2);
  t.is((await store.stats()).deadLetters, 1);
});
