import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { createDistributor, distributorOptions } from '../../src/distributor/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import type { XmlElement } from '../../src/protocols/xmpp/index.ts';
import { call1, call2, type Desk, DISTRIBUTOR, desk, during, here, VAPID } from './desk.ts';
import { PrivateBus } from './private-bus.ts';
import { GULTSCH } from './xmpp-server.ts';

const APP = 'org.example.App';
const HOUR = 3_600_000;
/** Hours instead of days, because time is told in steps of seconds. */
const hours = { renew_before: '1h', refresh: '1h' };
const succeeded = [{ success: 'REGISTRATION_SUCCEEDED' }];

const isRegister = ({ firstElement }: XmlElement): boolean => firstElement?.name === 'register';
const registers = ({ xmpp }: Desk): number => xmpp.rest.filter(isRegister).length;

/** A push service whose endpoints have a number, and live for a while. */
function numbered({ xmpp }: Desk, expiresAt?: () => number): void {
  let number = 0;
  xmpp.behaviour.register = () => {
    const end = expiresAt ? `expiration='${new Date(expiresAt()).toISOString()}'` : '';
    return `<registered xmlns='${GULTSCH}' endpoint='https://push.example/${++number}' ${end}/>`;
  };
}

/** The client has read all that was sent to it. */
async function read({ xmpp }: Pick<Desk, 'xmpp'>): Promise<void> {
  xmpp.send("<iq type='get' id='read' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
  await xmpp.stanza(({ attrs }) => attrs.id === 'read');
}

test('a known token gets its endpoint again, after a restart too, without a word to the service', async (t) => {
  const one = await desk(t);
  numbered(one);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 't' });
  t.like(await app.called('NewEndpoint'), { args: [{ endpoint: 'https://push.example/1' }] });
  await one.again();
  await here(one.xmpp);
  // The app has learnt the other version meanwhile.
  await call1(app, 'Register', APP, 't', '');
  t.like(await app.called('NewEndpoint'), { signature: 'ss', args: ['t', 'https://push.example/1'] });
  t.is(registers(one), 1);
});

test('a known token gets its endpoint while there is no network', async (t) => {
  const one = await desk(t);
  numbered(one);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  one.xmpp.leave();
  t.deepEqual((await call2(app, 'Register', { service: APP, token: 't' })).args, succeeded);
  t.like(await app.called('NewEndpoint'), { args: [{ endpoint: 'https://push.example/1' }] });
});

test('another key is another endpoint, and the service knows it under another name', async (t) => {
  const one = await desk(t);
  numbered(one);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 't' });
  t.like(await app.called('NewEndpoint'), { args: [{ endpoint: 'https://push.example/1' }] });
  await call2(app, 'Register', { service: APP, token: 't', vapid: VAPID });
  t.like(await app.called('NewEndpoint'), { args: [{ endpoint: 'https://push.example/2' }] });
  const [first, second] = one.xmpp.rest.filter(isRegister).map(({ firstElement }) => firstElement?.attrs);
  t.is(first?.application, second?.application);
  t.not(first?.instance, second?.instance);
  t.regex(first?.instance ?? '', /^[A-Za-z0-9+/]{43}=$/);
});

test('a push service that has learnt to keep endpoints for one key is asked for them after the next login', async (t) => {
  const one = await desk(t);
  const app = await one.bus.app(APP);
  const key = async (token: string) => {
    await call2(app, 'Register', { service: APP, token, vapid: VAPID });
    await app.called('NewEndpoint');
    return (await one.xmpp.stanza(isRegister)).firstElement?.child('vapid', 'urn:pushbridge:vapid:0')?.text;
  };
  t.is(await key('a'), undefined);
  one.xmpp.behaviour.features.push('urn:pushbridge:vapid:0');
  one.xmpp.drop();
  await here(one.xmpp);
  t.is(await key('b'), VAPID);
});

test('an endpoint that comes to its end is renewed; the app hears of it only if it has changed', async (t) => {
  const clock = new ManualClock();
  const one = await desk(t, hours, { clock });
  let lifetime = 3 * HOUR;
  numbered(one, () => clock.now() + lifetime);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  await one.xmpp.stanza(isRegister);
  await clock.advance(HOUR);
  t.is(registers(one), 0);
  lifetime = HOUR;
  await clock.advance(HOUR - 60_000);
  t.like(await during(clock, app.called('NewEndpoint')), { args: [{ endpoint: 'https://push.example/2' }] });
  t.is(registers(one), 1);
  await one.xmpp.stanza(isRegister);
  // This one lives for an hour: in the middle of it there is time enough.
  one.xmpp.behaviour.register = () =>
    `<registered xmlns='${GULTSCH}' endpoint='https://push.example/2' expiration='2099-01-01T00:00:00Z'/>`;
  await clock.advance(25 * 60_000);
  t.is(registers(one), 0);
  await during(clock, one.xmpp.stanza(isRegister));
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  t.deepEqual(app.rest, []);
});

test('an endpoint without an end is asked for again and again, at its pace', async (t) => {
  const clock = new ManualClock();
  const one = await desk(t, hours, { clock });
  numbered(one);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  await one.xmpp.stanza(isRegister);
  await clock.advance(HOUR - 120_000);
  t.is(registers(one), 0);
  t.like(await during(clock, app.called('NewEndpoint')), { args: [{ endpoint: 'https://push.example/2' }] });
});

test('a service that gives no endpoint is asked again, ever less often; the app keeps the old one', async (t) => {
  const clock = new ManualClock();
  const one = await desk(t, hours, { clock });
  numbered(one, () => clock.now() + 2 * HOUR);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  await one.xmpp.stanza(isRegister);
  one.xmpp.behaviour.register = () =>
    "<error type='wait'><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
  await clock.advance(1.9 * HOUR);
  const asked = registers(one);
  t.true(asked >= 3 && asked <= 12, String(asked));
  t.deepEqual(app.rest, []);
});

test('at another push service every app gets another endpoint, and is told', async (t) => {
  const one = await desk(t);
  numbered(one);
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 'a' });
  await call1(app, 'Register', APP, 'b', '');
  await app.called('NewEndpoint');
  await app.called('NewEndpoint');
  one.xmpp.behaviour.register = () =>
    "<register xmlns='unifiedpush.org'><endpoint>https://push.example/UP?token=x</endpoint></register>";
  await one.again({ gateway: { jid: 'push.localhost', dialect: 'legacy' } });
  const told = [await app.called('NewEndpoint'), await app.called('NewEndpoint')];
  t.deepEqual(
    told.map(({ args }) => args),
    [[{ token: 'a', endpoint: 'https://push.example/UP?token=x' }], ['b', 'https://push.example/UP?token=x']],
  );
});

const accountOf = ({ xmpp }: Desk) => ({
  jid: 'romeo@localhost',
  password: 'pencil',
  host: '127.0.0.1',
  port: xmpp.port,
  security: 'none',
});

for (const restarted of [false, true]) {
  const when = restarted ? 'after a restart' : 'when it is there';
  test(`an app that was away when its endpoint changed is told ${when}, and once`, async (t) => {
    const one = await desk(t);
    numbered(one);
    const app = await one.bus.app(APP);
    await call2(app, 'Register', { service: APP, token: 't' });
    await app.called('NewEndpoint');
    await app.stop();
    const elsewhere = { gateway: { jid: 'other.localhost', dialect: 'gultsch' } };
    await one.xmpp.stanza(isRegister);
    await one.again(elsewhere);
    await one.xmpp.stanza(isRegister);
    await read(one);
    if (restarted) {
      await one.distributor.stop();
      const back = await one.bus.app(APP);
      await one.again(elsewhere);
      t.like(await back.called('NewEndpoint'), { args: [{ token: 't', endpoint: 'https://push.example/2' }] });
      t.deepEqual(back.rest, []);
      return;
    }
    const back = await one.bus.app(APP);
    t.like(await back.called('NewEndpoint'), { args: [{ token: 't', endpoint: 'https://push.example/2' }] });
    await back.stop();
    const again = await one.bus.app(APP);
    await call2(again, 'Register', { service: APP, token: 't' });
    await again.called('NewEndpoint');
    t.deepEqual(again.rest, []);
  });
}

test('an app that takes long to start does not keep others from their new endpoints', async (t) => {
  const one = await desk(t);
  numbered(one);
  // Endpoints are renewed by token: that of the slow one first.
  const slow = await one.bus.app('org.example.Slow');
  await call2(slow, 'Register', { service: 'org.example.Slow', token: 'a' });
  await slow.called('NewEndpoint');
  await slow.stop();
  one.bus.install('org.example.Slow', '-');
  const app = await one.bus.app(APP);
  await call2(app, 'Register', { service: APP, token: 'b' });
  await app.called('NewEndpoint');
  await one.again({ gateway: { jid: 'other.localhost', dialect: 'gultsch' }, call_timeout: '1h' });
  t.like(await app.called('NewEndpoint'), { args: [{ token: 'b', endpoint: 'https://push.example/4' }] });
});

test('what an app takes back while it is being made is not made', async (t) => {
  const one = await desk(t, { register_timeout: '20s' });
  one.xmpp.leave();
  const app = await one.bus.app(APP);
  const registering = call2(app, 'Register', { service: APP, token: 't' });
  await call2(app, 'Unregister', { token: 't' });
  one.xmpp.comeBack();
  t.deepEqual((await registering).args, [{ success: 'REGISTRATION_FAILED', reason: 'INTERNAL_ERROR' }]);
  await one.xmpp.stanza(isRegister);
  await call2(app, 'Register', { service: APP, token: 't' });
  await app.called('NewEndpoint');
  t.deepEqual(app.rest, []);
});

test('the connection is made again when it breaks, as the same client', async (t) => {
  const one = await desk(t);
  const { jid } = one.xmpp;
  for (let times = 2; times < 5; times++) {
    one.xmpp.drop();
    await here(one.xmpp);
    t.is(one.xmpp.logins, times);
    t.is(one.xmpp.jid, jid);
  }
});

test('when the machine has slept, the connection has to show that it lives', async (t) => {
  const clock = new ManualClock();
  const { xmpp } = await desk(t, {}, { clock });
  const isPing = ({ firstElement }: XmlElement) => firstElement?.name === 'ping';
  await clock.advance(60_000);
  t.false(xmpp.rest.some(isPing));
  clock.jump(3_600_000);
  await clock.advance(5_000);
  await xmpp.stanza(isPing);
  await read({ xmpp });
  await clock.advance(5_000);
  t.is(xmpp.logins, 1);
  xmpp.behaviour.mute = true;
  clock.jump(3_600_000);
  await clock.advance(5_000);
  await xmpp.stanza(isPing);
  await clock.advance(5_000);
  await during(clock, here(xmpp));
  t.is(xmpp.logins, 2);
});

test('a machine that wakes while a login hangs does not wait for the next one', async (t) => {
  const clock = new ManualClock();
  const one = await desk(t, {}, { clock });
  const { xmpp } = one;
  await one.again({ account: { ...accountOf(one), backoff_base: '100h', backoff_cap: '100h' } });
  await here(xmpp);
  await clock.advance(60_000);
  xmpp.behaviour.hang = true;
  xmpp.drop();
  await xmpp.connected(3);
  clock.jump(3_600_000);
  await clock.advance(5_000);
  xmpp.behaviour.hang = false;
  const began = clock.monotonic();
  await during(clock, here(xmpp));
  t.true(clock.monotonic() - began < 60_000);
});

test('a silent connection is asked for a sign of life, and cut without one', async (t) => {
  const clock = new ManualClock();
  const { xmpp } = await desk(t, {}, { clock });
  xmpp.behaviour.mute = true;
  await clock.advance(245_000);
  await xmpp.stanza(({ firstElement }) => firstElement?.name === 'ping');
  await during(clock, here(xmpp));
  t.is(xmpp.logins, 2);
});

test('a name that somebody has, and a bus that goes away, are said', async (t) => {
  const one = await desk(t);
  const options = distributorOptions.parse({ account: accountOf(one), bus: one.bus.address, database: ':memory:' });
  await t.throwsAsync(createDistributor(options, { env: {} }).start(), {
    message: `another distributor is running as ${DISTRIBUTOR}`,
  });
  const bus = await PrivateBus.start();
  const other = createDistributor({ ...options, bus: bus.address }, { env: {} });
  await other.start();
  await bus.stop();
  t.true((await other.failed) instanceof Error);
  await other.stop();
});

test('a bus may be an abstract socket, and is found by the environment', async (t) => {
  const bus = await PrivateBus.start((folder) => `unix:abstract=${folder}`);
  const options = distributorOptions.parse({
    account: { jid: 'romeo@localhost', password: 'x', host: '127.0.0.1', port: 1, security: 'none' },
    database: ':memory:',
    name: 'other',
  });
  const distributor = createDistributor(options, { env: { DBUS_SESSION_BUS_ADDRESS: bus.address } });
  await distributor.start();
  t.is(distributor.name, 'org.unifiedpush.Distributor.other');
  await distributor.stop();
  await bus.stop();
  await t.throwsAsync(createDistributor(options, { env: {} }).start(), { message: /^no session bus/ });
});

test('nobody else may read the database; what is not ours is not touched', async (t) => {
  const one = await desk(t);
  const file = join(one.bus.folder, 'data', 'distributor.db');
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(statSync(dirname(file)).mode & 0o777, 0o700);
  const foreign = join(one.bus.folder, 'foreign.db');
  new DatabaseSync(foreign).exec('CREATE TABLE x (y)');
  const options = distributorOptions.parse({ account: accountOf(one), bus: one.bus.address, database: foreign });
  await t.throwsAsync(createDistributor(options, { env: {} }).start(), {
    message: `${foreign} is the database of another program`,
  });
  await one.distributor.stop();
  const db = new DatabaseSync(file);
  db.exec('PRAGMA user_version = 99');
  db.close();
  await t.throwsAsync(createDistributor({ ...options, database: file }, { env: {} }).start(), {
    message: `${file} was written by a newer version of pushbridge`,
  });
});
