import test from 'ava';
import { encodings } from '../../../src/protocols/bal/index.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, downstream, startBridge, until } from './harness.ts';

for (const encoding of encodings) {
  test(`[BAL §Framing] ${encoding}: LOGON, DOWNSTREAM, TAKEN, ACK, REJECT, UPSTREAM, PING and LOGOFF`, async (t) => {
    const provider = new FakeProvider('fake', 100, (m) =>
      m.target === 'gone'
        ? { kind: 'gone', code: 'DEVICE_UNREGISTERED', because: 'no such', reply: '{"k":"ü"}' }
        : accept(m),
    );
    const bridge = await startBridge(t, { provider });
    const backend = await bridge.logOn({ confirm: true, window: 7, client: 'c' }, { encoding });
    backend.send(downstream('m1', { group_id: 'g' }, { time_to_live: 60, priority: 'high' }));
    t.deepEqual((await backend.next()).message_ids, ['m1']);
    t.like(await backend.next(), {
      message_type: 'DOWNSTREAM_ACK',
      sequence_id: 1,
      session_id: 'app',
      message_id: 'm1',
      group_id: 'g',
      fcm_data: { from: 'token', message_id: 'm1', message_type: 'ack' },
    });
    backend.send({ message_type: 'ACK', sequence_id: 1 });
    await backend.sync();
    t.is(bridge.store.waiting('app'), 0);
    backend.send(downstream('m2', {}, { to: 'gone' }));
    t.like((await backend.take(2))[1], {
      message_type: 'DOWNSTREAM_REJECT',
      sequence_id: 2,
      message_id: 'm2',
      error: 'DEVICE_UNREGISTERED',
      error_string: 'no such',
      taken: true,
      fcm_data: { k: 'ü' },
    });
    await bridge.upstream('u1', { data: { n: 1, text: '€', list: [1, 2.5, null, true] } });
    t.like(await backend.next(), {
      message_type: 'UPSTREAM',
      sequence_id: 3,
      message_id: 'u1',
      fcm_data: { from: 'device', category: 'app', data: { n: 1, text: '€', list: [1, 2.5, null, true] } },
    });
    backend.ack(2, 3);
    await backend.sync();
    t.is(bridge.store.waiting('app'), 0);
    backend.send({ message_type: 'DOWNSTREAM', message_id: 'm3', fcm_data: { to: 'x', from: 'y' } });
    const refused = await backend.next();
    t.like(refused, { message_type: 'DOWNSTREAM_REJECT', message_id: 'm3', error: 'INVALID_MESSAGE', taken: false });
    t.false('sequence_id' in refused);
    backend.send({ message_type: 'LOGOFF' });
    t.deepEqual(await backend.untilEnd(), []);
  });
}

test('[BAL §Framing] Qt frames carry numbers of the connection, mapped back among the frames in flight', async (t) => {
  const bridge = await startBridge(t);
  const json = await bridge.logOn({ client: 'json' });
  for (let i = 1; i <= 5; i++) await bridge.upstream(`u${i}`);
  t.is((await json.take(5))[4]?.sequence_id, 5);
  json.ack(2, 4);
  await json.sync();
  json.destroy();
  await until(() => bridge.door.connections === 0);
  const qt = await bridge.logOn({}, { encoding: 'qt' });
  const frames = await qt.take(3);
  t.deepEqual(brief(frames), ['UPSTREAM u1', 'UPSTREAM u3', 'UPSTREAM u5']);
  t.deepEqual(
    frames.map((frame) => frame.sequence_id),
    [1, 2, 3],
  );
  qt.ack(2);
  await qt.sync();
  qt.ack(2); // acknowledged before: ignored
  t.deepEqual(await qt.sync(), []);
  qt.ack(4); // never sent on this connection, although the session knows the number
  t.deepEqual(brief(await qt.sync()), ['ERROR UNKNOWN_SEQUENCE']);
  qt.destroy();
  await until(() => bridge.door.connections === 0);
  const again = await bridge.logOn();
  const left = await again.take(2);
  t.deepEqual(
    left.map((frame) => frame.sequence_id),
    [1, 5],
  );
});

test('[BAL §Downstream rules] on a Qt connection a repeat of a waiting outcome keeps its number', async (t) => {
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept) });
  const qt = await bridge.logOn({}, { encoding: 'qt' });
  qt.send(downstream('m1'));
  const first = await qt.next();
  qt.send(downstream('m1'));
  t.deepEqual(await qt.next(), first);
  qt.ack(first.sequence_id);
  await qt.sync();
  t.is(bridge.store.waiting('app'), 0);
});

test('[BAL §Framing] what Qt can not carry is cut to its plain values, and does not stop what follows', async (t) => {
  const bridge = await startBridge(t);
  const qt = await bridge.logOn({}, { encoding: 'qt' });
  let deep: unknown = 'core';
  for (let i = 0; i < 70; i++) deep = [deep];
  await bridge.upstream('u1', { data: { deep } });
  await bridge.upstream('u2', { data: { flat: 'yes' } });
  const [cut, whole] = await qt.take(2);
  t.deepEqual(cut?.fcm_data, { from: 'device', category: 'app', message_id: 'u1' });
  t.like(whole, { message_id: 'u2', fcm_data: { data: { flat: 'yes' } } });
});

test('[BAL §Framing] two sessions may speak different encodings to the same bridge', async (t) => {
  const bridge = await startBridge(t, {
    sessions: [{ id: 'app' }, { id: 'other' }],
    provider: new FakeProvider('fake', 100, accept),
  });
  const json = await bridge.logOn();
  const protobuf = await bridge.logOn({ session_id: 'other' }, { encoding: 'protobuf' });
  json.send(downstream('same'));
  protobuf.send(downstream('same')); // [BAL §Frames] two sessions may use the same ids
  t.like(await json.next(), { session_id: 'app', message_id: 'same', sequence_id: 1 });
  t.like(await protobuf.next(), { session_id: 'other', message_id: 'same', sequence_id: 1 });
  const [first, second] = bridge.provider.attempts;
  t.not(first?.message.wireId, second?.message.wireId);
});
