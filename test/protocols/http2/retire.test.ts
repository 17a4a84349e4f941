import test from 'ava';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { H2Client, type H2ClientOptions } from '../../../src/protocols/http2/index.ts';
import { reason, scriptedServer } from '../../providers/apns/scripted-server.ts';

const request = { path: '/3/device/00', headers: {}, body: '{}' };

async function connected(origin: string, ca: string, changes: Partial<H2ClientOptions> = {}) {
  const counts: Record<string, number> = {};
  const client = new H2Client({
    clock: systemClock,
    random: () => 0,
    log: silentLog,
    origin,
    tls: { ca },
    min: 1,
    max: 3,
    maxStreams: 100,
    cautious: false,
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    maxResponseBytes: 10_000,
    idleMs: 60_000,
    maxAgeMs: 600_000,
    pingIntervalMs: 0,
    count(event) {
      counts[event] = (counts[event] ?? 0) + 1;
    },
    ...changes,
  });
  client.start();
  await room(client);
  return { client, counts };
}

async function room(client: H2Client, atLeast = 1): Promise<void> {
  while (client.room < atLeast) await new Promise<void>((resolve) => client.onRoom(resolve));
}

test('an answer tells its connection; a retired one takes nothing more, and another comes in its place', async (t) => {
  await using server = await scriptedServer();
  const { client, counts } = await connected(server.origin, server.ca);
  const first = await client.post(request);
  t.like(first, { kind: 'response', connection: 1 });
  client.retire(1, 'Shutdown');
  t.is(client.room, 0);
  await room(client);
  const second = await client.post(request);
  t.like(second, { kind: 'response', connection: 2 });
  t.deepEqual(
    server.seen.map(({ connection }) => connection),
    [1, 2],
  );
  t.like(counts, { connect: 2, retired: 1 });
  client.retire(1, 'again'); // it has gone: nothing happens
  t.is(counts.retired, 1);
  t.true(client.room > 0);
  await client.stop(1_000);
});

test('what is in flight on a retired connection is still answered', async (t) => {
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  await using server = await scriptedServer({
    async answer({ number }) {
      if (number === 1) await held;
      return { status: 200, body: String(number) };
    },
  });
  const { client } = await connected(server.origin, server.ca);
  const slow = client.post(request);
  while (server.seen.length < 1) await new Promise((resolve) => setTimeout(resolve, 2));
  await client.post(request);
  client.retire(1, 'Shutdown');
  letGo();
  const answer = await slow;
  t.is(answer.kind === 'response' && answer.response.body, '1');
  await client.stop(1_000);
});

test('a connection without a success is not replaced at once', async (t) => {
  await using server = await scriptedServer({ answer: () => reason(503, 'Shutdown') });
  // A quarter of the second that the first pause has at most.
  const { client, counts } = await connected(server.origin, server.ca, { random: () => 0.25 });
  await client.post(request);
  const began = performance.now();
  client.retire(1, 'Shutdown');
  await room(client);
  t.true(performance.now() - began >= 200);
  t.like(counts, { connect: 2, retired: 1 });
  await client.stop(1_000);
});

test('while the first stream of a careful connection is out, no second connection is opened', async (t) => {
  await using server = await scriptedServer({ streams: 1, raised: 50 });
  const { client } = await connected(server.origin, server.ca, { cautious: true });
  t.is(client.room, 1);
  const first = client.post(request);
  t.is(client.room, 0);
  t.is(client.report.connecting, 0);
  await first;
  await room(client, 50);
  t.is(client.report.size, 50);
  t.is(server.sessions.length, 1);
  await client.stop(1_000);
});
