import test from 'ava';
import { accept, brief, FakeProvider, message, refusal, startDoor, until } from './harness.ts';

test('sent again under the same id while pending: the outcome comes on the new connection, once', async (t) => {
  const { login, provider, door } = await startDoor(t);
  const first = await login();
  first.send(message('m1'));
  const attempt = await provider.attempt(1);
  first.socket.destroy();
  await until(() => door.connections().length === 0);
  const second = await login();
  second.send(message('m1'));
  t.is(await second.said(), '');
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await second.json()]), ['ack m1']);
  t.is(await second.said(), '');
  t.is(provider.attempts.length, 1);
});

test('sent again under the same id after the outcome: answered at once, not pushed twice', async (t) => {
  const outcomes = { 'device:1': accept, 'device:2': () => refusal('DEVICE_UNREGISTERED') };
  const provider = new FakeProvider('fake', 100, (m) => outcomes[m.target as keyof typeof outcomes](m));
  const { login, store, door } = await startDoor(t, { provider });
  const first = await login();
  first.send(message('m1'));
  first.send(message('m2', { to: 'device:2' }));
  await until(() => provider.attempts.length === 2 && store.pending('ccs:123456') === 0);
  first.socket.destroy();
  await until(() => door.connections().length === 0);
  const second = await login();
  second.send(message('m1'));
  second.send(message('m2', { to: 'device:2' }));
  t.deepEqual(brief(await second.jsons(2)), ['ack m1', 'nack m2 DEVICE_UNREGISTERED']);
  t.is(provider.attempts.length, 2);
});

for (const code of [
  'SERVICE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
  'DEVICE_MESSAGE_RATE_EXCEEDED',
  'TOPICS_MESSAGE_RATE_EXCEEDED',
]) {
  test(`sent again after ${code}: a new attempt, on whatever connection [fcm.md §1.6]`, async (t) => {
    const { login, provider } = await startDoor(t);
    const first = await login();
    first.send(message('m1'));
    (await provider.attempt(1)).answer(refusal(code));
    t.deepEqual(brief([await first.json()]), [`nack m1 ${code}`]);
    first.send(message('m1'));
    (await provider.attempt(2)).answer(refusal(code));
    t.deepEqual(brief([await first.json()]), [`nack m1 ${code}`]);
    const second = await login();
    second.send(message('m1'));
    const third = await provider.attempt(3);
    third.answer(accept(third.message));
    t.deepEqual(brief([await second.json()]), ['ack m1']);
  });
}

test('sent again on a second connection while the first lives: one outcome, where it was asked last', async (t) => {
  const { login, provider, door } = await startDoor(t);
  const [first, second] = [await login(), await login()];
  first.send(message('m1'));
  const attempt = await provider.attempt(1);
  second.send(message('m1'));
  await until(() => door.connections()[1]?.unacked === 1);
  t.is(door.connections()[0]?.unacked, 0);
  t.is(await second.said(), '');
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await second.json()]), ['ack m1']);
  t.is(await first.said(), '');
});

test('two senders may use the same ids', async (t) => {
  const senders = [
    { id: '1', key: 'key', provider: 'fake' },
    { id: '2', key: 'key', provider: 'fake' },
  ];
  const { login, provider } = await startDoor(t, { senders });
  const one = await login('1@gcm.googleapis.com');
  const two = await login('2@gcm.googleapis.com');
  one.send(message('m1'));
  const first = await provider.attempt(1);
  two.send(message('m1', { to: 'device:2' }));
  const second = await provider.attempt(2);
  second.answer(accept(second.message));
  t.like(await two.json(), { from: 'device:2', message_type: 'ack' });
  first.answer(refusal('BAD_REGISTRATION'));
  t.like(await one.json(), { from: 'device:1', error: 'BAD_REGISTRATION' });
});

test('a connection that is gone while its messages are on their way into the store harms nobody', async (t) => {
  const { login, gates, provider, door } = await startDoor(t);
  const first = await login();
  const open = gates.hold('accept');
  first.send(message('m1'));
  await gates.called('accept', 1);
  first.socket.destroy();
  await until(() => door.connections().length === 0);
  open();
  const attempt = await provider.attempt(1);
  attempt.answer(accept(attempt.message));
  const second = await login();
  second.send(message('m1'));
  t.deepEqual(brief([await second.json()]), ['ack m1']);
});
