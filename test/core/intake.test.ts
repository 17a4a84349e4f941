import test from 'ava';
import { coreBench } from './bench.ts';
import { accept, FakeProvider } from './fake-provider.ts';

const up = (id: string, fields: { from?: string; app?: string } = {}) => ({
  from: 'device',
  id,
  app: 'app',
  data: `{"message_id":"${id}"}`,
  ...fields,
});

type Bench = Awaited<ReturnType<typeof coreBench>>;

/** What comes of it once everything that can happen now has happened. */
async function handed<T>({ settle }: Pick<Bench, 'settle'>, work: Promise<T>): Promise<T> {
  work.catch(() => {});
  await settle();
  return work;
}

test('[promise 1] what a device hands in is answered after the commit', async (t) => {
  const bench = await coreBench();
  const open = bench.gated.hold('receive');
  let answer: string | undefined;
  const handing = bench.core.router
    .intake('app')
    .upstream(up('u1'))
    .then((kind) => (answer = kind));
  await bench.settle();
  t.is(answer, undefined);
  open();
  t.is(await handed(bench, handing), 'stored');
  t.like((await bench.inbox())[0], { type: 'upstream', messageId: 'u1', data: '{"message_id":"u1"}' });
});

test('a repeat is known by app, sender and id; an upstream message is no receipt', async (t) => {
  const provider = new FakeProvider('fake', 10, accept);
  const bench = await coreBench({ providers: [provider] });
  const intake = bench.core.router.intake('app');
  for (const [message, answer] of [
    [up('u1'), 'stored'],
    [up('u1'), 'duplicate'],
    [up('u1', { from: 'other' }), 'stored'],
    [up('u2'), 'stored'],
  ] as const) {
    t.is(await handed(bench, intake.upstream(message)), answer);
  }
  // A provider's device of the same name is another one.
  const receiving = provider.receiver?.upstream({ ...up('u1'), session: 'app' });
  await bench.settle();
  await receiving;
  t.is((await bench.inbox()).length, 4);
});

test('what the store refuses rejects, and can be handed in again', async (t) => {
  const bench = await coreBench();
  const intake = bench.core.router.intake('app');
  const heal = bench.gated.refuse('receive');
  await t.throwsAsync(handed(bench, intake.upstream(up('u1'))), { message: 'the disk is gone' });
  heal();
  t.is(await handed(bench, intake.upstream(up('u1'))), 'stored');
});

test('a full inbox, an unknown session and what no frame can carry are refused, and leave no dead letter', async (t) => {
  const bench = await coreBench({ maxInbox: 1 });
  const intake = bench.core.router.intake('app');
  const idBytes = '"u1"""'.length;
  const sized = (id: string, bytes: number) => ({ ...up(id), data: `"${'x'.repeat(bytes - 2)}"` });
  t.is(await handed(bench, intake.upstream(sized('u1', 1_001 - idBytes))), 'too_large');
  t.is(await handed(bench, intake.upstream(sized('u1', 1_000 - idBytes))), 'stored');
  t.is(await handed(bench, intake.upstream(up('u2'))), 'full');
  t.is(await handed(bench, intake.upstream(up('u2'))), 'full', 'a refusal is not remembered as a repeat');
  t.is(await handed(bench, intake.upstream(up('u3', { app: 'nobody' }))), 'unknown');
  await bench.store.ackInbox('app', [1], 0);
  t.is(await handed(bench, intake.upstream(up('u2'))), 'stored');
  t.is((await bench.store.stats()).deadLetters, 0);
});

test('a receipt goes to the mailbox of who asked for it, once; nobody else can hand it in', async (t) => {
  const provider = new FakeProvider('fake', 10, accept);
  const bench = await coreBench({ providers: [provider] });
  const message = bench.submission({ messageId: 'mine', groupId: 'g', receipt: true });
  await bench.core.router.submit('app', [message]);
  await bench.settle();
  const wireId = provider.attempts[0]?.message.wireId ?? '';
  const intake = bench.core.router.intake('app');
  const receipt = {
    from: 'device',
    id: 'r',
    app: 'app',
    provider: 'fake',
    wireId,
    data: (id: string) => `{"message_id":"dr2:${id}"}`,
  };
  t.is(await handed(bench, intake.receipt({ ...receipt, app: 'other' })), 'unknown');
  t.is(await handed(bench, intake.receipt({ ...receipt, provider: 'ccs' })), 'unknown');
  t.is(await handed(bench, intake.receipt({ ...receipt, wireId: 'never' })), 'unknown');
  t.is(await handed(bench, intake.receipt(receipt)), 'stored');
  t.is(await handed(bench, intake.receipt(receipt)), 'duplicate');
  const frames = await bench.inbox();
  t.deepEqual(
    frames.map(({ type }) => type),
    ['ack', 'receipt'],
  );
  t.like(frames[1], { messageId: 'mine', groupId: 'g', data: '{"message_id":"dr2:mine"}' });
  t.is((await bench.store.stats()).deadLetters, 0);
});

test('what an app says goes to the session that has the app', async (t) => {
  const sender = { id: 'ccs:1', apps: ['shop', 'chat'], maxPending: 10, maxInbox: 10 };
  const provider = new FakeProvider('fake', 10, accept);
  const bench = await coreBench({ sessions: [sender], providers: [provider] });
  const intake = bench.core.router.intake('app');
  for (const app of ['shop', 'chat']) t.is(await handed(bench, intake.upstream(up('u1', { app }))), 'stored');
  t.is(await handed(bench, intake.upstream(up('u1', { app: 'ccs:1' }))), 'unknown');
  await bench.core.router.submit('ccs:1', [bench.submission({ session: 'ccs:1', receipt: true })]);
  await bench.settle();
  const wireId = provider.attempts[0]?.message.wireId ?? '';
  const receipt = { from: 'device', id: 'r', provider: 'fake', wireId, data: () => '{}' };
  t.is(await handed(bench, intake.receipt({ ...receipt, app: 'nobody' })), 'unknown');
  t.is(await handed(bench, intake.receipt({ ...receipt, app: 'chat' })), 'stored');
});
