import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { bench, message, said, until } from './bench.ts';

/** What the server wrote within the last seconds has been read: only then may time go on. */
const heard = ({ provider }: Awaited<ReturnType<typeof bench>>) =>
  until(() => Number(provider.health().facts?.last_byte_age_s) < 5, 'a sign of life');

test('[XEP-0199] silence for 30 s is answered with a ping; any answer will do', async (t) => {
  await using b = await bench({
    script: {
      other(peer, text) {
        const id = /id="([^"]*)"/.exec(text)?.[1] ?? '';
        if (text.includes('urn:xmpp:ping')) peer.write(`<iq type="result" id="${id}"/>`);
      },
    },
  });
  const [peer] = b.server.peers;
  await b.pass(29_000);
  t.false(peer?.text.includes('urn:xmpp:ping'));
  await b.pass(2_000);
  const pings = () => peer?.text.split('urn:xmpp:ping').length ?? 0;
  for (let count = 2; count <= 4; count++) {
    await until(() => pings() === count, 'a ping');
    await heard(b);
    await b.pass(31_000);
  }
  t.is(b.provider.pool().open, 1);
  t.is(b.server.peers.length, 1);
});

test('a server that sends white space is alive, and is not pinged', async (t) => {
  await using b = await bench();
  const [peer] = b.server.peers;
  for (let i = 0; i < 5; i++) {
    await b.pass(20_000);
    peer?.write(' ');
    await heard(b);
  }
  t.false(peer?.text.includes('urn:xmpp:ping'));
  t.is(b.server.peers.length, 1);
});

test('no sign of life after a ping: the connection is dead, its messages are sent again elsewhere', async (t) => {
  await using b = await bench();
  const [peer] = b.server.peers;
  const sent = message();
  const outcome = b.send(sent);
  await until(() => peer?.messages[0]);
  peer?.socket.pause();
  await b.pass(61_500);
  t.is((await outcome).kind, 'unanswered');
  t.is(b.events.ping_timeout ?? b.events.ack_timeout, 1);
  await until(() => b.server.peers[1]?.online && b.provider.room() > 0);
  void b.send(sent);
  await until(() => b.server.peers[1]?.messages[0]?.id === sent.wireId);
});

test('an ack timeout retires the connection: unanswered, replaced, a late ack is harmless', async (t) => {
  await using b = await bench({ options: { ack_timeout: '60s' } });
  const [peer] = b.server.peers;
  const late = b.send(message());
  const first = await until(() => peer?.messages[0]);
  const alive = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10_000) {
      await b.pass(Math.min(10_000, left));
      peer?.write(' ');
      await said(peer); // a retiring lane is not among those that health looks at
    }
  };
  await alive(30_000);
  const other = b.send(message());
  const second = await until(() => peer?.messages[1]);
  await alive(31_000);
  t.like(await late, { kind: 'unanswered', because: 'no ack within 60000 ms' });
  t.is(b.events.ack_timeout, 1);
  const next = await until(() => b.server.peers[1]?.online && b.server.peers[1]);
  await until(() => b.provider.room() === 100);
  // The connection stays for the message that still has time.
  t.false(peer?.footer);
  peer?.ack(first);
  await until(() => b.events.unexpected_answer === 1);
  void b.send(message());
  await until(() => next.messages.length === 1);
  t.is(peer?.messages.length, 2);
  peer?.ack(second);
  t.is((await other).kind, 'accepted');
  await until(() => peer?.footer);
});

test('a retired connection is closed when nothing more comes', async (t) => {
  await using b = await bench({ options: { ack_timeout: '10s', ping_interval: '1h' } });
  const [peer] = b.server.peers;
  const one = b.send(message());
  await b.pass(5_000);
  const two = b.send(message());
  await b.pass(6_000);
  t.is((await one).kind, 'unanswered');
  await b.pass(6_000);
  t.is((await two).kind, 'unanswered');
  await until(() => peer?.footer);
  t.is(b.events.ack_timeout, 2);
});

test('a standstill of the process is not blamed on the connection', async (t) => {
  class Stalling extends ManualClock {
    stall = 0;
    override monotonic(): number {
      return super.monotonic() + this.stall;
    }
  }
  const clock = new Stalling();
  await using b = await bench({ clock });
  const sent = b.send(message());
  const [peer] = b.server.peers;
  const m = await until(() => peer?.messages[0]);
  clock.stall = 600_000;
  await clock.advance(1_000);
  peer?.ack(m);
  t.is((await sent).kind, 'accepted');
  await b.pass(3_000);
  t.is(b.server.peers.length, 1);
});

test('health tells the age of the last byte on the connection that has been silent longest', async (t) => {
  await using b = await bench({ options: { pool: { min: 2, max: 2 } }, wait: 2 });
  const age = () => b.provider.health().facts?.last_byte_age_s;
  const [one, two] = b.server.peers;
  t.is(age(), 0);
  await b.pass(20_000);
  two?.write(' ');
  await said(two);
  t.is(age(), 20);
  one?.write(' ');
  await until(() => age() === 0);
  await b.pass(5_000);
  t.is(age(), 5);
});

test('without a connection no byte has an age', async (t) => {
  await using b = await bench({ script: { auth: () => {} }, wait: 0 });
  t.false('last_byte_age_s' in (b.provider.health().facts ?? {}));
});
