import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, brief, FakeProvider, message, startDoor, until } from './harness.ts';

test('another message under the id of one that is in flight on a second connection: refused, and the first keeps its outcome', async (t) => {
  const { login, provider } = await startDoor(t);
  const [first, second] = [await login(), await login()];
  first.send(message('m1'));
  const attempt = await provider.attempt(1);
  second.send(message('m1', { data: { n: 'other' } }));
  t.like(await second.json(), {
    error: 'INVALID_JSON',
    error_description: 'DUPLICATE_MESSAGE_ID: message_id was used for a message with other content',
  });
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await first.json()]), ['ack m1']);
  t.is(provider.attempts.length, 1);
});

test('sent twice on a full connection and once on another: the outcome comes to one of them, and no place stays taken', async (t) => {
  const clock = new ManualClock();
  const { login, provider, door } = await startDoor(t, { clock, options: { window: 1 } });
  const [first, second] = [await login(), await login()];
  first.send(message('m1'));
  const attempt = await provider.attempt(1);
  first.send(message('m1'));
  await until(() => door.connections()[0]?.parked === 1);
  second.send(message('m1'));
  await second.said();
  await first.said();
  attempt.answer(accept(attempt.message));
  await until(() => /"message_id":"m1"/.test(first.seen + second.seen));
  t.is(((first.seen + second.seen).match(/"message_type":"ack"/g) ?? []).length, 1);
  await until(() => door.connections().every(({ unacked, parked }) => unacked === 0 && parked === 0));
  t.is(provider.attempts.length, 1);
});

test('taken back on one connection while it is sent again on another: one nack or one outcome, and one push at most', async (t) => {
  const clock = new ManualClock();
  const { login, gates, provider, store, door } = await startDoor(t, { clock, provider: new FakeProvider('fake', 0) });
  const [first, second] = [await login(), await login()];
  first.send(message('m1'));
  await until(() => store.pending('ccs:123456') === 1);
  const open = gates.hold('cancel');
  await clock.advance(30_250);
  t.is(gates.calls('cancel'), 1);
  second.send(message('m1'));
  await until(() => door.connections()[1]?.unacked === 1);
  open();
  await second.said();
  provider.window = 1;
  second.send(message('m2'));
  const attempts = [await provider.attempt(1)];
  t.is(await first.said(), '', 'what was asked for on the other connection is answered there');
  t.is(attempts.length, 1);
});
