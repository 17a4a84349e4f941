import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ManualClock } from '../../src/lib/clock.ts';
import { call1, call2, DISTRIBUTOR, desk, during, VAPID } from './desk.ts';

const APP = 'org.example.App';
const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

const refused = (reason: string) => [{ success: 'REGISTRATION_FAILED', reason }];

const BROKEN = [
  ['no service', { token: 't' }],
  ['a service that is no name', { service: 'app', token: 't' }],
  ['a service of 256 bytes', { service: `org.${'a'.repeat(252)}`, token: 't' }],
  ['no token', { service: APP }],
  ['an empty token', { service: APP, token: '' }],
  ['a token of 101 bytes', { service: APP, token: `${'ü'.repeat(50)}x` }],
  ['a token that is a number', { service: APP, token: 5 }],
  ['a description of 101 bytes', { service: APP, token: 't', description: 'x'.repeat(101) }],
  ['a key of 86 characters', { service: APP, token: 't', vapid: VAPID.slice(1) }],
  ['an empty key', { service: APP, token: 't', vapid: '' }],
] as const;

test('v2: what breaks the rules is answered as such, and nothing is done', async (t) => {
  const { bus, xmpp } = await desk(t);
  const app = await bus.app(APP);
  for (const [what, args] of BROKEN) {
    t.is((await call2(app, 'Register', args)).error, 'org.freedesktop.DBus.Error.InvalidArgs', what);
  }
  t.is((await call2(app, 'Unregister', {})).error, 'org.freedesktop.DBus.Error.InvalidArgs');
  t.deepEqual(
    xmpp.rest.filter(({ firstElement }) => firstElement?.name === 'register'),
    [],
  );
  t.deepEqual(app.rest, []);
});

test('what is as long as it may be is taken', async (t) => {
  const { bus } = await desk(t);
  const app = await bus.app(APP);
  const args = { service: APP, token: 'ü'.repeat(50), description: 'x'.repeat(100), vapid: VAPID };
  t.deepEqual((await call2(app, 'Register', args)).args, [{ success: 'REGISTRATION_SUCCEEDED' }]);
});

test('v1: one argument, five, or an array are no Register', async (t) => {
  const { bus } = await desk(t);
  const app = await bus.app(APP);
  for (const args of [[APP], [APP, 't', '', '', '']]) {
    t.is((await call1(app, 'Register', ...args)).error, 'org.freedesktop.DBus.Error.InvalidArgs', args.join());
  }
  t.is((await call1(app, 'Unregister', '')).error, 'org.freedesktop.DBus.Error.InvalidArgs');
});

test('nobody speaks for an app that is on the bus', async (t) => {
  const { bus, xmpp, logged } = await desk(t);
  const app = await bus.app(APP);
  const other = await bus.app('org.example.Other');
  t.deepEqual((await call2(other, 'Register', { service: APP, token: 't' })).args, refused('UNAUTHORIZED'));
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  // Not even with the token, and without learning whether it is one.
  t.deepEqual((await call2(other, 'Unregister', { token: 't' })).args, [{}]);
  t.deepEqual((await call2(other, 'Unregister', { token: 'unknown' })).args, [{}]);
  t.deepEqual(
    (await call2(other, 'Register', { service: 'org.example.Other', token: 't' })).args,
    refused('UNAUTHORIZED'),
  );
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  t.deepEqual(app.rest, []);
  t.is(xmpp.rest.filter(({ firstElement }) => firstElement?.name === 'register').length, 1);
  t.true(logged.includes('somebody else speaks for an app'));
});

test('reason NETWORK: the server is not there', async (t) => {
  const { bus, xmpp } = await desk(t, { register_timeout: '300ms' });
  const app = await bus.app(APP);
  xmpp.leave();
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, refused('NETWORK'));
  t.deepEqual((await call1(app, 'Register', APP, 't', '')).args, ['REGISTRATION_FAILED', 'NETWORK']);
});

test('reason ACTION_REQUIRED: there is no push service', async (t) => {
  const { bus, xmpp, again } = await desk(t, {}, {});
  xmpp.behaviour.features = [];
  await again();
  const app = await bus.app(APP);
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, refused('ACTION_REQUIRED'));
});

test('reason ACTION_REQUIRED: the password is wrong', async (t) => {
  const { bus, xmpp, again } = await desk(t);
  xmpp.behaviour.password = 'another';
  await again({ register_timeout: '300ms', account: { ...account(xmpp.port), backoff_base: '10ms' } });
  const app = await bus.app(APP);
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, refused('ACTION_REQUIRED'));
});

const account = (port: number) => ({
  jid: 'romeo@localhost',
  password: 'pencil',
  host: '127.0.0.1',
  port,
  security: 'none',
});

for (const [condition, reason] of [
  ['forbidden', 'ACTION_REQUIRED'],
  ['internal-server-error', 'INTERNAL_ERROR'],
  ['bad-request', 'INTERNAL_ERROR'],
] as const) {
  test(`reason ${reason}: the push service says ${condition}`, async (t) => {
    const { bus, xmpp } = await desk(t);
    xmpp.behaviour.register = () => `<error type='cancel'><${condition} xmlns='${STANZAS}'/></error>`;
    const app = await bus.app(APP);
    t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, refused(reason));
    t.deepEqual(app.rest, []);
  });
}

for (const key of ['registrations_max', 'registrations_per_app']) {
  test(`reason ACTION_REQUIRED: ${key}; one that is known counts no more`, async (t) => {
    const { bus } = await desk(t, { [key]: 1 });
    const app = await bus.app(APP);
    const succeeded = [{ success: 'REGISTRATION_SUCCEEDED' }];
    t.deepEqual((await call2(app, 'Register', { service: APP, token: 'a' })).args, succeeded);
    t.deepEqual((await call2(app, 'Register', { service: APP, token: 'b' })).args, refused('ACTION_REQUIRED'));
    t.deepEqual((await call2(app, 'Register', { service: APP, token: 'a' })).args, succeeded);
    await call2(app, 'Unregister', { token: 'a' });
    t.deepEqual((await call2(app, 'Register', { service: APP, token: 'b' })).args, succeeded);
  });
}

test('reason VAPID_REQUIRED: the key of the server is wanted', async (t) => {
  const { bus } = await desk(t, { require_vapid: true });
  const app = await bus.app(APP);
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, refused('VAPID_REQUIRED'));
  t.deepEqual((await call1(app, 'Register', APP, 't', '')).args, ['REGISTRATION_FAILED', 'VAPID_REQUIRED']);
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't', vapid: VAPID })).args, [
    { success: 'REGISTRATION_SUCCEEDED' },
  ]);
});

test('reason UNAUTHORIZED: only apps in a sandbox are taken', async (t) => {
  const proc = mkdtempSync(join(tmpdir(), 'pushbridge-proc-'));
  const { bus } = await desk(t, { sandboxed_only: true }, { proc });
  const app = await bus.app(APP);
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, refused('UNAUTHORIZED'));
  const root = join(proc, String(app.pid), 'root');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, '.flatpak-info'), '[Application]\n');
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, [
    { success: 'REGISTRATION_SUCCEEDED' },
  ]);
});

test('an app that asks again and again while there is no network is kept short, and nobody else waits for it', async (t) => {
  const clock = new ManualClock();
  const here = await desk(t, {}, { online: false, clock });
  here.xmpp.leave();
  const app = await here.bus.app(APP);
  const ask = () => call2(app, 'Register', { service: APP, token: 't' });
  const calls = Array.from({ length: 64 }, ask);
  // The bus keeps their order.
  t.is((await ask()).error, 'org.freedesktop.DBus.Error.LimitsExceeded');
  const other = await here.bus.app('-');
  const seen = await other.call({
    destination: DISTRIBUTOR,
    path: '/org/unifiedpush/Distributor',
    interface: 'org.freedesktop.DBus.Introspectable',
    member: 'Introspect',
    signature: '',
    args: [],
  });
  t.is(seen.event, 'answered');
  const answers = await during(clock, Promise.all(calls));
  for (const { args } of answers) t.deepEqual(args, refused('NETWORK'));
});

test('a call of a megabyte is refused, and does not end the service for the others', async (t) => {
  const here = await desk(t);
  const app = await here.bus.app(APP);
  const large = await call1(app, 'Register', APP, 'x'.repeat(1_000_000), '');
  t.is(large.error, 'org.freedesktop.DBus.Error.InvalidArgs');
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, [
    { success: 'REGISTRATION_SUCCEEDED' },
  ]);
});
