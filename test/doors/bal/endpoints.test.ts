import { createECDH } from 'node:crypto';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { encodings } from '../../../src/protocols/bal/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { type Bridge, type Json, startBridge, until } from './harness.ts';

const ecdh = createECDH('prime256v1');
ecdh.generateKeys();
const KEY = ecdh.getPublicKey('base64url');

const register = (token: unknown, more: Json = {}): Json => ({ message_type: 'ENDPOINT_REGISTER', token, ...more });
const unregister = (token: unknown): Json => ({ message_type: 'ENDPOINT_UNREGISTER', token });
const tokenOf = ({ endpoint }: Json): string => String(endpoint).replace('https://push.example.com/push/', '');
const findAll = ({ endpoints }: Bridge, frames: readonly Json[]) =>
  Promise.all(frames.map((frame) => endpoints.find(tokenOf(frame))));

for (const encoding of encodings) {
  test(`${encoding}: what is registered is answered with its URL, and ends when it is unregistered`, async (t) => {
    const bridge = await startBridge(t);
    const backend = await bridge.logOn({}, { encoding });
    backend.send(register('door-bell', { vapid: KEY }));
    const registered = await backend.next();
    t.like(registered, { message_type: 'ENDPOINT_REGISTERED', token: 'door-bell', error: undefined });
    t.regex(String(registered.endpoint), /^https:\/\/push\.example\.com\/push\/[\w-]{27}$/);
    t.like(await bridge.endpoints.find(tokenOf(registered)), {
      owner: 'bal:app',
      name: 'door-bell',
      provider: 'backend:app',
      vapid: KEY,
    });
    backend.send(register('door-bell', { vapid: KEY }));
    t.is((await backend.next()).endpoint, registered.endpoint);
    backend.send(unregister('door-bell'), unregister('door-bell'), unregister('never-was'));
    for (const token of ['door-bell', 'door-bell', 'never-was']) {
      const { message_type, error, ...rest } = await backend.next();
      t.is(message_type, 'ENDPOINT_UNREGISTERED');
      t.is(rest.token, token);
      t.falsy(error);
    }
    t.is(await bridge.endpoints.find(tokenOf(registered)), 'revoked');
  });

  test(`${encoding}: a frame that can not be read ends the connection, and names the field`, async (t) => {
    const bridge = await startBridge(t);
    for (const [frame, words] of [
      [{ message_type: 'ENDPOINT_REGISTER' }, 'token is missing'],
      [{ message_type: 'ENDPOINT_UNREGISTER', token: '' }, 'token is missing'],
      [register('x'.repeat(101)), 'token'],
      [unregister('ü'.repeat(51)), 'token'],
      [register(7), 'token'],
      [register('a', { vapid: 'x'.repeat(1_025) }), 'vapid'],
      [register('a', { to: 'x'.repeat(4_097) }), 'to'],
      [register('a', { to: true }), 'to'],
      [register('a', { provider: 'x'.repeat(1_025), to: 'b' }), 'provider'],
    ] as const) {
      const backend = await bridge.logOn({}, { encoding });
      backend.send(frame);
      const error = await backend.next();
      t.like(error, { message_type: 'ERROR', error: 'INVALID_FRAME' }, words);
      t.regex(String(error.error_string), new RegExp(`^${words}`));
      t.deepEqual(await backend.untilEnd(), []);
    }
  });
}

test('fields at their limits are taken', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  backend.send(register('x'.repeat(100)), register('ü'.repeat(50)), register('a', { to: 'x'.repeat(4_096) }));
  for (const frame of await backend.take(3)) t.is(frame.message_type, 'ENDPOINT_REGISTERED');
});

test('before LOGON nothing is registered, and neither after LOGOFF', async (t) => {
  const bridge = await startBridge(t);
  const stranger = await bridge.connect();
  stranger.send(register('early'));
  t.like(await stranger.next(), { error: 'LOGON_EXPECTED' });
  const backend = await bridge.logOn();
  backend.send(register('a'), { message_type: 'LOGOFF' }, register('late'));
  const frames = await backend.untilEnd();
  t.deepEqual(
    frames.map(({ token }) => token),
    ['a'],
  );
  t.is((await bridge.store.registrationsOf('bal:app', undefined, 10, Date.now())).length, 1);
});

test('LOGOFF waits for the answers to what was asked before', async (t) => {
  const bridge = await startBridge(t);
  const backend = await bridge.logOn();
  const go = bridge.gates.hold('revoke');
  backend.send(register('a'), unregister('a'), { message_type: 'LOGOFF' });
  t.like(await backend.next(), { message_type: 'ENDPOINT_REGISTERED' });
  await bridge.gates.called('revoke', 1);
  go();
  t.like(await backend.untilEnd(), [{ message_type: 'ENDPOINT_UNREGISTERED', token: 'a' }]);
});

test('what can not be registered as asked is told, and the connection stays', async (t) => {
  const picky = new FakeProvider('picky');
  picky.refusal = { code: 'INVALID_MESSAGE', because: 'it takes no FCM messages' };
  const bridge = await startBridge(t, { others: [picky], sessions: [{ id: 'app', providers: ['fake', 'picky'] }] });
  const backend = await bridge.logOn();
  for (const [frame, words] of [
    [register('a', { vapid: 'short' }), /^vapid: /],
    [register('a', { vapid: `B${'A'.repeat(86)}` }), /^vapid: /], // 87 characters, and no point of the curve
    [register('a', { vapid: `${KEY}=` }), /^vapid: /],
    [register('a', { provider: 'fake' }), /^provider: only with to/],
    [register('a', { provider: 'other', to: 'b' }), /^provider: the session may not use it/],
    [register('a', { provider: 'picky', to: 'b' }), /^to: picky .*takes no FCM messages/],
  ] as const) {
    backend.send(frame);
    const answer = await backend.next();
    t.like(answer, { message_type: 'ENDPOINT_UNREGISTERED', token: 'a', error: 'INVALID_ENDPOINT' });
    t.regex(String(answer.error_string), words);
  }
  backend.send(register('a', { to: 'b' }));
  const registered = await backend.next();
  t.like(await bridge.endpoints.find(tokenOf(registered)), {
    provider: 'fake',
    data: JSON.stringify({ fcm: { to: 'b', instance: 'a' } }),
  });
});

test('without a door for pushes there are no endpoints', async (t) => {
  const bridge = await startBridge(t, { endpoints: false });
  const backend = await bridge.logOn();
  backend.send(register('a'), unregister('b'));
  for (const frame of await backend.take(2)) {
    t.like(frame, { message_type: 'ENDPOINT_UNREGISTERED', error: 'INVALID_ENDPOINT' });
  }
});

test('one more than a session may have is refused, and one that is unregistered makes room', async (t) => {
  const bridge = await startBridge(t, { limits: { registrationsPerOwner: 2 } });
  const backend = await bridge.logOn();
  backend.send(register('a'), register('b'), register('c'), unregister('a'), register('c'));
  const frames = await backend.take(5);
  t.deepEqual(
    frames.map(({ message_type, error = '' }) => `${message_type} ${error}`.trim()),
    [
      'ENDPOINT_REGISTERED',
      'ENDPOINT_REGISTERED',
      'ENDPOINT_UNREGISTERED TOO_MANY_ENDPOINTS',
      'ENDPOINT_UNREGISTERED',
      'ENDPOINT_REGISTERED',
    ],
  );
});

test('sessions do not see the endpoints of each other', async (t) => {
  const bridge = await startBridge(t, { sessions: [{ id: 'app' }, { id: 'other' }] });
  const [one, two] = [await bridge.logOn(), await bridge.logOn({ session_id: 'other' })];
  one.send(register('a'));
  two.send(register('a'));
  const registered = await Promise.all([one.next(), two.next()]);
  t.not(registered[0]?.endpoint, registered[1]?.endpoint);
  two.send(unregister('a'));
  await two.next();
  const [first, second] = await findAll(bridge, registered);
  t.like(first, { owner: 'bal:app' });
  t.is(second, 'revoked');
});

test('many are registered in few goes to the store, and answered in their order', async (t) => {
  const bridge = await startBridge(t, { limits: { registrationsPerOwner: 10_000, registrationsMax: 10_000 } });
  const backend = await bridge.logOn();
  const go = bridge.gates.hold('register');
  const names = Array.from({ length: 5_000 }, (_, i) => `device-${i}`);
  backend.send(...names.map((name) => register(name)));
  await bridge.gates.called('register', 1);
  go();
  const frames = await backend.take(names.length);
  t.deepEqual(
    frames.map(({ token }) => token),
    names,
  );
  t.is(new Set(frames.map(({ endpoint }) => endpoint)).size, names.length);
});

test('a backend that asks and does not read holds nobody else up, and nothing without end', async (t) => {
  const bridge = await startBridge(t, { options: { write_timeout: '200ms' } });
  const flood = await bridge.logOn();
  flood.socket.pause();
  const frames = Array.from({ length: 1_000 }, (_, i) => unregister(`device-${i}`));
  const floods = setInterval(() => {
    if (flood.socket.writableLength < 1_000_000) flood.send(...frames);
  }, 1);
  t.teardown(() => clearInterval(floods));
  const other = await bridge.logOn();
  other.send(register('a'));
  t.like(await other.next(), { message_type: 'ENDPOINT_REGISTERED' });
  await until(() => bridge.door.connections === 1, 'the end of the one that does not read');
});

test('what the store refuses is asked again, all in its order', async (t) => {
  const clock = new ManualClock();
  const bridge = await startBridge(t, { clock });
  const backend = await bridge.logOn();
  const heal = bridge.gates.refuse('revoke');
  backend.send(register('a'), unregister('a'), register('b'));
  t.like(await backend.next(), { message_type: 'ENDPOINT_REGISTERED', token: 'a' });
  await bridge.gates.called('revoke', 1);
  t.deepEqual(await backend.sync(), []);
  heal();
  await clock.advance(1_000);
  const [gone, registered] = await backend.take(2);
  t.like(gone, { message_type: 'ENDPOINT_UNREGISTERED', token: 'a' });
  t.like(registered, { message_type: 'ENDPOINT_REGISTERED', token: 'b' });
  const left = await bridge.store.registrationsOf('bal:app', undefined, 10, clock.now());
  t.deepEqual(
    left.map(({ name }) => name),
    ['b'],
  );
});
