import test from 'ava';
import { type Message, type Outcome, StoreError } from '../../src/core/index.ts';
import { coreBench } from './bench.ts';
import { accept, FakeProvider } from './fake-provider.ts';

const busy = (fields: Partial<Extract<Outcome, { kind: 'later' }>> = {}): Outcome => ({
  kind: 'later',
  scope: 'message',
  code: 'SERVICE_UNAVAILABLE',
  because: 'busy',
  reply: '{}',
  ...fields,
});
const ids = (provider: FakeProvider) => provider.attempts.map(({ message }) => message.messageId);
const yes = (message: Message | undefined): Outcome => {
  if (!message) throw new Error('no such attempt');
  return accept(message);
};

test('[promise 4] one message of a group at a time, in order; other groups and messages do not wait', async (t) => {
  const { core, submission, settle, provider } = await coreBench();
  await core.router.submit('app', [
    submission({ messageId: 'a1', groupId: 'a' }),
    submission({ messageId: 'a2', groupId: 'a' }),
    submission({ messageId: 'b1', groupId: 'b' }),
    submission({ messageId: 'free' }),
  ]);
  await settle();
  t.deepEqual(ids(provider), ['a1', 'b1', 'free']);
  provider.attempts[0]?.answer(busy({ delayMs: 5_000 }));
  await settle();
  t.is(provider.attempts.length, 3, 'a group whose head waits for a retry waits with it');
});

test('a retry goes out when its time has come, under the same wire id, and then its group goes on', async (t) => {
  const { core, submission, settle, provider, clock } = await coreBench();
  await core.router.submit('app', [
    submission({ messageId: 'a1', groupId: 'a' }),
    submission({ messageId: 'a2', groupId: 'a' }),
  ]);
  await settle();
  provider.attempts[0]?.answer(busy({ delayMs: 5_000 }));
  await settle();
  await clock.advance(4_900);
  t.is(provider.attempts.length, 1);
  await clock.advance(200);
  t.deepEqual(ids(provider), ['a1', 'a1']);
  t.is(provider.attempts[1]?.message.wireId, provider.attempts[0]?.message.wireId);
  t.is(provider.attempts[1]?.message.attempts, 1);
  provider.attempts[1]?.answer(yes(provider.attempts[1]?.message));
  await settle();
  t.deepEqual(ids(provider), ['a1', 'a1', 'a2']);
});

test('no more goes out than the provider has room for, and the next when room appears', async (t) => {
  const provider = new FakeProvider('fake', 2);
  const { core, submission, settle } = await coreBench({ providers: [provider] });
  await core.router.submit(
    'app',
    Array.from({ length: 5 }, () => submission()),
  );
  await settle();
  t.is(provider.attempts.length, 2);
  provider.attempts[0]?.answer(yes(provider.attempts[0]?.message));
  await settle();
  t.is(provider.attempts.length, 3);
  t.is(provider.most, 2);
});

test('no provider waits for another', async (t) => {
  const stuck = new FakeProvider('stuck', 1);
  const quick = new FakeProvider('quick', 1, accept);
  const { core, submission, settle } = await coreBench({ providers: [stuck, quick] });
  const to = (provider: string) => submission({ provider });
  await core.router.submit('app', [to('stuck'), to('stuck'), to('quick'), to('quick'), to('quick')]);
  await settle();
  t.is(stuck.attempts.length, 1);
  t.is(quick.attempts.length, 3);
});

test('a target over its rate waits as a whole; other targets do not', async (t) => {
  const { core, submission, settle, provider, clock } = await coreBench({
    providers: [new FakeProvider('fake', 1)],
  });
  await core.router.submit('app', [
    submission({ messageId: 'd1', target: 'device' }),
    submission({ messageId: 'd2', target: 'device' }),
    submission({ messageId: 'e1', target: 'other' }),
  ]);
  await settle();
  provider.attempts[0]?.answer(busy({ scope: 'target', code: 'DEVICE_MESSAGE_RATE_EXCEEDED', delayMs: 10_000 }));
  await settle();
  t.deepEqual(ids(provider), ['d1', 'e1'], 'd2 is passed over');
  provider.attempts[1]?.answer(yes(provider.attempts[1]?.message));
  await clock.advance(10_100);
  t.true(ids(provider).slice(2).includes('d1') || ids(provider).slice(2).includes('d2'));
});

test('[BAL §Downstream rules] a message that no connection takes expires, and says so', async (t) => {
  const provider = new FakeProvider('fake', 0);
  const { core, submission, clock, inbox } = await coreBench({ providers: [provider] });
  const now = clock.now();
  await core.router.submit('app', [
    submission({ messageId: 'zero', ttl: 0, expiresAt: now + 1_000 }),
    submission({ messageId: 'long' }),
  ]);
  await clock.advance(990);
  t.deepEqual(await inbox(), []);
  await clock.advance(600);
  const [frame, ...more] = await inbox();
  t.like(frame, { type: 'reject', messageId: 'zero', error: 'EXPIRED' });
  t.deepEqual(more, []);
  t.is(provider.attempts.length, 0);
});

test('[BAL §Downstream rules] an attempt in flight is never expired: its answer decides', async (t) => {
  const { core, submission, settle, provider, clock, inbox } = await coreBench();
  await core.router.submit('app', [submission({ ttl: 1, expiresAt: clock.now() + 1_000 })]);
  await settle();
  await clock.advance(5_000);
  t.deepEqual(await inbox(), []);
  provider.attempts[0]?.answer(yes(provider.attempts[0]?.message));
  await settle();
  t.like((await inbox())[0], { type: 'ack' });
});

test('a message whose connection died goes out again at once', async (t) => {
  const { core, submission, settle, provider } = await coreBench();
  await core.router.submit('app', [submission()]);
  await settle();
  provider.attempts[0]?.answer({ kind: 'unanswered', because: 'connection closed' });
  await settle();
  t.is(provider.attempts.length, 2);
  t.is(provider.attempts[1]?.message.attempts, 0, 'no answer is no attempt');
});

test('a provider that throws is a fault of ours: the message waits and is tried again', async (t) => {
  let calls = 0;
  const provider = new FakeProvider('fake', 10, (message) => {
    if (++calls === 1) throw new TypeError('broken');
    return accept(message);
  });
  const { core, submission, settle, clock, inbox } = await coreBench({ providers: [provider] });
  await core.router.submit('app', [submission()]);
  await settle();
  t.is(calls, 1);
  await clock.advance(1_000);
  t.is(calls, 2);
  t.like((await inbox())[0], { type: 'ack' });
});

test('an outcome that the store refuses is kept and written down later: the push is not repeated', async (t) => {
  const { core, submission, settle, provider, clock, gated, inbox } = await coreBench();
  await core.router.submit('app', [submission()]);
  await settle();
  const heal = gated.refuse('settle');
  provider.attempts[0]?.answer(yes(provider.attempts[0]?.message));
  await clock.advance(2_000);
  t.true(gated.calls('settle') > 1);
  t.deepEqual(await inbox(), []);
  heal();
  await clock.advance(1_000);
  t.like((await inbox())[0], { type: 'ack' });
  t.is(provider.attempts.length, 1);
});

test('a store in trouble is asked for nothing new, and work goes on when it has recovered', async (t) => {
  const { core, submission, settle, provider, gated } = await coreBench();
  gated.trouble(new StoreError('full', 'no room'));
  t.is(core.health().state, 'down');
  await core.router.submit('app', [submission()]);
  await settle();
  t.is(provider.attempts.length, 0);
  gated.trouble(undefined);
  await settle();
  t.is(provider.attempts.length, 1);
  t.is(core.health().state, 'ok');
});

test('stop claims nothing more and waits for what is in flight', async (t) => {
  const { core, submission, settle, provider, inbox } = await coreBench({ providers: [new FakeProvider('fake', 1)] });
  await core.router.submit('app', [submission(), submission()]);
  await settle();
  let stopped = false;
  const stopping = core.stop().then(() => (stopped = true));
  await settle();
  t.false(stopped);
  provider.attempts[0]?.answer(yes(provider.attempts[0]?.message));
  await settle();
  await stopping;
  t.is(provider.attempts.length, 1);
  t.is((await inbox()).length, 1, 'the outcome is stored before the stop is over');
});

test('a store that can not come back is told to whoever runs the process, and nobody asks it again', async (t) => {
  const { gated, fatal, settle, core, submission, provider, clock } = await coreBench();
  await core.router.submit('app', [submission()]);
  await settle();
  const dead = new StoreError('dead', 'the thread has ended');
  gated.refuse('settle', dead);
  provider.attempts[0]?.answer(yes(provider.attempts[0]?.message));
  gated.trouble(dead);
  await clock.advance(5_000);
  t.deepEqual(fatal, [dead]);
  t.is(gated.calls('settle'), 1);
});
