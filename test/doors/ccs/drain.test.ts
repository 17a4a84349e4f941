import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { accept, brief, FakeProvider, message, startDoor, until } from './harness.ts';

const CONTROL = { message_type: 'control', control_type: 'CONNECTION_DRAINING' };

test('draining: told once, new messages are nacked, answers and acks go on both ways, then the close', async (t) => {
  const clock = new ManualClock();
  const { login, door, provider, upstream, store } = await startDoor(t, { clock });
  const client = await login();
  await upstream('u1');
  const u1 = await client.json();
  client.send(message('m1'));
  const attempt = await provider.attempt(1);
  t.is(door.drain(1), 1);
  t.is(door.drain(1), 1);
  t.deepEqual(await client.json(), CONTROL);
  t.like(door.connections()[0], { state: 'draining', unacked: 1, upstream_unacked: 1 });
  await upstream('u2');
  client.send(message('m2'));
  t.deepEqual(brief([await client.json()]), ['nack m2 CONNECTION_DRAINING']);
  client.ack(u1);
  await until(() => store.waiting('ccs:123456') === 1);
  await clock.advance(2_000);
  t.is(await client.said(), '', 'one answer is due');
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  await client.expect(/<\/stream:stream>/);
  client.write('</stream:stream>');
  await client.untilClosed();
  const other = await login();
  t.like(await other.json(), { message_id: 'u2' });
});

test('a draining connection with nothing to wait for stays for a second, so that nothing on its way is lost', async (t) => {
  const clock = new ManualClock();
  const { login, door } = await startDoor(t, { clock });
  const client = await login();
  door.drain();
  t.deepEqual(await client.json(), CONTROL);
  await clock.advance(750);
  client.send(message('m1'));
  t.deepEqual(brief([await client.json()]), ['nack m1 CONNECTION_DRAINING']);
  await clock.advance(500);
  await client.expect(/<\/stream:stream>/);
  t.pass();
});

test('a draining connection is closed after drain_timeout, and what is due comes elsewhere', async (t) => {
  const clock = new ManualClock();
  const { login, door, provider } = await startDoor(t, { clock, options: { drain_timeout: '5s' } });
  const client = await login();
  client.send(message('m1'));
  const attempt = await provider.attempt(1);
  door.drain();
  await client.json();
  await clock.advance(4_750);
  t.is(await client.said(), '');
  await clock.advance(500);
  await client.expect(/<\/stream:stream>/);
  attempt.answer(accept(attempt.message));
  const other = await login();
  other.send(message('m1'));
  t.deepEqual(brief([await other.json()]), ['ack m1']);
});

test('an app server that does not close its side is cut off', async (t) => {
  const clock = new ManualClock();
  const { login, door } = await startDoor(t, { clock });
  const client = await login();
  door.drain();
  await clock.advance(1_250);
  await client.expect(/<\/stream:stream>/);
  t.false(client.closed);
  await clock.advance(10_000);
  await client.untilClosed();
  await until(() => door.connections().length === 0);
  t.pass();
});

test('parked messages of a draining connection are nacked, to be sent elsewhere at once', async (t) => {
  const { login, door, provider, facts } = await startDoor(t, { options: { window: 1, parked: 1 } });
  const client = await login();
  for (const id of ['m1', 'm2', 'm3']) client.send(message(id));
  await provider.attempt(1);
  await until(() => !facts().reading);
  door.drain();
  t.deepEqual(brief(await client.jsons(3)), ['control', 'nack m2 CONNECTION_DRAINING', 'nack m3 CONNECTION_DRAINING']);
  t.is(facts().reading, true);
});

test('what the store refuses on a draining connection is nacked CONNECTION_DRAINING', async (t) => {
  const { login, door, gates, store } = await startDoor(t);
  const client = await login();
  const open = gates.hold('accept');
  client.send(message('m1'));
  await gates.called('accept', 1);
  door.drain();
  t.deepEqual(await client.json(), CONTROL);
  await store.close();
  open();
  t.deepEqual(brief([await client.json()]), ['nack m1 CONNECTION_DRAINING']);
});

test('one connection drains, the others do not', async (t) => {
  const { login, door } = await startDoor(t, { provider: new FakeProvider('fake', 100, accept) });
  const [first, second] = [await login(), await login()];
  t.is(door.drain(2), 1);
  t.is(door.drain(3), 0);
  t.deepEqual(await second.json(), CONTROL);
  first.send(message('m1'));
  t.deepEqual(brief([await first.json()]), ['ack m1']);
});

test('the gate closes behind what is on its way into the store; nobody new gets in; answers still go out', async (t) => {
  const { login, open, door, gates, provider } = await startDoor(t);
  const client = await login();
  const late = open();
  await until(() => door.connections().length === 2);
  const release = gates.hold('accept');
  client.send(message('m1'));
  await gates.called('accept', 1);
  let closed = false;
  const closing = door.closeGate().then(() => (closed = true));
  await late.expect(/<stream:error><system-shutdown/);
  t.deepEqual(await client.json(), CONTROL);
  client.send(message('m2'));
  t.deepEqual(brief([await client.json()]), ['nack m2 CONNECTION_DRAINING']);
  t.false(closed);
  release();
  await closing;
  const refused = open();
  await refused.untilClosed();
  t.is(refused.seen, '');
  const attempt = await provider.attempt(1);
  attempt.answer(accept(attempt.message));
  t.deepEqual(brief([await client.json()]), ['ack m1']);
  const stopped = door.stop(1_000);
  await client.expect(/<\/stream:stream>/);
  client.write('</stream:stream>');
  await stopped;
  await client.untilClosed();
  await door.stop(0);
});
