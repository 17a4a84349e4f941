import test from 'ava';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { brief, downstream, type Json, startBridge, until } from './harness.ts';

const accepting = () => new FakeProvider('fake', 100, accept);

test('[BAL §Frames] LOGON_RESPONSE says session, status, window and server', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.connect();
  backend.send({ message_type: 'LOGON', session_id: 'app' });
  t.deepEqual(await backend.next(), {
    message_type: 'LOGON_RESPONSE',
    session_id: 'app',
    status: 'SUCCESS',
    window: 100,
    server: 'test',
  });
});

test('[BAL §Frames] window is 1 to 1000', async (t) => {
  const bridge = await startBridge(t);
  for (const window of [1, 1_000]) {
    const backend = await bridge.connect();
    backend.send({ message_type: 'LOGON', session_id: 'app', window });
    t.like(await backend.next(), { status: 'SUCCESS', window });
  }
  for (const window of [1_001, -1, 1.5, '5']) {
    const backend = await bridge.connect();
    backend.send({ message_type: 'LOGON', session_id: 'app', window });
    t.deepEqual(brief(await backend.untilEnd()), ['ERROR INVALID_FRAME'], String(window));
  }
});

test('[BAL §Frames] a window of 1 gives one frame after the other', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ window: 1 });
  for (let i = 1; i <= 3; i++) await bridge.upstream(`u${i}`);
  for (let i = 1; i <= 3; i++) {
    t.deepEqual(brief(await backend.sync()), [`UPSTREAM u${i}`]);
    t.deepEqual(await backend.sync(), []);
    backend.ack(i);
  }
});

test('[BAL §Frames] a window of 1000 gives a thousand frames at once, not one more', async (t) => {
  const bridge = await startBridge(t, { limits: { maxInbox: 2_000, sessions: {} } });
  await Promise.all(Array.from({ length: 1_001 }, (_, i) => bridge.upstream(`u${i}`)));
  const backend = await bridge.logOn({ window: 1_000 });
  const frames = await backend.take(1_000);
  t.deepEqual(
    frames.map((frame) => frame.sequence_id),
    frames.map((_, i) => i + 1),
  );
  t.deepEqual(await backend.sync(), []);
  backend.ack(500);
  t.is((await backend.next()).sequence_id, 1_001);
});

test('[BAL §Frames] DOWNSTREAM_TAKEN only with confirm, only after the commit, several ids at a time', async (t) => {
  const bridge = await startBridge(t);
  const commit = bridge.gates.hold('accept');
  const asking = await bridge.logOn({ confirm: true });
  const silent = await bridge.logOn({ confirm: false });
  asking.send(downstream('m1'), downstream('m2'), downstream('m3'));
  silent.send(downstream('m4'));
  await bridge.gates.called('accept', 2);
  t.deepEqual(await asking.sync(), []);
  t.is(bridge.store.pending('app'), 0);
  commit();
  t.deepEqual(await asking.next(), { message_type: 'DOWNSTREAM_TAKEN', message_ids: ['m1', 'm2', 'm3'] });
  await bridge.provider.attempt(4);
  t.deepEqual(await silent.sync(), []);
});

test('[BAL §Frames] a DOWNSTREAM_TAKEN fits into a frame, however long the ids are when they are escaped', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn({ confirm: true });
  const ids = Array.from({ length: 30 }, (_, i) => `${String(i).padStart(4, '0')}${'\u0001'.repeat(1_020)}`);
  const open = bridge.gates.hold('accept');
  backend.send(...ids.map((id) => ({ ...downstream(id), fcm_data: { to: 't' } })));
  await backend.sync();
  open();
  const taken: unknown[] = [];
  while (taken.length < ids.length) {
    const frame = await backend.next();
    t.true(Buffer.byteLength(JSON.stringify(frame)) <= 65_536);
    taken.push(...(frame.message_ids as unknown[]));
  }
  t.deepEqual(taken, ids);
});

test('[BAL §Frames] message_id may stand only inside fcm_data, or under its alias; two must be equal', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  backend.send({ message_type: 'DOWNSTREAM', fcm_data: { to: 'x', message_id: 'inside' } });
  t.is((await backend.next()).message_id, 'inside');
  backend.send({ message_type: 'DOWNSTREAM', fcm_message_id: 'alias', fcm_data: { to: 'x' } });
  t.is((await backend.next()).message_id, 'alias');
  backend.send({ message_type: 'DOWNSTREAM', message_id: 'both', fcm_data: { to: 'x', message_id: 'both' } });
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_ACK', message_id: 'both' });
  backend.send({ message_type: 'DOWNSTREAM', message_id: 'one', fcm_data: { to: 'x', message_id: 'other' } });
  t.like(await backend.next(), { message_type: 'DOWNSTREAM_REJECT', message_id: 'one', error: 'INVALID_MESSAGE' });
});

test('[BAL §Frames] session_id of a DOWNSTREAM must be the one logged on', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app' }, { id: 'other' }] });
  const backend = await bridge.logOn({ confirm: true });
  backend.send(downstream('m1', { session_id: 'app' }), downstream('m2', { session_id: 'other' }));
  const frames = await backend.take(2);
  t.deepEqual(brief(frames).sort(), ['DOWNSTREAM_REJECT m2', 'DOWNSTREAM_TAKEN m1']);
  t.regex(String(frames.find((f) => f.message_id === 'm2')?.error_string), /session_id/);
});

test('[BAL §Frames] ACK takes sequence_id or sequence_ids; what is not acknowledged stays', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  for (let i = 1; i <= 4; i++) await bridge.upstream(`u${i}`);
  await backend.take(4);
  backend.send({ message_type: 'ACK', sequence_id: 1 }, { message_type: 'ACK', sequence_ids: [2, 4] });
  await backend.sync();
  t.is(bridge.store.waiting('app'), 1);
  backend.destroy();
  await until(() => bridge.door.connections === 0);
  t.is((await (await bridge.logOn()).next()).sequence_id, 3);
});

test('[BAL §Frames] PING is answered by PONG with the same data, or with none', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send({ message_type: 'PING', data: 'abc' }, { message_type: 'PING' });
  t.deepEqual(await backend.take(2), [{ message_type: 'PONG', data: 'abc' }, { message_type: 'PONG' }]);
});

test('[BAL §Error codes] an unknown message_type is NOT_SUPPORTED, and the connection stays', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send({ message_type: 'FUTURE' });
  t.like(await backend.next(), { message_type: 'ERROR', error: 'NOT_SUPPORTED' });
  t.deepEqual(await backend.sync(), []);
});

test('[BAL §Frames] UPSTREAM carries what the device sent under a number of the session', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  await bridge.upstream('u1', { data: { k: 'v' } });
  t.deepEqual(await backend.next(), {
    message_type: 'UPSTREAM',
    sequence_id: 1,
    session_id: 'app',
    message_id: 'u1',
    fcm_data: { from: 'device', category: 'app', message_id: 'u1', data: { k: 'v' } },
  });
});

test('[BAL §Frames] DOWNSTREAM_REJECT of the provider has a number and carries the nack', async (t) => {
  const nack: Json = { from: 'token', message_id: 'm1', message_type: 'nack', error: 'BAD_REGISTRATION' };
  const provider = new FakeProvider('fake', 100, () => ({
    kind: 'gone',
    code: 'BAD_REGISTRATION',
    because: 'not a token',
    reply: JSON.stringify(nack),
  }));
  const bridge = await startBridge(t, { provider });
  const backend = await bridge.logOn();
  backend.send(downstream('m1', { group_id: 'g' }));
  t.deepEqual(await backend.next(), {
    message_type: 'DOWNSTREAM_REJECT',
    sequence_id: 1,
    session_id: 'app',
    message_id: 'm1',
    group_id: 'g',
    error: 'BAD_REGISTRATION',
    error_string: 'not a token',
    error_description: 'not a token',
    taken: true,
    fcm_data: nack,
  });
});

test('[BAL §Frames] sequence ids grow and are never used twice', async (t) => {
  const bridge = await startBridge(t, { provider: accepting() });
  const backend = await bridge.logOn();
  for (let i = 1; i <= 3; i++) {
    backend.send(downstream(`m${i}`));
    t.is((await backend.next()).sequence_id, i);
    backend.ack(i); // an acknowledged number is not free again
    await backend.sync();
  }
});
