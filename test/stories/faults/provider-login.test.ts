import { createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { bench, message } from '../../providers/ccs/bench.ts';
import { type Peer, type Script, STREAM, scriptedServer } from '../../providers/ccs/scripted-server.ts';
import { begin, checkService, passUntil, until } from './books.ts';

test('[promise 1, 3, 5] login refused for an hour: tried ever more rarely, everything is kept, and flows when it is let in', async (t) => {
  const clock = new ManualClock(Date.now());
  const { books, control, story } = await begin(t, {
    emulator: { refuse_login: 'failure' },
    pool: { min: 4, max: 4 },
    ccs: { ping_interval: '10h', ack_timeout: '10h' },
    surroundings: { clock, random: () => 0.999_999 },
  });
  books.send(600);
  await until(() => books.taken === 600, 'the bridge takes all');
  // Times of the tries in seconds, in steps: a try is over before time goes on.
  const tries: number[] = [];
  const step = 5;
  for (let at = 0; at <= 3_600; at += step) {
    await until(async () => (await story.pool()).connecting === 0, 'the end of a try');
    while (tries.length < control.stats().loginsRefused) tries.push(at);
    await clock.advance(step * 1_000);
  }
  // All four at once, then one at a time after 10, 20, 40 and at most 60 seconds.
  t.true(tries.length <= 4 + 3 + 60, `${tries.length} tries in an hour`);
  const pauses = tries.slice(4).map((at, n) => at - (tries[n + 3] ?? 0));
  t.true(
    pauses.every((pause, n) => Math.abs(pause - Math.min(60, 10 * 2 ** n)) <= step),
    `${pauses}`,
  );
  t.is(books.fates.size, 0);
  t.regex(await (await story.admin('/readyz')).text(), /not-authorized/);
  control.setFaults({ refuse_login: 'no' });
  const pool = () => story.pool();
  await passUntil(clock, pool, async () => (await pool()).open === 4, 'it is let in');
  await books.check(t);
  await checkService(t, story, books);
  t.is(control.stats().repeated, 0);
});

/** Ends or stalls a connection before TLS is through. */
async function rawServer(t: ExecutionContext, act: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => heard.push(chunk));
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, heard };
}

type Act = (peer: Peer) => void;
const acts: Readonly<Record<string, Act>> = {
  stalls: () => {},
  'closes the connection': (peer) => peer.socket.end(),
  'resets the connection': (peer) => peer.socket.destroy(),
  'closes the stream': (peer) => peer.write('</stream:stream>'),
  'ends the stream with an error': (peer) =>
    peer.write(
      '<stream:error><internal-server-error xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error></stream:stream>',
    ),
};
/** Opens the stream first. */
const begun =
  (act: Act): Act =>
  (peer) => {
    peer.write(STREAM);
    act(peer);
  };
const steps: Readonly<Record<string, (act: Act) => Partial<Script>>> = {
  'instead of a stream': (act) => ({ hello: act }),
  'instead of features': (act) => ({ hello: begun(act) }),
  'after <auth>': (act) => ({ auth: act }),
  'instead of the second stream': (act) => ({ restarted: act }),
  'instead of the second features': (act) => ({ restarted: begun(act) }),
  'instead of the binding': (act) => ({ bind: act }),
};

for (const [what, act] of Object.entries(acts)) {
  test(`[promise 5, 6] a server that ${what}, at every step of the login: a deadline, a growing pause, one try at a time, then it is let in`, async (t) => {
    for (const [step, script] of Object.entries(steps)) {
      await using server = await scriptedServer();
      const good = { ...server.script };
      Object.assign(server.script, script(act));
      await using b = await bench({ server, wait: 0, random: () => 0.999_999, options: { login_timeout: '20s' } });
      for (let n = 1; n <= 4; n++) {
        await until(() => server.peers.length === n, `try ${n} ${step}`);
        if (what === 'stalls') {
          await until(() => server.peers[n - 1]?.text.length, 'the first words');
          await b.clock.advance(20_000);
        }
        await until(() => b.events.login_failed === n, `the end of try ${n} ${step}`);
        await until(() => server.peers[n - 1]?.closed, 'the connection is gone');
        if (n === 4) break;
        const auth = (b.provider.health().detail ?? '').includes('sender id or');
        const pause = (auth ? 10_000 : 1_000) * 2 ** (n - 1);
        await b.clock.advance(pause * 0.9);
        t.is(b.provider.pool().connecting, 0, `${step}: ${pause} ms have not passed`);
        await b.clock.advance(pause * 0.2);
      }
      t.is(b.log.filter(({ event }) => event === 'login failed' || event === 'login refused').length, 1, step);
      t.is(b.provider.health().state, 'down');
      Object.assign(server.script, good);
      server.script.message = (peer, m) => peer.ack(m);
      const pool = () => b.provider.pool();
      await passUntil(b.clock, pool, () => b.provider.room() > 0, `let in after trouble ${step}`);
      t.is((await b.send(message())).kind, 'accepted');
    }
  });
}

for (const [what, act, because] of [
  ['stalls', () => {}, /no result within 20000 ms \(connecting\)/],
  ['closes', (socket: Socket) => void socket.once('data', () => socket.end()), /disconnected before secure TLS/],
  [
    'speaks XMPP without TLS',
    (socket: Socket) => void socket.write(`<?xml version="1.0"?>${STREAM}`),
    /wrong version|EPROTO/i,
  ],
] as const) {
  test(`[promise 6] a server that ${what} instead of TLS gets a deadline, and never a word in plain text`, async (t) => {
    const raw = await rawServer(t, act);
    await using server = await scriptedServer();
    await using b = await bench({
      server,
      wait: 0,
      random: () => 0.999_999,
      options: { port: raw.port, login_timeout: '20s' },
    });
    for (let n = 1; n <= 3; n++) {
      await until(() => raw.heard.length === n, `try ${n}`);
      if (what === 'stalls') await b.clock.advance(20_000);
      await until(() => b.events.login_failed === n, 'a failure');
      await b.clock.advance(2_000 * 2 ** (n - 1));
    }
    t.regex(b.provider.health().detail ?? '', because);
    // [RFC 8446 §5.1] a handshake record.
    t.true(raw.heard.every((chunk) => chunk[0] === 0x16 && !chunk.includes('stream')));
  });
}
