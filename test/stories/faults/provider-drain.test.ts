import test from 'ava';
import { bench, message } from '../../providers/ccs/bench.ts';
import { type Peer, stanzaOf } from '../../providers/ccs/scripted-server.ts';
import type { Story } from '../harness.ts';
import { begin, checkService, passUntil, until } from './books.ts';

const WINDOW = 40;
const unacked = ({ emulator }: Story): number =>
  emulator.control.connections().reduce((sum, connection) => sum + connection.unacked, 0);

/** Fills the window of `lanes` connections, with every answer held back. */
async function fill(story: Story, lanes: number): Promise<void> {
  await until(() => unacked(story) >= lanes * WINDOW, `${lanes} full windows`);
}

test('[promise 3, 4, 5] all connections drain at once with full windows, three times: no message is sent twice, each has one outcome', async (t) => {
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true, drain_min: '20ms' },
    pool: { min: 3, max: 3, window: WINDOW },
  });
  books.send(1_200);
  for (let round = 1; round <= 3; round++) {
    await until(() => control.connections().filter(({ state }) => state === 'bound').length === 3, 'three connections');
    await fill(story, 3);
    t.is(control.drain('all'), 3);
    // The old ones wait for their acks while the new ones fill up: six windows are full at a time.
    await fill(story, 6);
    t.like(await story.pool(), { open: 3, draining: 3, used: 3 * WINDOW });
    control.releaseAcks();
    await until(() => control.connections().every(({ state }) => state === 'bound'), 'the old ones are closed');
  }
  control.setFaults({ hold_acks: false });
  control.releaseAcks();
  await books.check(t);
  await checkService(t, story, books);
  const { received, repeated, nacks, drains, drops } = control.stats();
  t.deepEqual([drains, drops], [9, 0]);
  t.is(repeated, nacks.CONNECTION_DRAINING ?? 0, 'only what came behind the announcement was sent again');
  t.is(received, 1_200 + repeated);
});

test('[promise 3, 4] every connection drains after fifty messages, told or not: each message has one outcome', async (t) => {
  for (const announce_drain of [true, false]) {
    const { story, control, books } = await begin(t, {
      emulator: { drain_after: 50, announce_drain, latency: '1ms', latency_spread: '3ms', drain_min: '10ms' },
      pool: { min: 2, max: 4, window: WINDOW },
    });
    books.send(1_200);
    await books.check(t);
    await checkService(t, story, books);
    const { drains, repeated, nacks } = control.stats();
    t.true(drains >= 15, `${drains} drains`);
    t.is(repeated, nacks.CONNECTION_DRAINING ?? 0);
  }
});

test('[promise 3, 5] draining connections that the server never closes: draining_max of them stay, what the others owed is sent again', async (t) => {
  const { story, control, books } = await begin(t, {
    emulator: { hold_acks: true, drain_min: '10m', drain_max: '10m' },
    pool: { min: 1, max: 1, window: WINDOW },
    ccs: { draining_max: 2 },
    surroundings: { random: () => 0 },
  });
  books.send(400);
  for (let round = 1; round <= 5; round++) {
    const [fresh] = await until(() => {
      const open = control.connections().filter(({ state, unacked }) => state === 'bound' && unacked === WINDOW);
      return open.length === 1 && open;
    }, 'a new connection with a full window');
    control.drain(fresh?.connection);
    await until(async () => (await story.pool()).draining === Math.min(round, 2), 'it drains');
  }
  await until(() => control.connections().length === 3, 'three closed by the bridge');
  t.is(await story.metric('pushbridge_provider_events_total{provider="ccs",event="drain_overflow"}'), 3);
  control.setFaults({ hold_acks: false });
  control.releaseAcks();
  await books.check(t);
  await checkService(t, story, books);
  const twice = control.messages(2);
  t.true(twice.length >= 3 * WINDOW, 'the windows of the three that were closed went out again');
  t.true(twice.every(({ acks }) => acks === 1));
});

const DRAINING = { message_type: 'control', control_type: 'CONNECTION_DRAINING' };

for (const [when, drain] of [
  ['with the end of the login', (peer: Peer, id: string) => peer.bound(id, stanzaOf(DRAINING))],
  ['right after the login', (peer: Peer, id: string) => peer.bound(id) ?? setImmediate(() => peer.say(DRAINING))],
] as const) {
  test(`[promise 5] a service that drains every connection ${when} is not stormed with logins`, async (t) => {
    let healthy = false;
    await using b = await bench({
      wait: 0,
      random: () => 0.999_999,
      options: { draining_max: 5, ping_interval: '1h' },
      script: {
        message: (peer, m) => peer.ack(m),
        bind: (peer, id) => void (healthy ? peer.bound(id) : drain(peer, id)),
      },
    });
    const minutes = 10;
    for (let s = 0; s < minutes * 60 && b.server.peers.length < 100; s++) {
      await b.clock.advance(1_000);
      const rest = () => b.provider.pool().connecting === 0 && b.events.drain === b.server.peers.length;
      await until(rest, 'the drain that follows a login');
    }
    // At once, then after 1 s, 2 s, 4 s … up to one a minute.
    t.true(b.server.peers.length <= minutes + 8, `${b.server.peers.length} logins in ${minutes} minutes`);
    t.true(b.provider.pool().draining <= 5);
    t.regex(b.provider.health().detail ?? '', /right after the login/);
    healthy = true;
    await passUntil(
      b.clock,
      () => b.provider.pool(),
      () => b.provider.room() > 0,
      'room',
    );
    t.is((await b.send(message())).kind, 'accepted');
    t.is(b.provider.health().state, 'ok');
  });
}
