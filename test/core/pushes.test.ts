import test from 'ava';
import { createMetrics } from '../../src/admin/index.ts';
import {
  Endpoints,
  type Message,
  type Outcome,
  PUSH_SESSION,
  type Push,
  type Registration,
  StoreError,
} from '../../src/core/index.ts';
import { type CoreBenchOptions, coreBench } from './bench.ts';
import { accept, FakeProvider } from './fake-provider.ts';

const HOUR = 3_600_000;
const BODY = Buffer.from([0, 255, 1]);

const refuse = (kind: 'gone' | 'refused', code: string): Outcome => ({ kind, code, because: 'so it is', reply: '{}' });
const away: Outcome = {
  kind: 'later',
  scope: 'target',
  code: 'AWAY',
  because: 'no presence',
  reply: '{}',
  delayMs: HOUR,
};

/** A core with an endpoint, and somebody who pushes to it. */
async function bench(options: CoreBenchOptions & { readonly window?: number } = {}) {
  const provider = new FakeProvider('fake', options.window ?? 100);
  const core = await coreBench({ ...options, providers: [provider] });
  const { pushes } = core.core;
  const endpoints = new Endpoints({ store: core.store, clock: core.clock, urlOf: (token) => token });
  const endpoint = async (name: string): Promise<Registration> => {
    const made = await endpoints.register({ owner: 'xmpp:romeo@example.net', name, provider: 'fake', data: '{}' });
    if (!made) throw new Error('there is no room');
    return made.registration;
  };
  const to = await endpoint('app');
  return {
    ...core,
    provider,
    pushes,
    endpoints,
    endpoint,
    to,
    /** Pushes, and gives the id; fails if the push is not taken. */
    async push(fields: Partial<Push> = {}, registration = to): Promise<string> {
      const push: Push = { body: BODY, headers: '{"ttl":60}', ttl: 60, urgency: 'normal', receipt: false, ...fields };
      const id = await pushes.push(registration, push);
      await core.settle();
      if (id === undefined) throw new Error('there is no room');
      return id;
    },
    /** What reached the provider, by message id. */
    delivered: () => provider.attempts.map(({ message }) => message.messageId),
    async answer(count: number, outcome: (message: Message) => Outcome = accept): Promise<void> {
      const attempt = await provider.attempt(count);
      attempt.answer(outcome(attempt.message));
      await core.settle();
    },
  };
}

test('a push goes to the provider of its endpoint, whole', async (t) => {
  const { push, provider, to, clock } = await bench();
  const id = await push({ topic: 'news', ttl: 60 });
  t.regex(id, /^[\w-]{27}$/);
  const { message } = await provider.attempt(1);
  t.like(message, {
    session: PUSH_SESSION,
    messageId: id,
    provider: 'fake',
    target: to.token,
    payload: { kind: 'opaque', body: BODY, headers: '{"ttl":60}' },
    ttl: 60,
    acceptedAt: clock.now(),
    expiresAt: clock.now() + 60_000,
    collapseKey: 'news',
    answer: 'none',
  });
  t.false('groupId' in message);
});

for (const [urgency, priority] of [
  ['very-low', 'normal'],
  ['low', 'normal'],
  ['normal', 'high'],
  ['high', 'high'],
] as const) {
  test(`urgency ${urgency} is priority ${priority}`, async (t) => {
    const { push, provider } = await bench();
    await push({ urgency });
    t.is((await provider.attempt(1)).message.priority, priority);
  });
}

test('[promise 1] a push is taken after the commit, and not at all without one', async (t) => {
  const { push, gated, settle } = await bench();
  const open = gated.hold('accept');
  let taken = false;
  const pushing = push().then(() => {
    taken = true;
  });
  await settle();
  t.false(taken);
  open();
  await settle();
  await pushing;
  for (const topic of [undefined, 'news']) {
    const heal = gated.refuse(topic ? 'replace' : 'accept', new StoreError('full', 'no room'));
    await t.throwsAsync(push(topic ? { topic } : {}), { instanceOf: StoreError });
    heal();
  }
});

test('TTL 0: now', async (t) => {
  const { push, answer, pushes } = await bench();
  const id = await push({ ttl: 0, receipt: true });
  await answer(1);
  t.like(await pushes.outcome(id), { type: 'ack' });
});

test('TTL 0: or not at all, when there is no room', async (t) => {
  const { push, provider, clock, pushes } = await bench({ window: 0 });
  const id = await push({ ttl: 0, receipt: true });
  await clock.advance(900);
  t.is(await pushes.outcome(id), 'pending');
  await clock.advance(600);
  t.like(await pushes.outcome(id), { type: 'reject', error: 'EXPIRED' });
  provider.window = 100;
  await clock.advance(HOUR);
  t.deepEqual(provider.attempts, []);
});

test('TTL 0: or not at all, when the device is away', async (t) => {
  const { push, answer, provider, clock, pushes } = await bench();
  const id = await push({ ttl: 0, receipt: true });
  await answer(1, () => away);
  t.like(await pushes.outcome(id), { type: 'reject', error: 'EXPIRED' });
  await clock.advance(2 * HOUR);
  t.is(provider.attempts.length, 1);
});

test('a push waits for a device that is away, until its TTL is over', async (t) => {
  const { push, answer, clock, pushes, provider } = await bench();
  const id = await push({ ttl: 600, receipt: true });
  await answer(1, () => away);
  await clock.advance(600_000);
  t.is(await pushes.outcome(id), 'pending');
  await clock.advance(1_000);
  t.like(await pushes.outcome(id), { type: 'reject', error: 'EXPIRED' });
  t.is(provider.attempts.length, 1);
});

test('what waits for a device goes out as soon as it is there: what was tried, and what came after it', async (t) => {
  const { push, answer, endpoints, delivered, settle, provider, clock } = await bench();
  const first = await push({ ttl: 86_400 });
  await answer(1, () => away);
  const second = await push({ ttl: 86_400 });
  await clock.advance(HOUR - 1);
  t.deepEqual(delivered(), [first]);
  await endpoints.wake('xmpp:romeo@example.net');
  await settle();
  t.deepEqual(new Set(delivered()), new Set([first, second]));
  t.is(provider.attempts.length, 3);
});

test('[RFC 8030 §5.4] a topic replaces what waits for the same endpoint under it, and nothing else', async (t) => {
  const { push, endpoint, provider, delivered, settle, pushes } = await bench({ window: 0 });
  const other = await endpoint('other');
  const old = await push({ topic: 'news', receipt: true });
  const kept = [await push({ topic: 'mail' }), await push(), await push({ topic: 'news' }, other)];
  const newer = await push({ topic: 'news' });
  provider.window = 100;
  await settle();
  t.deepEqual(new Set(delivered()), new Set([...kept, newer]));
  t.like(await pushes.outcome(old), { type: 'reject', error: 'EXPIRED', errorString: 'replaced by a newer message' });
});

test('a push that is on its way is not replaced', async (t) => {
  const { push, delivered } = await bench();
  const old = await push({ topic: 'news' });
  const newer = await push({ topic: 'news' });
  t.deepEqual(delivered(), [old, newer]);
});

test('a push can be taken back before it is on its way, and not afterwards', async (t) => {
  const { push, pushes, provider, delivered, settle } = await bench({ window: 0 });
  const [gone, sent] = [await push({ receipt: true }), await push()];
  t.true(await pushes.cancel(gone));
  t.false(await pushes.cancel(gone));
  t.false(await pushes.cancel('nobody has it'));
  t.is(await pushes.outcome(gone), undefined);
  provider.window = 100;
  await settle();
  t.deepEqual(delivered(), [sent]);
  t.false(await pushes.cancel(sent));
});

for (const [title, outcome, expected] of [
  ['an acceptance', accept, { type: 'ack' }],
  ['an endpoint that is gone', () => refuse('gone', 'UNREGISTERED'), { type: 'reject', error: 'UNREGISTERED' }],
  ['a refusal', () => refuse('refused', 'INVALID_MESSAGE'), { type: 'reject', error: 'INVALID_MESSAGE' }],
  [
    'a refusal that would pass: nobody sends this id again',
    () => refuse('refused', 'SERVICE_UNAVAILABLE'),
    { type: 'reject', error: 'SERVICE_UNAVAILABLE' },
  ],
] as const) {
  test(`a receipt tells of ${title}`, async (t) => {
    const { push, pushes, answer } = await bench();
    const [id, silent] = [await push({ receipt: true }), await push()];
    t.is(await pushes.outcome(id), 'pending');
    t.is(await pushes.outcome(silent), 'pending');
    await answer(1, outcome);
    await answer(2, outcome);
    t.like(await pushes.outcome(id), expected);
    t.is(await pushes.outcome(silent), undefined, 'nobody asked for its receipt');
    t.is(await pushes.outcome('nobody has it'), undefined);
  });
}

test('so many pushes may wait for one endpoint; others do not pay for it, and a delivery makes room', async (t) => {
  const telemetry = createMetrics();
  const { push, pushes, endpoint, to, answer } = await bench({ maxPerEndpoint: 2, telemetry });
  const more: Push = { body: BODY, headers: '{}', ttl: 60, urgency: 'normal', receipt: false };
  await push({ topic: 'news' });
  await push();
  t.is(await pushes.push(to, more), undefined);
  t.is(await pushes.push(to, { ...more, topic: 'news' }), undefined, 'the one of this topic is on its way');
  t.true((await telemetry.text()).includes('pushbridge_messages_total{provider="fake",state="full"} 2'));
  await push({}, await endpoint('other'));
  await answer(1);
  await push();
  t.is(await pushes.push(to, more), undefined);
});

test('a newer push of a topic takes the place of the older one, also when there is no other', async (t) => {
  const { push, pushes, to, provider, delivered, settle } = await bench({ maxPerEndpoint: 1, window: 0 });
  await push({ topic: 'news' });
  const newer = await push({ topic: 'news' });
  t.is(await pushes.push(to, { body: BODY, headers: '{}', ttl: 60, urgency: 'low', receipt: false }), undefined);
  provider.window = 100;
  await settle();
  t.deepEqual(delivered(), [newer]);
});

test('so many pushes may wait in all', async (t) => {
  const { push, pushes, answer } = await bench({ maxPushes: 2 });
  t.is(pushes.room, 2);
  await push();
  t.is(pushes.room, 1);
  await push();
  t.is(pushes.room, 0);
  await answer(1);
  t.is(pushes.room, 1);
});

test('pushes on their way into the store take room, too', async (t) => {
  const { push, pushes, gated, settle } = await bench({ maxPushes: 2 });
  const open = gated.hold('accept');
  const pushing = push();
  await settle();
  t.is(pushes.room, 1);
  open();
  await settle();
  await pushing;
  t.is(pushes.room, 1);
});

test('without a word about it a million pushes may wait', async (t) => {
  t.is((await bench()).pushes.room, 1_000_000);
});

test('the session of pushes is none of the backends', async (t) => {
  const telemetry = createMetrics();
  const { core, push, inbox, store, clock } = await bench({ telemetry });
  await push();
  t.is(core.sessions.homeOf(PUSH_SESSION), undefined, 'no device sends to it');
  await clock.advance(2_000);
  const text = await telemetry.text();
  t.true(text.includes('pushbridge_bal_connections{session="app"} 0'));
  t.false(text.includes(PUSH_SESSION));
  t.true(text.includes('pushbridge_registrations 1'));
  t.deepEqual(await inbox(), []);
  t.is(store.waiting(PUSH_SESSION), 0);
});

test('over FCM a topic replaces what waits for the same endpoint, and a push in two parts is taken back whole', async (t) => {
  const { push, pushes, endpoints, delivered, store } = await bench({ window: 0 });
  const fcm = async (name: string) => {
    const data = JSON.stringify({ fcm: { to: 'fcm-token', instance: name } });
    const made = await endpoints.register({ owner: 'bal:app', name, provider: 'fake', data });
    if (!made) throw new Error('there is no room');
    return made.registration;
  };
  const [one, two] = [await fcm('one'), await fcm('two')];
  const old = await push({ topic: 'news' }, one);
  const other = await push({ topic: 'news' }, two);
  const newer = await push({ topic: 'news' }, one);
  t.is(await pushes.outcome(old), undefined);
  t.is(await pushes.outcome(other), 'pending');
  const large = await push({ body: Buffer.alloc(3_000) }, one);
  t.is(store.pending(PUSH_SESSION), 4);
  t.true(await pushes.cancel(large));
  t.is(store.pending(PUSH_SESSION), 2);
  t.is(await pushes.outcome(newer), 'pending');
  t.deepEqual(delivered(), []);
});
