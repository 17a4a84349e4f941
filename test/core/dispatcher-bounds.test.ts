import test from 'ava';
import { coreBench } from './bench.ts';
import { accept, FakeProvider } from './fake-provider.ts';

const ids = (provider: FakeProvider) => provider.attempts.map(({ message }) => message.messageId);
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

test('more than one claim’s worth is worked off', async (t) => {
  const { core, submission, settle, provider, store } = await coreBench({
    providers: [new FakeProvider('fake', 5_000, accept)],
  });
  await core.router.submit(
    'app',
    many(1_300, () => submission()),
  );
  await settle();
  await settle();
  t.is(provider.attempts.length, 1_300);
  t.is(store.pending('app'), 0);
});

test('more expired messages than fit into one batch go in one look', async (t) => {
  const { core, submission, clock, store } = await coreBench({ providers: [new FakeProvider('fake', 0)] });
  const expiresAt = clock.now() + 1_000;
  await core.router.submit(
    'app',
    many(1_100, () => submission({ expiresAt })),
  );
  await clock.advance(1_250);
  t.is(store.pending('app'), 0);
  t.is(store.waiting('app'), 1_100);
});

test('a store that refuses a claim is asked again', async (t) => {
  const { core, submission, settle, provider, gated, clock } = await coreBench();
  const heal = gated.refuse('claim');
  await core.router.submit('app', [submission()]);
  await settle();
  t.is(provider.attempts.length, 0);
  heal();
  await clock.advance(500);
  t.is(provider.attempts.length, 1);
});

test('a claim that the store does not take back is given back later', async (t) => {
  const { core, submission, settle, provider, gated, clock } = await coreBench();
  const heal = gated.refuse('release');
  await core.router.submit('app', [submission({ messageId: 'a' })]);
  await settle();
  provider.attempts[0]?.answer({ kind: 'unsent', because: 'draining' });
  await settle();
  t.is(provider.attempts.length, 1);
  heal();
  await clock.advance(500);
  t.deepEqual(ids(provider), ['a', 'a']);
});

test('expiry goes on after the store refused it', async (t) => {
  const { core, submission, store, gated, clock } = await coreBench({ providers: [new FakeProvider('fake', 0)] });
  const heal = gated.refuse('claimExpired');
  await core.router.submit('app', [submission({ expiresAt: clock.now() + 1_000 })]);
  await clock.advance(2_000);
  t.is(store.pending('app'), 1);
  heal();
  await clock.advance(250);
  t.is(store.pending('app'), 0);
});

test('stopping twice at once is fine: both wait for what is in flight', async (t) => {
  const { core, submission, settle, provider } = await coreBench();
  await core.router.submit('app', [submission()]);
  const attempt = await provider.attempt(1);
  let stopped = 0;
  const stops = [core.stop().then(() => stopped++), core.stop().then(() => stopped++)];
  await settle();
  t.is(stopped, 0);
  attempt.answer(accept(attempt.message));
  await Promise.all(stops);
  t.is(core.dispatcher.inFlight, 0);
});

test('a claim on its way out of the store when the bridge stops goes back', async (t) => {
  const { core, submission, settle, provider, gated, store, clock } = await coreBench();
  await settle();
  const open = gated.hold('claim');
  const claims = gated.calls('claim');
  await core.router.submit('app', [submission()]);
  await gated.called('claim', claims + 1);
  let stopped = false;
  const stop = core.stop().then(() => (stopped = true));
  await settle();
  t.false(stopped);
  open();
  await stop;
  t.is(provider.attempts.length, 0);
  t.is((await store.claim('fake', 10, clock.now())).claims.length, 1, 'it can be claimed again');
});

test('expired messages on their way when the bridge stops are settled before it has stopped', async (t) => {
  const { core, submission, gated, store, clock, inbox } = await coreBench({
    providers: [new FakeProvider('fake', 0)],
  });
  await core.router.submit('app', [submission({ expiresAt: clock.now() })]);
  const open = gated.hold('claimExpired');
  await clock.advance(250);
  await gated.called('claimExpired', 1);
  const stop = core.stop();
  open();
  await stop;
  t.is(store.pending('app'), 0);
  t.is((await inbox()).length, 1);
});

test('an outcome that comes when the store is closed ends the waiting: the message is still there', async (t) => {
  const { core, submission, provider, store } = await coreBench();
  await core.router.submit('app', [submission()]);
  const attempt = await provider.attempt(1);
  const stop = core.stop();
  await store.close();
  attempt.answer(accept(attempt.message));
  await t.notThrowsAsync(stop);
});

test('a retry that falls due while the bridge stops is left alone', async (t) => {
  const { core, submission, settle, provider, clock } = await coreBench();
  await core.router.submit('app', [submission()]);
  (await provider.attempt(1)).answer({ kind: 'later', scope: 'message', code: 'BUSY', because: '', reply: '{}' });
  await settle();
  await core.stop();
  await clock.advance(60_000);
  t.is(provider.attempts.length, 1);
});

test('an upstream id is a duplicate as long as the store says so, not as long as memory remembers', async (t) => {
  const { core, clock, store, settle } = await coreBench();
  const receive = async () => {
    const receiving = core.router.receiver('fake').upstream({ from: 'd', id: 'u', session: 'app', data: '{}' });
    await settle();
    await receiving;
  };
  await receive();
  // The day passes while the machine sleeps, but for the minute that ends what memory remembers.
  clock.jump(86_400_000 - 10_000 - 60_000);
  await clock.advance(60_000);
  await receive();
  t.is(store.waiting('app'), 1);
  await clock.advance(20_000);
  await receive();
  t.is(store.waiting('app'), 2);
});
