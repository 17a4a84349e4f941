import test from 'ava';
import { type EndpointRequest, Endpoints, type Store, StoreError } from '../../src/core/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { createMemoryStore } from '../../src/storage/memory/index.ts';
import { claimIds, LIMITS, submission } from '../storage/samples.ts';
import { GatedStore } from './gated-store.ts';

const HOUR = 3_600_000;
const ROMEO = 'xmpp:romeo@example.net';

function bench(limits: Partial<typeof LIMITS> = {}, around = (store: Store): Store => store) {
  const clock = new ManualClock();
  const gated = new GatedStore(createMemoryStore({ ...LIMITS, ...limits }));
  const store = around(gated.store);
  const endpoints = new Endpoints({ store, clock, urlOf: (token) => `https://push.example.net/push/${token}` });
  const register = async (fields: Partial<EndpointRequest> = {}) => {
    const endpoint = await endpoints.register({ owner: ROMEO, name: 'app', provider: 'ccs', data: '{}', ...fields });
    if (!endpoint) throw new Error('there is no room');
    return { ...endpoint, token: endpoint.registration.token };
  };
  return { clock, gated, store, endpoints, register };
}

test('an endpoint is a URL of at least 160 random bits, and leads to what was registered', async (t) => {
  const { endpoints, register, clock } = bench();
  const { url, token, known } = await register({ vapid: 'key', lifeMs: HOUR });
  t.is(url, `https://push.example.net/push/${token}`);
  t.is(endpoints.urlOf(token), url);
  t.regex(token, /^[\w-]{27}$/);
  t.false(known);
  t.deepEqual(await endpoints.find(token), {
    token,
    owner: ROMEO,
    name: 'app',
    provider: 'ccs',
    vapid: 'key',
    data: '{}',
    registeredAt: clock.now(),
    expiresAt: clock.now() + HOUR,
  });
  t.not((await register({ name: 'another' })).token, token);
});

test('the same endpoint has the same URL for ever, with what was said last', async (t) => {
  const { endpoints, register, clock } = bench();
  const first = await register({ lifeMs: HOUR });
  await clock.advance(HOUR - 1);
  const second = await register({ lifeMs: HOUR, data: '{"jid":"newer"}' });
  t.is(second.url, first.url);
  t.true(second.known);
  await clock.advance(HOUR - 1);
  t.like(await endpoints.find(first.token), { data: '{"jid":"newer"}' });
});

test('[RFC 8292 §4.1] under another key the endpoint has another URL, and the old one is no more at once', async (t) => {
  const { endpoints, register } = bench();
  const first = await register({ vapid: 'key' });
  const second = await register({ vapid: 'another' });
  t.not(second.token, first.token);
  t.false(second.known);
  t.is(await endpoints.find(first.token), 'revoked');
  t.like(await endpoints.find(second.token), { vapid: 'another' });
});

test('an owner that has too many gets none, and keeps those that it has', async (t) => {
  const { endpoints, register } = bench({ registrationsPerOwner: 1 });
  const { token } = await register();
  t.is(await endpoints.register({ owner: ROMEO, name: 'b', provider: 'ccs', data: '{}' }), undefined);
  t.like(await endpoints.find(token), { name: 'app' });
});

test('an endpoint is given out only after the commit, and not at all if there was none', async (t) => {
  const { gated, register, clock } = bench();
  const open = gated.hold('register');
  let given = false;
  const registering = register().then((endpoint) => {
    given = true;
    return endpoint;
  });
  await clock.advance(0);
  t.false(given);
  open();
  await registering;
  gated.refuse('register', new StoreError('full', 'no room'));
  await t.throwsAsync(register(), { instanceOf: StoreError });
});

test('the store is asked once for what is found, and each time for what is not', async (t) => {
  const { gated, endpoints, register, store, clock } = bench();
  const { token } = await register();
  for (let i = 0; i < 3; i++) await endpoints.find(token);
  t.is(gated.calls('registration'), 0, 'what was registered is known');
  const later = new Endpoints({ store, clock, urlOf: (of) => of });
  for (let i = 0; i < 3; i++) t.like(await later.find(token), { token });
  t.is(gated.calls('registration'), 1, 'after a start it is asked for');
  for (let i = 0; i < 3; i++) t.is(await endpoints.find('guessed'), undefined);
  t.is(gated.calls('registration'), 4);
});

test('[promise 5] memory holds 10,000 registrations, and the store the others', async (t) => {
  const { gated, endpoints, register } = bench({ registrationsMax: 20_000, registrationsPerOwner: 20_000 });
  const tokens: string[] = [];
  for (let n = 0; n < 10_000; n++) tokens.push((await register({ name: `${n}` })).token);
  const [first = '', second = ''] = tokens;
  await endpoints.find(first);
  t.is(gated.calls('registration'), 0, 'at the limit');
  await register({ name: 'one more' });
  await endpoints.find(first);
  t.is(gated.calls('registration'), 0, 'what is in use stays');
  t.like(await endpoints.find(second), { name: '1' }, 'one past it');
  t.is(gated.calls('registration'), 1);
});

test('at its end an endpoint is revoked, also for who remembers it', async (t) => {
  const { endpoints, register, clock } = bench();
  const { token } = await register({ lifeMs: HOUR });
  await clock.advance(HOUR - 1);
  t.like(await endpoints.find(token), { token });
  await clock.advance(1);
  t.is(await endpoints.find(token), 'revoked');
});

test('what is revoked is gone at once, by token and by name, and counted', async (t) => {
  const { endpoints, register } = bench();
  const [a, b, c] = [await register({ name: 'a' }), await register({ name: 'b' }), await register({ name: 'c' })];
  t.is(await endpoints.revoke({ token: a.token }, { owner: ROMEO, name: 'b' }, { token: 'nobody has it' }), 2);
  t.is(await endpoints.find(a.token), 'revoked');
  t.is(await endpoints.find(b.token), 'revoked');
  t.like(await endpoints.find(c.token), { name: 'c' });
  t.is(await endpoints.revoke({ token: a.token }), 0);
});

for (const [title, change] of [
  ['revoked', (endpoints: Endpoints, token: string) => endpoints.revoke({ token })],
  [
    'replaced',
    (endpoints: Endpoints) =>
      endpoints.register({ owner: ROMEO, name: 'app', provider: 'ccs', data: '{}', vapid: 'another' }),
  ],
] as const) {
  test(`what is ${title} while the store is asked for it is not remembered`, async (t) => {
    const late = Promise.withResolvers<void>();
    const slow = (store: Store): Store =>
      new Proxy(store, {
        get: (target, key) => {
          if (key !== 'registration') return Reflect.get(target, key);
          return async (token: string, now: number) => {
            const found = await target.registration(token, now);
            await late.promise;
            return found;
          };
        },
      });
    const { store, register, clock } = bench({}, slow);
    const { token } = await register();
    const another = new Endpoints({ store, clock, urlOf: (of) => of });
    const finding = another.find(token);
    await clock.advance(0);
    await change(another, token);
    late.resolve();
    t.like(await finding, { token }, 'so it was when it was asked');
    t.is(await another.find(token), 'revoked');
  });
}

for (const count of [1, 100, 101, 250]) {
  test(`who is there again gets what waits for its endpoints: ${count} of them`, async (t) => {
    const { gated, store, endpoints, register, clock } = bench({ registrationsPerOwner: 1000 });
    const targets: string[] = [];
    for (let n = 0; n < count; n++) targets.push((await register({ name: `${n}` })).token);
    targets.push((await register({ name: 'other', owner: 'xmpp:juliet@example.net' })).token);
    await store.accept(targets.map((target, n) => submission(`m${n}`, { target })));
    for (const target of targets) await store.hold('ccs', target, clock.now() + HOUR);
    t.deepEqual(await claimIds(store, clock.now(), 1000), []);
    await endpoints.wake(ROMEO);
    const awake = await claimIds(store, clock.now(), 1000);
    t.deepEqual(new Set(awake), new Set(Array.from({ length: count }, (_, n) => `m${n}`)));
    t.is(gated.calls('registrationsOf'), Math.floor(count / 100) + 1);
  });
}

test('whoever wakes hears that the store could not', async (t) => {
  const { gated, endpoints, register } = bench();
  await register();
  gated.refuse('wake', new StoreError('failed', 'no disk'));
  await t.throwsAsync(endpoints.wake(ROMEO), { instanceOf: StoreError });
});

test('an app that FCM knows no more takes its endpoint along, but not one that leads to another app by now', async (t) => {
  const { endpoints, register, clock } = bench();
  const data = (to: string) => JSON.stringify({ fcm: { to, instance: 'app' } });
  const { token } = await register({ data: data('old') });
  await endpoints.appGone('no token of ours', 'old');
  await clock.advance(1);
  await register({ data: data('new') });
  await endpoints.appGone(token, 'old');
  t.like(await endpoints.find(token), { data: data('new') });
  await endpoints.appGone(token, 'new');
  t.is(await endpoints.find(token), 'revoked');
  const direct = await register({ name: 'direct' });
  await endpoints.appGone(direct.token, direct.token);
  t.like(await endpoints.find(direct.token), { name: 'direct' });
});
