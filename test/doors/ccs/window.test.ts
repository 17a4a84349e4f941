import test from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, brief, FakeProvider, message, startDoor, until } from './harness.ts';

const SESSION = 'ccs:123456';
const ids = (count: number, from = 1): string[] => Array.from({ length: count }, (_, i) => `m${from + i}`);

test('100 messages are un-acked, 100 more are parked, and acks and pings go on; one more stops reading', async (t) => {
  const { login, provider, upstream, store, facts } = await startDoor(t, { provider: new FakeProvider('fake', 1_000) });
  const client = await login();
  await upstream('u1');
  const u1 = await client.json();
  for (const id of ids(200)) client.send(message(id));
  await until(() => facts().parked === 100 && facts().unacked === 100);
  await provider.attempt(100);
  t.is(store.pending(SESSION), 100);
  t.is(facts().reading, true, 'at the limit');
  client.ack(u1);
  t.is(await client.said(), '');
  await until(() => store.waiting(SESSION) === 0);
  client.send(message('m201'));
  await until(() => facts().parked === 101);
  t.is(facts().reading, false, 'one past it');
  client.write('<iq type="get" id="late"><ping xmlns="urn:xmpp:ping"/></iq>');
  for (const { message, answer } of provider.attempts) answer(accept(message));
  const [before] = await client.expect(/^.*<iq type="result" id="late"\/>/s);
  t.true(before.includes('"message_id":"m1"'), 'the ping was read only when a place was free');
  t.is(facts().reading, true);
  await provider.attempt(200);
  t.is(facts().unacked, 100);
  for (const { message, answer } of provider.attempts) answer(accept(message));
  await provider.attempt(201);
  t.deepEqual(
    provider.attempts.map(({ message }) => message.messageId),
    ids(201),
    'in the order in which they came',
  );
});

test('window and parked are options, and nobody else waits', async (t) => {
  const { login, door, provider } = await startDoor(t, { options: { window: 2, parked: 1 } });
  const client = await login();
  for (const id of ids(4)) client.send(message(id));
  await until(() => door.connections()[0]?.reading === false);
  t.like(door.connections()[0], { unacked: 2, parked: 2 });
  const other = await login();
  other.send(message('o1'));
  const { message: seen } = await provider.attempt(3);
  t.is(seen.messageId, 'o1');
});

test('a session without room parks, and goes on when it has some', async (t) => {
  const { login, provider, store, facts } = await startDoor(t, {
    senders: [{ id: '123456', key: 'key', provider: 'fake', max_pending: 2 }],
  });
  const client = await login();
  for (const id of ids(4)) client.send(message(id));
  await until(() => facts().parked === 2);
  t.is(store.pending(SESSION), 2);
  const first = await provider.attempt(1);
  first.answer(accept(first.message));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  await provider.attempt(3);
  await until(() => facts().parked === 1);
});

test('a full inbox parks, and goes on when it is acked', async (t) => {
  const { login, upstream, facts } = await startDoor(t, {
    senders: [{ id: '123456', key: 'key', provider: 'fake', apps: ['com.example.app'], max_inbox: 1 }],
    provider: new FakeProvider('fake', 100, accept),
  });
  const client = await login();
  await upstream('u1');
  const u1 = await client.json();
  client.send(message('m1'));
  t.is(await client.said(), '');
  t.is(facts().parked, 1);
  client.ack(u1);
  t.deepEqual(brief([await client.json()]), ['ack m1']);
});

test('a store in trouble parks, and what was parked goes on in order', async (t) => {
  const { login, gates, facts, provider } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const client = await login();
  const heal = gates.refuse('accept', new StoreError('full', 'no room on the disk'));
  for (const id of ids(3)) client.send(message(id));
  await gates.called('accept', 2);
  await until(() => facts().parked === 3);
  t.is(await client.said(), '');
  heal();
  t.deepEqual(brief(await client.jsons(3)), ['ack m1', 'ack m2', 'ack m3']);
  t.deepEqual(
    provider.attempts.map((attempt) => attempt.message.messageId),
    ids(3),
  );
});

test('what has no outcome after answer_within and is not in flight is taken back, then nacked, and may come again', async (t) => {
  const clock = new ManualClock();
  const { login, gates, store, provider, count } = await startDoor(t, { clock, provider: new FakeProvider('fake', 0) });
  const client = await login();
  client.send(message('m1'));
  await until(() => store.pending(SESSION) === 1);
  await clock.advance(29_900);
  t.is(gates.calls('cancel'), 0);
  t.is(await client.said(), '');
  const open = gates.hold('cancel');
  await clock.advance(500);
  t.is(gates.calls('cancel'), 1);
  t.is(await client.said(), '', 'not before the commit');
  open();
  t.deepEqual(await client.json(), {
    message_type: 'nack',
    from: 'device:1',
    message_id: 'm1',
    error: 'SERVICE_UNAVAILABLE',
    error_description: 'no answer within 30000 ms',
  });
  t.is(store.pending(SESSION), 0);
  t.is(count('pushbridge_rejects_total SERVICE_UNAVAILABLE'), 1);
  provider.window = 1;
  client.send(message('m1'));
  const attempt = await provider.attempt(1);
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  t.is(provider.attempts.length, 1);
});

test('what is in flight after answer_within is asked for again later, and its own outcome wins', async (t) => {
  const clock = new ManualClock();
  const { login, gates, provider } = await startDoor(t, { clock });
  const client = await login();
  client.send(message('m1'));
  client.send(message('m2'));
  const first = await provider.attempt(1);
  const second = await provider.attempt(2);
  await clock.advance(30_250);
  t.is(gates.calls('cancel'), 2);
  t.is(await client.said(), '');
  await clock.advance(500);
  t.is(gates.calls('cancel'), 2, 'not so soon');
  first.answer(accept(first.message));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  provider.window = 0; // it goes back to the store and stays there
  second.answer({ kind: 'unanswered', because: 'the connection died' });
  await clock.advance(1_000);
  t.deepEqual(brief([await client.json()]), ['nack m2 SERVICE_UNAVAILABLE']);
});

test('a store that refuses to take a message back is asked again', async (t) => {
  const clock = new ManualClock();
  const { login, gates, store } = await startDoor(t, { clock, provider: new FakeProvider('fake', 0) });
  const client = await login();
  client.send(message('m1'));
  await until(() => store.pending(SESSION) === 1);
  const heal = gates.refuse('cancel');
  await clock.advance(30_250);
  t.is(gates.calls('cancel'), 1);
  t.is(await client.said(), '');
  heal();
  await clock.advance(1_250);
  t.deepEqual(brief([await client.json()]), ['nack m1 SERVICE_UNAVAILABLE']);
});

test('parked messages that were never submitted are nacked after answer_within too', async (t) => {
  const clock = new ManualClock();
  const { login, gates, facts, provider } = await startDoor(t, { clock, options: { window: 1, parked: 1 } });
  const client = await login();
  for (const id of ids(3)) client.send(message(id));
  await provider.attempt(1);
  await until(() => !facts().reading);
  await clock.advance(30_250);
  t.deepEqual(brief(await client.jsons(2)), ['nack m2 SERVICE_UNAVAILABLE', 'nack m3 SERVICE_UNAVAILABLE']);
  t.is(gates.calls('accept'), 1);
  t.is(await client.said(), '', 'reading goes on');
});
