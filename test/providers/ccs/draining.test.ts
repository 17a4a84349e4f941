import test from 'ava';
import { bench, message, pause, until } from './bench.ts';

const CONTROL = { message_type: 'control', control_type: 'CONNECTION_DRAINING' };
/** As the documentation prints it, a comma missing. [fcm.md §1.3] */
const BROKEN = '{"message_type":"control"\n"control_type":"CONNECTION_DRAINING"}';

for (const [name, control] of [
  ['by control message', CONTROL],
  ['by control message with broken JSON', BROKEN],
] as const) {
  test(`draining ${name}: replaced at once, still receiving and acking, closed by the server`, async (t) => {
    await using b = await bench({ options: { pool: { max: 1 } } });
    const first = b.send(message());
    const [old] = b.server.peers;
    const m = await until(() => old?.messages[0]);
    old?.say(control);
    await until(() => b.server.peers[1]?.online && b.provider.pool().open === 1);
    t.like(b.provider.pool(), { open: 1, draining: 1, used: 0 });
    void b.send(message());
    const next = await until(() => b.server.peers[1]?.messages[0]);
    t.is(old?.downstream.length, 1);
    t.truthy(next);
    old?.ack(m);
    t.is((await first).kind, 'accepted');
    old?.say({ from: 'device', message_id: 'u1', category: 'app', data: {} });
    await until(() => old?.acks.length === 1);
    await pause();
    t.false(old?.footer);
    old?.write('</stream:stream>');
    await until(() => old?.footer && b.provider.pool().draining === 0);
    t.is(b.events.drain, 1);
    t.is(b.events.drop, undefined);
  });
}

test('draining by nack: the message goes elsewhere at once', async (t) => {
  await using b = await bench({
    script: { message: (peer, m) => (peer.number === 0 ? peer.nack(m, 'CONNECTION_DRAINING') : peer.ack(m)) },
  });
  const sent = message();
  t.is((await b.send(sent)).kind, 'unsent');
  await until(() => b.provider.pool().open === 1 && b.provider.pool().draining === 1);
  t.is((await b.send(sent)).kind, 'accepted');
});

test('what is un-acked when the server closes a draining connection is sent again', async (t) => {
  await using b = await bench();
  const sent = b.send(message());
  const [old] = b.server.peers;
  await until(() => old?.messages[0]);
  old?.say(CONTROL);
  await until(() => b.provider.pool().draining === 1);
  old?.write('</stream:stream>');
  t.is((await sent).kind, 'unanswered');
});

test('a draining connection that nobody closes is closed after drain_timeout', async (t) => {
  await using b = await bench({ options: { drain_timeout: '5m', ping_interval: '1h' } });
  const [old] = b.server.peers;
  old?.say(CONTROL);
  await until(() => b.provider.pool().draining === 1 && b.provider.pool().open === 1);
  await b.pass(299_000);
  t.false(old?.footer);
  await b.pass(2_000);
  await until(() => old?.footer);
  await until(() => b.provider.pool().draining === 0);
  t.is(b.provider.pool().open, 1);
});

test('draining_max bounds the draining connections: the oldest is closed beyond', async (t) => {
  await using b = await bench({ options: { draining_max: 2 } });
  for (let n = 0; n < 3; n++) {
    const peer = await until(() => b.server.peers[n]?.online && b.server.peers[n]);
    await until(() => b.provider.pool().open === 1);
    peer.say({ from: 'device', message_id: `u${n}`, category: 'app', data: {} }); // it was of use before it drains
    peer.say(CONTROL);
    await until(() => b.events.drain === n + 1);
    t.is(b.events.drain_overflow, n < 2 ? undefined : 1);
  }
  await until(() => b.server.peers[0]?.footer);
  await until(() => b.provider.pool().open === 1);
  t.is(b.provider.pool().draining, 2);
});

test('a second draining message changes nothing', async (t) => {
  await using b = await bench();
  b.server.peers[0]?.say(CONTROL);
  b.server.peers[0]?.say(CONTROL);
  await until(() => b.provider.pool().open === 1 && b.provider.pool().draining === 1);
  t.is(b.events.drain, 1);
});

test('each of several lanes that drain is replaced, not only up to min', async (t) => {
  await using b = await bench({ options: { pool: { min: 1, max: 5, window: 1 } } });
  void b.send(message());
  await until(() => b.provider.room() === 1);
  void b.send(message());
  await until(() => b.provider.pool().open === 3);
  b.server.peers[2]?.say(CONTROL);
  await until(() => b.server.peers[3]?.online && b.provider.pool().open === 3);
  t.is(b.provider.pool().draining, 1);
});

test('a service that drains every connection at once is not stormed with logins', async (t) => {
  const jid = '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>1@gcm.googleapis.com/R</jid></bind>';
  await using b = await bench({
    wait: 0,
    script: {
      bind(peer, id) {
        peer.write(`<iq type="result" id="${id}">${jid}</iq>`);
        peer.say(CONTROL);
      },
    },
  });
  // Two are forgiven; the third waits for the clock, which stands still.
  await until(() => b.events.drain === 2);
  await pause(100);
  t.is(b.events.login, 2);
  t.is(b.provider.health().state, 'down');
  await b.pass(60_000);
  await until(() => (b.events.login ?? 0) > 2);
  t.true((b.events.login ?? 0) < 20);
});
