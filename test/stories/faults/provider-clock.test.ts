import test from 'ava';
import { bench, message } from '../../providers/ccs/bench.ts';
import { until } from './books.ts';

const HOUR = 3_600_000;
const CONTROL = { message_type: 'control', control_type: 'CONNECTION_DRAINING' };

for (const [what, ms] of [
  ['an hour ahead', HOUR],
  ['an hour back', -HOUR],
  ['a year ahead', 365 * 24 * HOUR],
] as const) {
  test(`[promise 3, 6] the wall clock jumps ${what} with messages in flight: no ack is late, no connection dead, none idle`, async (t) => {
    await using b = await bench({
      options: { pool: { min: 1, max: 3, window: 10, idle: '5m' }, ack_timeout: '60s', drain_timeout: '5m' },
      random: () => 0,
    });
    const inFlight = Array.from({ length: 10 }, () => b.send(message()));
    await until(() => b.provider.pool().open === 2, 'a second connection, because the first is full');
    const [busy, idle] = b.server.peers;
    await until(() => busy?.messages.length === 10, 'a full window');
    b.clock.jump(ms);
    await b.pass(10_000);
    t.like(b.provider.pool(), { open: 2, draining: 0, used: 10 });
    t.false(busy?.text.includes('urn:xmpp:ping'));
    t.is(b.provider.health().facts?.last_byte_age_s, 10);
    for (const m of busy?.messages ?? []) busy?.ack(m);
    for (const sent of inFlight) t.is((await sent).kind, 'accepted');
    idle?.say(CONTROL);
    await until(() => b.provider.pool().draining === 1 && b.provider.pool().open === 2, 'a replacement');
    b.clock.jump(-ms);
    await b.pass(10_000);
    t.like(b.provider.pool(), { open: 2, draining: 1, used: 0 });
    t.is(b.server.peers.length, 3);
    for (const event of ['ack_timeout', 'ping_timeout', 'drop']) t.is(b.events[event], undefined, event);
  });

  test(`[promise 5] the wall clock jumps ${what} between refused logins: the pause is what it was`, async (t) => {
    await using b = await bench({ wait: 0, script: { hello: (peer) => peer.drop() }, random: () => 0.999_999 });
    const failed = (n: number) => until(() => b.events.login_failed === n, `failure ${n}`);
    await failed(1);
    for (const [n, pause] of [1_000, 2_000, 4_000, 8_000].entries()) {
      b.clock.jump(n % 2 === 0 ? ms : -ms);
      await b.clock.advance(pause - 1);
      t.deepEqual([b.provider.pool().connecting, b.events.login_failed], [0, n + 1]);
      await b.clock.advance(1);
      await failed(n + 2);
    }
  });
}

test('[promise 3] the time to live that the service is told never grows, nor falls below zero, whatever the wall clock says', async (t) => {
  await using b = await bench({ script: { message: (peer, m) => peer.ack(m) } });
  const sent = message({ ttl: 600, expiresAt: b.clock.now() + 600_000 });
  const told = async (): Promise<unknown> => {
    await b.send(sent);
    return b.server.peers[0]?.messages.at(-1)?.json.time_to_live;
  };
  t.is(await told(), 600);
  b.clock.jump(HOUR);
  t.is(await told(), 0);
  b.clock.jump(-2 * HOUR);
  t.is(await told(), 600, 'never more than the sender gave');
});
