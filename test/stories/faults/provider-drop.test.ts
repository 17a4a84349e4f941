import test from 'ava';
import type { Story } from '../harness.ts';
import { begin, checkService, until } from './books.ts';
import { Forwarder } from './forwarder.ts';

const WINDOW = 40;
/** How often the provider had this event. */
const count = (story: Story, event: string): Promise<number> =>
  story.metric(`pushbridge_provider_events_total{provider="ccs",event="${event}"}`);

for (const how of ['fin', 'rst'] as const) {
  test(`[promise 3, 4] dropped by ${how} between receipt and ack, connection after connection: the same wire id again, one outcome`, async (t) => {
    const { story, control, books } = await begin(t, {
      emulator: { drop_after: 90, drop_how: how, latency: '2ms', latency_spread: '4ms' },
      pool: { min: 2, max: 4, window: WINDOW },
    });
    books.send(1_000);
    await books.check(t);
    await checkService(t, story, books);
    const { drops, repeated } = control.stats();
    t.true(drops >= 8, `${drops} drops`);
    t.true(repeated >= drops, `${repeated} came again`);
    // With a reset an ack may have been written and not have arrived.
    for (const { acks, connections } of control.messages(2))
      t.true(acks === 1 || (how === 'rst' && acks <= connections.length));
  });
}

test('[promise 3, 6] messages that make the service drop their connection twice: sent three times under one wire id, acked once', async (t) => {
  const { story, control, books } = await begin(t, {
    pool: { min: 4, max: 4, window: WINDOW },
    surroundings: { random: () => 0 },
  });
  books.send(400, (n) => ({ to: n % 50 === 7 ? `fault:${n % 100 === 7 ? 'drop' : 'reset'}:2` : `token-${n}` }));
  await books.check(t);
  await checkService(t, story, books);
  t.is(control.stats().drops, 16);
  const often = control.messages(3).filter(({ connections }) => connections.length >= 3);
  t.true(often.length >= 8);
});

test('[promise 3, 6] a black hole on one of three connections: its messages go elsewhere after ack_timeout, the others never wait', async (t) => {
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true },
    pool: { min: 3, max: 3, window: WINDOW },
    ccs: { ack_timeout: '500ms', ping_interval: '400ms' },
  });
  books.send(900);
  await until(
    () => control.connections().filter(({ unacked }) => unacked === WINDOW).length === 3,
    'three full windows',
  );
  control.setFaults({ black_hole: true }, 2);
  control.setFaults({ hold_acks: false });
  control.releaseAcks();
  await books.settled(900 - WINDOW - 300); // the groups of those in the hole wait with them
  await books.check(t);
  await checkService(t, story, books);
  t.true((await count(story, 'ack_timeout')) + (await count(story, 'ping_timeout')) >= 1);
  await until(async () => (await story.pool()).open === 3, 'a replacement');
});

test('[promise 1, 3, 6] a black hole everywhere: nothing is lost or given up, and all flows when the service is back', async (t) => {
  const { story, control, books } = await begin(t, {
    pool: { min: 2, max: 3, window: WINDOW },
    ccs: { ack_timeout: '400ms', ping_interval: '300ms', login_timeout: '400ms' },
    surroundings: { random: () => 0.2 },
  });
  books.send(200);
  await books.settled();
  control.setFaults({ black_hole: true });
  books.send(500);
  await until(() => books.taken === 700, 'the bridge takes what it can not deliver');
  await until(async () => (await count(story, 'login_failed')) >= 2, 'logins that end in the hole');
  await until(async () => (await story.pool()).open === 0, 'no connection');
  t.is((await story.admin('/readyz')).status, 200, 'a service out of reach does not take the bridge out of service');
  t.is(books.fates.size, 200);
  control.setFaults({ black_hole: false });
  await books.check(t);
  await checkService(t, story, books);
});

test('[promise 1, 3, 6] half-open connections: a path that silently stops forwarding is found by pings, the messages go again on new ones', async (t) => {
  let port = 0;
  const path = await Forwarder.start(() => port);
  t.teardown(() => path.stop());
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true },
    pool: { min: 2, max: 2, window: WINDOW },
    ccs: { port: path.port, ack_timeout: '10m', ping_interval: '500ms', login_timeout: '1s' },
    surroundings: { random: () => 0.2 },
  });
  port = story.emulator.port;
  books.send(300);
  const full = () => control.connections().filter(({ unacked }) => unacked === WINDOW).length;
  await until(() => full() === 2, 'two full windows');
  path.deaf = true;
  path.freeze();
  control.setFaults({ hold_acks: false });
  await until(async () => (await count(story, 'ping_timeout')) === 2, 'two dead connections');
  await until(async () => (await count(story, 'login_failed')) >= 1, 'a login that nobody hears');
  path.deaf = false;
  await books.check(t);
  await checkService(t, story, books);
  t.is(control.messages(2).length, 2 * WINDOW, 'what was in flight went out twice, nothing else did');
});
