import test, { type ExecutionContext } from 'ava';
import type { ManualClock } from '../../../src/lib/clock.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { type PushBenchOptions, pathIn, startPush } from './bench.ts';

/** A push whose receipt was asked for, and the way to ask for it. */
async function withReceipt(t: ExecutionContext, given: PushBenchOptions = {}, ttl = '60') {
  const bench = await startPush(t, given);
  const { path } = await bench.endpoint();
  const answer = await bench.post(path, 'x', { Prefer: 'respond-async', TTL: ttl });
  const link = answer.headers.get('link') ?? '';
  const look = (prefer?: string) =>
    bench.ask(pathIn(link), { headers: prefer === undefined ? {} : { Prefer: prefer } });
  return { ...bench, answer, link, look };
}

test('who asks for a receipt is told where it will be', async (t) => {
  const { answer, link } = await withReceipt(t);
  t.is(answer.status, 202);
  t.regex(answer.headers.get('location') ?? '', /^https:\/\/push\.example\.net\/message\/[\w-]{27}$/);
  t.is(answer.headers.get('ttl'), '60');
  t.regex(link, /^<https:\/\/push\.example\.net\/receipt\/[\w-]{27}>; rel="urn:ietf:params:push:receipt"$/);
});

test('pending, then delivered', async (t) => {
  const { look, provider, settle } = await withReceipt(t);
  const pending = await look();
  t.deepEqual([pending.status, pending.text, pending.headers.get('retry-after')], [202, '', '5']);
  const { message, answer } = await provider.attempt(1);
  answer(accept(message));
  await settle();
  t.is((await look()).status, 204);
  t.is((await look()).status, 204, 'as often as one likes');
});

for (const [name, kind] of [
  ['the endpoint is gone', 'gone'],
  ['the device refused it', 'refused'],
] as const) {
  test(`410: ${name}`, async (t) => {
    const { look, provider, settle } = await withReceipt(t);
    (await provider.attempt(1)).answer({ kind, code: 'NOT_REGISTERED', because: 'gone', reply: '{}' });
    await settle();
    t.like(await look(), { status: 410, json: { error: 'gone' } });
  });
}

test('410: its time is over', async (t) => {
  const { look, clock } = await withReceipt(t, { provider: new FakeProvider('xmpp', 0) });
  t.is((await look()).status, 202);
  await clock.advance(120_000);
  t.is((await look()).status, 410);
});

test('410: it was taken back', async (t) => {
  const { look, answer, ask } = await withReceipt(t, { provider: new FakeProvider('xmpp', 0) });
  await ask(pathIn(answer.headers.get('location')), { method: 'DELETE' });
  t.is((await look()).status, 410);
});

test('410: nobody knows of it any more; 404: it never was a receipt', async (t) => {
  const { ask } = await startPush(t);
  t.is((await ask(`/receipt/${'A'.repeat(27)}`)).status, 410);
  for (const id of ['x', 'A'.repeat(28), `${'A'.repeat(26)}.`]) {
    t.like(await ask(`/receipt/${id}`), { status: 404, json: { error: 'not_found' } }, id);
  }
});

test('who may wait is answered as soon as there is an answer', async (t) => {
  const { look, provider, clock } = await withReceipt(t);
  const { message, answer } = await provider.attempt(1);
  const waits = waiter(clock);
  const waiting = look('wait=60');
  await waits();
  answer(accept(message));
  await clock.advance(500);
  t.is((await waiting).status, 204);
});

test('who waits, waits no longer than asked for, and no longer than the bridge lets them', async (t) => {
  const { look, clock, provider } = await withReceipt(t, { door: { receipt_wait_max: '3s' } });
  await provider.attempt(1);
  for (const [wait, ms] of [
    [1, 1_000],
    [60, 3_000],
  ] as const) {
    let answered = false;
    const waits = waiter(clock);
    const waiting = look(`wait=${wait}`).then(({ status }) => {
      answered = true;
      return status;
    });
    await waits();
    await clock.advance(ms - 1);
    t.false(answered);
    await clock.advance(1);
    t.is(await waiting, 202);
  }
});

test('so many wait at once; others are answered at once', async (t) => {
  const { look, clock, provider } = await withReceipt(t, { door: { receipt_waiters: 1 } });
  await provider.attempt(1);
  const waits = waiter(clock);
  const waiting = look('wait=5');
  await waits();
  t.is((await look('wait=5')).status, 202);
  await clock.advance(5_000);
  t.is((await waiting).status, 202);
});

test('nobody waits on when the bridge stops, or when they have left', async (t) => {
  const { provider, server, clock, ask, link, look } = await withReceipt(t);
  await provider.attempt(1);
  const timers = clock.waiting;
  const waits = waiter(clock);
  const leaving = new AbortController();
  const left = ask(pathIn(link), { headers: { Prefer: 'wait=60' }, signal: leaving.signal });
  await waits();
  leaving.abort();
  await t.throwsAsync(left);
  await until(() => clock.waiting === timers);
  const waiting = look('wait=60');
  await waits();
  await server.closeGate();
  t.is((await waiting).status, 202);
});

/** Resolves when one more waits for the clock than now: what happens on sockets has no other sign. */
function waiter(clock: ManualClock): () => Promise<void> {
  const timers = clock.waiting;
  return () => until(() => clock.waiting > timers);
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise<void>((resolve) => setImmediate(resolve));
}
