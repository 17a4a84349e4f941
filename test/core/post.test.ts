import test from 'ava';
import { coreBench } from './bench.ts';
import { FakeOutlet } from './fake-outlet.ts';
import { accept, FakeProvider } from './fake-provider.ts';

type Bench = Awaited<ReturnType<typeof coreBench>>;

async function upstream({ core, settle }: Bench, ...ids: string[]): Promise<void> {
  const receiver = core.router.receiver('fake');
  const all = Promise.all(ids.map((id) => receiver.upstream({ from: 'd', id, session: 'app', data: '{}' })));
  await settle();
  await all;
  await settle();
}

async function attach({ core, settle }: Bench, outlet: FakeOutlet) {
  const attachment = await core.sessions.attach('app', outlet);
  attachment.resume();
  await settle();
  return attachment;
}

const accepting = () => coreBench({ providers: [new FakeProvider('fake', 100, accept)] });

test('each connection has a mailbox of its own', async (t) => {
  const bench = await coreBench();
  const a = await attach(bench, new FakeOutlet());
  const b = await attach(bench, new FakeOutlet());
  t.not(a.mailbox, b.mailbox);
  t.true(a.mailbox > 0 && b.mailbox > 0);
});

test('a connection that is not ready is passed over until it resumes', async (t) => {
  const bench = await coreBench();
  const [a, b] = [new FakeOutlet(), new FakeOutlet()];
  a.clogged = true;
  const attachment = await attach(bench, a);
  await upstream(bench, 'u1');
  t.deepEqual(a.ids, []);
  await attach(bench, b);
  t.deepEqual(b.ids, ['u1']);
  const answer = bench.submission({ messageId: 'm1', mailbox: attachment.mailbox });
  await bench.core.router.submit('app', [answer]);
  (await bench.provider.attempt(1)).answer({ kind: 'accepted', reply: '{}' });
  await bench.settle();
  t.deepEqual([a.ids, b.ids], [[], ['u1']]); // the answer waits for its own connection
  a.clogged = false;
  attachment.resume();
  await bench.settle();
  t.deepEqual(a.ids, ['m1']);
});

test('frames go out in pieces of the window, and an ACK makes room for as many', async (t) => {
  const bench = await coreBench();
  const outlet = new FakeOutlet(3);
  await attach(bench, outlet);
  await upstream(bench, ...Array.from({ length: 10 }, (_, i) => `u${i}`));
  t.deepEqual(outlet.sequences, [1, 2, 3]);
  t.deepEqual(await bench.core.sessions.acknowledge('app', [1, 3, 1, 99]), [
    'settled',
    'settled',
    'already',
    'unknown',
  ]);
  await bench.settle();
  t.deepEqual(outlet.sequences, [1, 2, 3, 4, 5]);
});

test('a claim is 512 frames at most, and the rest follows by itself', async (t) => {
  const bench = await coreBench();
  await upstream(bench, ...Array.from({ length: 900 }, (_, i) => `u${i}`));
  const outlet = new FakeOutlet(1_000);
  await attach(bench, outlet);
  await bench.settle();
  t.is(outlet.frames.length, 900);
  t.deepEqual(
    outlet.sequences,
    outlet.sequences.toSorted((x, y) => x - y),
  );
});

test('frames that were claimed for a connection which closed meanwhile go to the next', async (t) => {
  const bench = await coreBench();
  const [a, b] = [new FakeOutlet(), new FakeOutlet()];
  const attachment = await attach(bench, a);
  const open = bench.gated.hold('claimInbox');
  await upstream(bench, 'u1', 'u2');
  attachment.detach();
  attachment.detach(); // twice does no harm
  open();
  await bench.settle();
  t.deepEqual(a.ids, []);
  await attach(bench, b);
  t.deepEqual(b.ids, ['u1', 'u2']);
  t.is(new Map(bench.core.sessions.windowsUsed()).get('app'), 2);
});

test('a store that refuses to give or take frames is asked again', async (t) => {
  const bench = await coreBench();
  const outlet = new FakeOutlet();
  const attachment = await attach(bench, outlet);
  const heal = bench.gated.refuse('claimInbox');
  await upstream(bench, 'u1');
  t.deepEqual(outlet.ids, []);
  heal();
  await bench.clock.advance(500);
  t.deepEqual(outlet.ids, ['u1']);
  const mend = bench.gated.refuse('releaseInbox');
  attachment.detach();
  const next = new FakeOutlet();
  await attach(bench, next);
  t.deepEqual(next.ids, []);
  mend();
  await bench.clock.advance(500);
  t.deepEqual(next.ids, ['u1']);
});

test('a mailbox that could not be released is released later', async (t) => {
  const bench = await accepting();
  const attachment = await attach(bench, new FakeOutlet());
  await bench.core.router.submit('app', [bench.submission({ messageId: 'm1', mailbox: attachment.mailbox })]);
  const heal = bench.gated.refuse('releaseMailbox');
  attachment.detach();
  await bench.settle();
  const next = new FakeOutlet();
  await attach(bench, next);
  t.deepEqual(next.ids, []);
  heal();
  await bench.clock.advance(500);
  t.deepEqual(next.ids, ['m1']);
});

test('a client that comes back again and again keeps its mailbox and leaves no trail', async (t) => {
  const bench = await coreBench();
  const mailboxes = new Set<number>();
  for (let i = 0; i < 20; i++) {
    const attachment = await attach(bench, new FakeOutlet(10, 'one'));
    mailboxes.add(attachment.mailbox);
    attachment.detach();
  }
  t.is(mailboxes.size, 1);
  t.is(bench.gated.calls('openMailbox'), 1);
});

test('two connections of one client that take turns in reconnecting share two mailboxes', async (t) => {
  const bench = await accepting();
  let a = await attach(bench, new FakeOutlet(10, 'one'));
  let b = await attach(bench, new FakeOutlet(10, 'one'));
  for (let i = 0; i < 10; i++) {
    a.detach();
    a = await attach(bench, new FakeOutlet(10, 'one'));
    b.detach();
    b = await attach(bench, new FakeOutlet(10, 'one'));
  }
  t.is(bench.gated.calls('openMailbox'), 2);
  t.deepEqual([a.adopted, b.adopted], [[], []]);
});

test('an adopted mailbox is served by its heir, and goes on with the next', async (t) => {
  const bench = await coreBench();
  const first = await attach(bench, new FakeOutlet(10, 'one'));
  await bench.core.router.submit('app', [bench.submission({ messageId: 'm1', mailbox: first.mailbox })]);
  const heirOutlet = new FakeOutlet(10, 'one');
  const heir = await attach(bench, heirOutlet);
  first.detach();
  heir.detach();
  const stranger = new FakeOutlet(10, 'two');
  await attach(bench, stranger);
  const backOutlet = new FakeOutlet(10, 'one');
  const back = await attach(bench, backOutlet);
  t.deepEqual([back.mailbox, ...back.adopted].toSorted(), [first.mailbox, heir.mailbox].toSorted());
  (await bench.provider.attempt(1)).answer({ kind: 'accepted', reply: '{}' });
  await bench.settle();
  t.deepEqual([heirOutlet.ids, stranger.ids, backOutlet.ids], [[], [], ['m1']]);
});

test('owner_grace leaves no timer behind, whether the client comes back or not', async (t) => {
  const bench = await coreBench();
  const idle = bench.clock.waiting;
  const first = await attach(bench, new FakeOutlet(10, 'one'));
  first.detach();
  t.is(bench.clock.waiting, idle + 1);
  const second = await attach(bench, new FakeOutlet(10, 'one'));
  t.is(bench.clock.waiting, idle);
  second.detach();
  await bench.clock.advance(30_000);
  t.is(bench.clock.waiting, idle);
  t.is(bench.gated.calls('releaseMailbox'), 1);
});

test('a repeat takes the frame from where it is in flight and gives it to whoever asked', async (t) => {
  const bench = await accepting();
  const [outletA, outletB] = [new FakeOutlet(), new FakeOutlet()];
  const a = await attach(bench, outletA);
  const b = await attach(bench, outletB);
  const message = bench.submission({ messageId: 'm1', mailbox: a.mailbox });
  await bench.core.router.submit('app', [message]);
  await bench.settle();
  t.deepEqual([outletA.ids, outletB.ids], [['m1'], []]);
  await bench.core.router.submit('app', [{ ...message, mailbox: b.mailbox }]);
  await bench.settle();
  t.deepEqual([outletA.ids, outletB.ids], [['m1'], ['m1']]);
  t.deepEqual(outletA.sequences, outletB.sequences);
  t.deepEqual([a.inFlight, b.inFlight], [0, 1]);
});

test('room: pending, reserved and a full inbox count; whoever waits is called once, in turn, unless called off', async (t) => {
  const bench = await coreBench();
  const { core, submission, settle, provider } = bench;
  await core.router.submit(
    'app',
    Array.from({ length: 999 }, (_, i) => submission({ messageId: `m${i}` })),
  );
  t.is(core.sessions.room('app'), 1);
  const reservation = core.sessions.reserve('app', 1);
  t.is(core.sessions.room('app'), 0);
  const called: string[] = [];
  core.sessions.whenRoom('app', () => called.push('first'));
  core.sessions.whenRoom('app', () => called.push('called off')).cancel();
  core.sessions.whenRoom('app', () => called.push('second'));
  t.deepEqual(called, []);
  reservation.release();
  reservation.release(); // twice gives nothing away
  t.is(core.sessions.room('app'), 1);
  t.deepEqual(called, ['first', 'second']);
  (await provider.attempt(1)).answer({ kind: 'accepted', reply: '{}' });
  await settle();
  t.is(core.sessions.room('app'), 2);
  t.deepEqual(called, ['first', 'second']);
});

test('a submission that the store refuses leaves no reservation behind', async (t) => {
  const bench = await coreBench();
  const heal = bench.gated.refuse('accept');
  await t.throwsAsync(bench.core.router.submit('app', [bench.submission()]));
  heal();
  t.is(bench.core.sessions.room('app'), 1_000);
});

test('against a closed store nothing is tried again', async (t) => {
  const bench = await coreBench();
  const a = await attach(bench, new FakeOutlet(10, 'one'));
  const b = await attach(bench, new FakeOutlet());
  await upstream(bench, 'u1', 'u2');
  await bench.core.stop();
  await bench.store.close();
  a.detach();
  b.detach();
  await bench.clock.advance(60_000);
  t.is(bench.clock.waiting, 0);
});

test('an outcome without an inbox goes to the connection that submitted last, after the commit', async (t) => {
  const bench = await coreBench();
  const { core, provider, settle, gated, submission } = bench;
  const [a, b] = [new FakeOutlet(), new FakeOutlet()];
  const [first, second] = [await attach(bench, a), await attach(bench, b)];
  const asked = submission({ messageId: 'm1', answer: 'connection', mailbox: first.mailbox });
  await core.router.submit('app', [asked]);
  t.deepEqual(await core.router.submit('app', [{ ...asked, mailbox: second.mailbox }]), [{ kind: 'pending' }]);
  const open = gated.hold('settle');
  (await provider.attempt(1)).answer({ kind: 'accepted', reply: '{"x":1}' });
  await settle();
  t.deepEqual([a.answers, b.answers], [[], []]);
  open();
  await settle();
  t.deepEqual(b.answers, [{ type: 'ack', messageId: 'm1', data: '{"x":1}' }]);
  t.deepEqual([a.answers, a.frames, b.frames], [[], [], []]);
  const [again] = await core.router.submit('app', [asked]);
  t.deepEqual(again, { kind: 'answered', notice: { type: 'ack', messageId: 'm1', data: '{"x":1}' } });
});

test('an outcome for a connection that is gone is told to nobody, and remembered', async (t) => {
  const bench = await coreBench();
  const { core, provider, settle, submission } = bench;
  const outlet = new FakeOutlet();
  const attachment = await attach(bench, outlet);
  const asked = submission({ messageId: 'm1', answer: 'connection', mailbox: attachment.mailbox });
  await core.router.submit('app', [asked]);
  const attempt = await provider.attempt(1);
  attachment.detach();
  await settle();
  attempt.answer({ kind: 'accepted', reply: '{}' });
  await settle();
  t.deepEqual(outlet.answers, []);
  t.like((await core.router.submit('app', [asked]))[0], { kind: 'answered' });
});

test('an expired message without an inbox is told too, and its id is free', async (t) => {
  const bench = await coreBench({ providers: [new FakeProvider('fake', 0)] });
  const { core, clock, submission, settle } = bench;
  const outlet = new FakeOutlet();
  const { mailbox } = await attach(bench, outlet);
  const asked = submission({ messageId: 'm1', answer: 'connection', mailbox, expiresAt: clock.now() + 1_000 });
  await core.router.submit('app', [asked]);
  await clock.advance(2_000);
  await settle();
  t.like(outlet.answers[0], { type: 'reject', messageId: 'm1', error: 'EXPIRED' });
  t.like((await core.router.submit('app', [asked]))[0], { kind: 'taken' });
});
