import test from 'ava';
import { Core, noTelemetry, type Submission } from '../../../src/core/index.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createMemoryStore } from '../../../src/storage/memory/index.ts';
import { limits } from '../../doors/bal/harness.ts';
import { bench, until } from './bench.ts';
import { reason } from './scripted-server.ts';

/** A core in front of a provider, and a mailbox to look into. */
async function flow(b: Awaited<ReturnType<typeof bench>>) {
  const store = createMemoryStore(limits);
  const { clock, provider } = b;
  const core = new Core({
    store,
    providers: [provider],
    sessions: [{ id: 'app', maxPending: 1_000, maxInbox: 1_000 }],
    retry: { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: 30_000,
    maxNoticeBytes: 10_000,
    onFatal: () => {},
    clock,
    random: () => 0.5,
    log: silentLog,
    telemetry: noTelemetry,
  });
  core.start();
  const submit = (messageId: string, target: string, ttl = 3_600) => {
    const now = clock.now();
    const submission: Submission = {
      session: 'app',
      messageId,
      provider: provider.name,
      target,
      payload: { kind: 'fcm', json: JSON.stringify({ to: target, notification: { title: messageId } }) },
      priority: 'normal',
      acceptedAt: now,
      expiresAt: now + ttl * 1_000,
      ttl,
      answer: 'inbox',
      mailbox: 0,
      digest: messageId,
      receipt: false,
    };
    return core.router.submit('app', [submission]);
  };
  const told: { readonly messageId: string; readonly type: string; readonly error?: string }[] = [];
  const answers = async (count: number) => {
    while (told.length < count) {
      told.push(...(await store.claimInbox('app', [0], 1_000)));
      await clock.advance(0);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return told;
  };
  return { core, submit, answers, told, [Symbol.asyncDispose]: () => core.stop() };
}

test('TooManyRequests holds back one token while the others go on', async (t) => {
  await using b = await bench();
  await using f = await flow(b);
  b.server.answer = ({ path, number }) =>
    path.endsWith('/aa') && number === 1
      ? { ...reason(429, 'TooManyRequests'), headers: { 'retry-after': '20' } }
      : { status: 200 };
  await f.submit('first', 'aa');
  await until(() => b.server.seen.length === 1, 'the first');
  await b.clock.advance(10);
  await f.submit('second', 'aa');
  for (let n = 0; n < 5; n++) await f.submit(`other${n}`, 'bb');
  const told = await f.answers(5);
  t.true(told.every(({ messageId }) => messageId.startsWith('other')));
  await b.clock.advance(20_900);
  t.is(b.server.seen.filter(({ path }) => path.endsWith('/aa')).length, 1);
  await b.clock.advance(200);
  const all = await f.answers(7);
  t.true(all.every(({ type }) => type === 'ack'));
});

test('trouble of the provider: all messages wait and arrive when it is over, once each', async (t) => {
  await using b = await bench({ server: { answer: () => reason(403, 'InvalidProviderToken') } });
  await using f = await flow(b);
  for (let n = 0; n < 10; n++) await f.submit(`m${n}`, `a${n}`);
  await until(() => b.provider.health().state === 'down', 'the trouble');
  await b.clock.advance(500);
  t.is(b.server.seen.length, 1, 'nobody asks again and again');
  t.deepEqual(f.told, []);
  b.server.answer = () => ({ status: 200 });
  await b.clock.advance(1_000);
  const told = await f.answers(10);
  t.true(told.every(({ type }) => type === 'ack'));
  t.is(new Set(told.map(({ messageId }) => messageId)).size, 10);
  t.is(b.server.seen.length, 11);
});

test('trouble of the provider: a message with a TTL of 0 ends, and does not spin', async (t) => {
  await using b = await bench({ server: { answer: () => reason(403, 'Forbidden') } });
  await using f = await flow(b);
  await f.submit('now', 'aa', 0);
  await until(() => b.provider.health().state === 'down', 'the trouble');
  await b.clock.advance(600);
  const [told] = await f.answers(1);
  t.like(told, { messageId: 'now', type: 'reject', error: 'EXPIRED' });
  t.is(b.server.seen.length, 1);
});

test('a token that is gone: the reject says so, and from when on', async (t) => {
  await using b = await bench({
    server: { answer: () => reason(410, 'Unregistered', { timestamp: 1_600_000_000_000 }) },
  });
  await using f = await flow(b);
  await f.submit('m', 'aa');
  const [told] = await f.answers(1);
  t.like(told, {
    messageId: 'm',
    type: 'reject',
    error: 'DEVICE_UNREGISTERED',
    errorString:
      'Unregistered (status 410): forget the token unless the device registered it after 2020-09-13T12:26:40.000Z',
  });
});
