import { once } from 'node:events';
import type { Settings } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { ManualClock, systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { H2Client, type H2ClientOptions } from '../../../src/protocols/http2/index.ts';
import { certificate, H2TestServer, reply } from './server.ts';

const request = (body = 'hello') => ({ path: '/x', headers: { 'x-test': 'yes' }, body });

function clientOf(origin: string, options: Partial<H2ClientOptions> = {}) {
  const events: string[] = [];
  const client = new H2Client({
    clock: systemClock,
    random: () => 0,
    log: silentLog,
    origin,
    tls: { ca: certificate.ca },
    min: 1,
    max: 1,
    maxStreams: 100,
    cautious: false,
    connectTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    maxResponseBytes: 1_024,
    idleMs: 600_000,
    maxAgeMs: 600_000,
    pingIntervalMs: 0,
    count: (event) => void events.push(event),
    ...options,
  });
  return { client, events };
}

/** Resolves as soon as `wanted` holds; it is looked at whenever room may have changed. */
function whenever(client: H2Client, wanted: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (wanted()) resolve();
    };
    client.onRoom(look);
    look();
  });
}

/** Forwards connections until it forgets those that it has: nothing goes through them any more, and nobody is told. */
async function forgetfulRouter(origin: string) {
  const pairs: (readonly [Socket, Socket])[] = [];
  const router = createServer((near) => {
    const far = connect(Number(new URL(origin).port), '127.0.0.1');
    pairs.push([near, far]);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
  });
  router.listen(0, '127.0.0.1');
  await once(router, 'listening');
  return {
    origin: `https://127.0.0.1:${(router.address() as AddressInfo).port}`,
    forget() {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
      }
    },
    stop() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      router.close();
    },
  };
}

/** A client that is connected to a server of its own; both end with the test, however it ends. */
async function setUp(t: ExecutionContext, options: Partial<H2ClientOptions> = {}, settings: Settings = {}) {
  const server = await new H2TestServer(settings).start();
  const { client, events } = clientOf(server.origin, options);
  t.teardown(async () => {
    server.cut(); // what is in flight ends with its connection, whoever owns the clock
    await client.stop(0);
    await server.stop();
  });
  client.start();
  await whenever(client, () => client.room > 0);
  return { server, client, events };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function until(check: () => boolean): Promise<void> {
  while (!check()) await turn();
}

test('a request goes out as it is and its answer comes back whole', async (t) => {
  const { server, client, events } = await setUp(t);
  server.onRequest = ({ stream }) => {
    stream.respond({ ':status': 429, 'retry-after': '7' });
    stream.write('{"half":');
    stream.end('1}');
  };
  const result = await client.post(request('grüße'));
  if (result.kind !== 'response') return t.fail(result.kind);
  t.is(result.response.status, 429);
  t.is(result.response.headers['retry-after'], '7');
  t.is(result.response.body, '{"half":1}');
  const [asked] = server.asked;
  t.is(asked?.body, 'grüße');
  t.is(asked?.headers[':method'], 'POST');
  t.is(asked?.headers[':path'], '/x');
  t.is(asked?.headers['x-test'], 'yes');
  t.is(asked?.headers['content-length'], '7');
  t.deepEqual(events, ['connect']);
});

test('never more streams than the server allows, and more or fewer when it changes its mind', async (t) => {
  const { server, client } = await setUp(t, {}, { maxConcurrentStreams: 3 });
  t.is(client.room, 3);
  const held: (() => void)[] = [];
  server.onRequest = ({ stream }) => void held.push(() => reply(stream, 200, 'ok'));
  const answers = [1, 2, 3].map(() => client.post(request()));
  t.is(client.room, 0);
  t.is((await client.post(request())).kind, 'refused');
  server.sessions[0]?.settings({ maxConcurrentStreams: 5 });
  await whenever(client, () => client.room === 2);
  answers.push(client.post(request()), client.post(request()));
  t.is(client.room, 0);
  await until(() => server.asked.length >= 5);
  server.sessions[0]?.settings({ maxConcurrentStreams: 2 });
  await whenever(client, () => client.report.size === 2);
  t.is(client.room, 0);
  for (const answer of held) answer();
  await Promise.all(answers);
  t.is(client.room, 2);
  t.is(server.most, 5);
});

test('a cautious client sends one request until the first success', async (t) => {
  const { server, client } = await setUp(t, { cautious: true }, { maxConcurrentStreams: 50 });
  t.is(client.room, 1);
  server.onRequest = ({ stream }) => reply(stream, 400, 'no');
  await client.post(request());
  t.is(client.room, 1);
  server.onRequest = ({ stream }) => reply(stream, 200, 'yes');
  await client.post(request());
  t.is(client.room, 50);
});

test('a cautious client takes a raised limit for a welcome', async (t) => {
  const { server, client } = await setUp(t, { cautious: true }, { maxConcurrentStreams: 1 });
  server.sessions[0]?.settings({ maxConcurrentStreams: 1_000 });
  await whenever(client, () => client.room === 100);
  t.is(client.room, 100);
});

test('when every stream is taken another connection is opened, up to max; idle ones go', async (t) => {
  const clock = new ManualClock();
  const options = { clock, max: 3, idleMs: 60_000 };
  const { server, client, events } = await setUp(t, options, { maxConcurrentStreams: 1 });
  const held: (() => void)[] = [];
  server.onRequest = ({ stream }) => void held.push(() => reply(stream, 200, 'ok'));
  const answers = [client.post(request())];
  await whenever(client, () => client.room === 1);
  answers.push(client.post(request()));
  await whenever(client, () => client.room === 1);
  answers.push(client.post(request()));
  t.is(client.room, 0);
  t.is(client.report.open + client.report.connecting, 3);
  await until(() => held.length === 3);
  for (const answer of held) answer();
  await Promise.all(answers);
  await clock.advance(59_000);
  t.is(client.report.open, 3);
  await clock.advance(2_000);
  t.is(client.report.open, 1);
  await until(() => client.report.draining === 0);
  t.is(events.filter((event) => event === 'idle').length, 2);
});

test('pings do not keep a connection that nobody needs', async (t) => {
  const clock = new ManualClock();
  const options = { clock, max: 2, idleMs: 60_000, pingIntervalMs: 20_000 };
  const { server, client, events } = await setUp(t, options, { maxConcurrentStreams: 1 });
  const held: (() => void)[] = [];
  server.onRequest = ({ stream }) => void held.push(() => reply(stream, 200, 'ok'));
  const answers = [client.post(request())];
  await whenever(client, () => client.room === 1);
  answers.push(client.post(request()));
  await until(() => held.length === 2);
  for (const answer of held) answer();
  await Promise.all(answers);
  let pings = 0;
  for (const session of server.sessions) session.on('ping', () => pings++);
  const { waiting } = clock;
  for (const due of [2, 4]) {
    await clock.advance(20_500);
    await until(() => pings === due && clock.waiting === waiting); // nobody waits for an answer any more
  }
  t.is(client.report.open, 2);
  await clock.advance(20_000);
  t.is(client.report.open, 1);
  t.is(events.filter((event) => event === 'idle').length, 1);
});

test('a refused stream was not processed; a stream that is cut may have been', async (t) => {
  const { server, client, events } = await setUp(t);
  server.onRequest = ({ stream }) => stream.close(7);
  t.is((await client.post(request())).kind, 'refused');
  server.onRequest = ({ stream }) => stream.close(2);
  t.deepEqual(await client.post(request()), { kind: 'broken', because: 'the stream ended with INTERNAL_ERROR' });
  server.onRequest = ({ stream }) => {
    stream.respond({ ':status': 200 });
    stream.write('{"na');
    setImmediate(() => stream.destroy(new Error('cut')));
  };
  t.deepEqual(await client.post(request()), { kind: 'broken', because: 'the stream ended with INTERNAL_ERROR' });
  t.deepEqual(events, ['connect', 'refused', 'broken', 'broken']);
  t.is(client.report.open, 1);
});

test('GOAWAY: what was looked at is answered, the rest is refused, and another connection takes over', async (t) => {
  const { server, client, events } = await setUp(t);
  const seen: (() => void)[] = [];
  server.onRequest = ({ stream, connection }) => {
    if (connection > 1) reply(stream, 200, 'second');
    else seen.push(() => reply(stream, 200, 'first'));
  };
  const answers = [1, 2, 3, 4].map((n) => client.post(request(`${n}`)));
  await until(() => seen.length >= 4);
  // Streams of a client have odd numbers: 1 and 3 were looked at.
  server.sessions[0]?.goaway(0, 3, Buffer.from('session_timeout'));
  await whenever(client, () => client.report.draining === 1 && client.room > 0);
  const second = await client.post(request('5'));
  t.is(second.kind === 'response' && second.response.body, 'second');
  seen[0]?.();
  seen[1]?.();
  const results = await Promise.all(answers);
  t.deepEqual(
    results.map((result) => (result.kind === 'response' ? result.response.body : result.kind)),
    ['first', 'first', 'refused', 'refused'],
  );
  t.true(results[2]?.kind === 'refused' && results[2].because.includes('session_timeout'));
  t.true(events.includes('goaway'));
});

test('GOAWAY with an error: what was looked at is cut off, the rest is refused', async (t) => {
  const { server, client } = await setUp(t);
  server.onRequest = () => {};
  const answers = [1, 2].map((n) => client.post(request(`${n}`)));
  await until(() => server.asked.length >= 2);
  server.sessions[0]?.goaway(11, 1, Buffer.from('too_many_pings'));
  const results = await Promise.all(answers);
  t.deepEqual(
    results.map(({ kind }) => kind),
    ['broken', 'refused'],
  );
  t.true(results[0]?.kind === 'broken' && results[0].because.includes('ENHANCE_YOUR_CALM (too_many_pings)'));
  await whenever(client, () => client.room > 0);
});

test('a lost connection cuts off what was in flight; the next one comes at once', async (t) => {
  const { server, client, events } = await setUp(t);
  await client.post(request()); // it was of use
  server.onRequest = () => server.cut();
  t.is((await client.post(request())).kind, 'broken');
  t.is(client.room, 0);
  await whenever(client, () => client.room > 0);
  t.deepEqual(events.toSorted(), ['broken', 'connect', 'connect', 'drop']);
  t.is(client.report.trouble, undefined);
});

test('an answer that does not come in time is given up, and a connection without any answer is replaced', async (t) => {
  const clock = new ManualClock();
  const { server, client, events } = await setUp(t, { clock });
  server.onRequest = ({ connection, stream }) => {
    if (connection > 1) reply(stream, 200, 'ok');
  };
  let over = false;
  const answer = client.post(request()).finally(() => {
    over = true;
  });
  await until(() => server.asked.length === 1);
  await clock.advance(4_999);
  t.false(over);
  await clock.advance(501);
  t.deepEqual(await answer, { kind: 'late', because: 'no complete answer within 5000 ms' });
  await whenever(client, () => client.room > 0);
  t.is((await client.post(request())).kind, 'response');
  t.deepEqual(events.toSorted(), ['connect', 'connect', 'late', 'silent']);
});

test('half an answer is late as well, and one slow stream does not cost the connection', async (t) => {
  const clock = new ManualClock();
  const { server, client, events } = await setUp(t, { clock });
  server.onRequest = ({ body, stream }) => {
    if (body !== 'slow') return reply(stream, 200, 'ok');
    stream.respond({ ':status': 200 });
    stream.write('{"na');
  };
  const slow = client.post(request('slow'));
  await until(() => server.asked.length === 1);
  await clock.advance(3_000);
  t.is((await client.post(request())).kind, 'response');
  await clock.advance(2_500);
  t.is((await slow).kind, 'late');
  t.is(client.report.open, 1);
  t.deepEqual(events, ['connect', 'late']);
});

test('an answer larger than the limit is cut off', async (t) => {
  const { server, client } = await setUp(t);
  server.onRequest = ({ stream }) => reply(stream, 200, 'x'.repeat(1_024));
  t.is((await client.post(request())).kind, 'response');
  server.onRequest = ({ stream }) => reply(stream, 200, 'x'.repeat(1_025));
  t.deepEqual(await client.post(request()), { kind: 'broken', because: 'the answer is larger than 1024 bytes' });
});

test('an old connection is replaced, and finishes what it has', async (t) => {
  const clock = new ManualClock();
  const { server, client, events } = await setUp(t, { clock, maxAgeMs: 60_000, requestTimeoutMs: 120_000 });
  const held: (() => void)[] = [];
  server.onRequest = ({ stream, connection }) => {
    if (connection === 1) held.push(() => reply(stream, 200, 'old'));
    else reply(stream, 200, 'new');
  };
  const old = client.post(request());
  await until(() => held.length === 1);
  await clock.advance(61_000);
  await whenever(client, () => client.room > 0);
  const fresh = await client.post(request());
  t.is(fresh.kind === 'response' && fresh.response.body, 'new');
  held[0]?.();
  const result = await old;
  t.is(result.kind === 'response' && result.response.body, 'old');
  t.true(events.includes('aged'));
});

test('while there is no server it is tried again with growing pauses, and the trouble is told', async (t) => {
  const server = await new H2TestServer().start();
  const { origin } = server;
  await server.stop();
  const clock = new ManualClock();
  const { client, events } = clientOf(origin, { clock, random: () => 1 });
  client.start();
  const failures = async (count: number) => {
    await until(() => events.length >= count);
  };
  await failures(1);
  t.regex(client.report.trouble ?? '', /ECONNREFUSED/);
  for (const [index, pause] of [1_000, 2_000, 4_000].entries()) {
    await clock.advance(pause - 1);
    t.is(events.length, index + 1);
    await clock.advance(1);
    await failures(index + 2);
  }
  t.true(events.every((event) => event === 'connect_failed'));
  await client.stop(0);
});

test('a certificate of a stranger is refused, by name', async (t) => {
  const server = await new H2TestServer().start();
  const { client, events } = clientOf(server.origin, { tls: {} });
  client.start();
  await until(() => events.length > 0);
  t.regex(client.report.trouble ?? '', /certificate/);
  t.is(client.room, 0);
  await client.stop(0);
  await server.stop();
});

test('a server that says nothing after TLS is given up', async (t) => {
  const { cert, key } = certificate;
  const sockets: { destroy(): void }[] = [];
  const mute = createTlsServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  mute.listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const { client, events } = clientOf(`https://127.0.0.1:${port}`, { connectTimeoutMs: 100 });
  client.start();
  await until(() => events.length > 0);
  t.is(client.report.trouble, `https://127.0.0.1:${port}: not connected within 100 ms`);
  await client.stop(0);
  for (const socket of sockets) socket.destroy();
  mute.close();
});

test('a connection that answers no ping is destroyed', async (t) => {
  const server = await new H2TestServer().start();
  const router = await forgetfulRouter(server.origin);
  const clock = new ManualClock();
  const { client, events } = clientOf(router.origin, { clock, pingIntervalMs: 30_000 });
  t.teardown(async () => {
    router.stop();
    await client.stop(0);
    await server.stop();
  });
  client.start();
  await whenever(client, () => client.room > 0);
  router.forget();
  await clock.advance(31_000);
  t.is(client.report.open, 1);
  await clock.advance(5_000);
  await whenever(client, () => events.filter((event) => event === 'connect').length === 2);
  t.true(events.includes('drop'));
});

test('a connection that falls silent with requests in flight is asked for a sign of life, long before their deadline', async (t) => {
  const server = await new H2TestServer().start();
  const router = await forgetfulRouter(server.origin);
  const clock = new ManualClock();
  const { client, events } = clientOf(router.origin, { clock, requestTimeoutMs: 15_000 });
  t.teardown(async () => {
    router.stop();
    await client.stop(0);
    await server.stop();
  });
  client.start();
  await whenever(client, () => client.room > 0);
  server.onRequest = ({ connection, stream }) => {
    if (connection > 1) reply(stream, 200, 'ok');
  };
  const answer = client.post(request());
  await until(() => server.asked.length === 1);
  router.forget();
  await clock.advance(4_900);
  t.deepEqual(await answer, { kind: 'broken', because: 'no answer to a ping within 3000 ms' });
  await whenever(client, () => client.room > 0);
  t.is((await client.post(request())).kind, 'response');
  t.deepEqual(events.toSorted(), ['broken', 'connect', 'connect', 'drop']);
});

test('a server that is only slow gives its sign of life, and is not asked too often', async (t) => {
  const clock = new ManualClock();
  const { server, client, events } = await setUp(t, { clock, requestTimeoutMs: 15_000 });
  let pings = 0;
  server.sessions[0]?.on('ping', () => pings++);
  const held: (() => void)[] = [];
  server.onRequest = ({ stream }) => void held.push(() => reply(stream, 200, 'ok'));
  const answer = client.post(request());
  await until(() => held.length === 1);
  const { waiting } = clock;
  for (let half = 0; half < 29; half++) {
    await clock.advance(500);
    await until(() => clock.waiting === waiting); // nobody waits for an answer to a ping
  }
  t.is(pings, 2);
  held[0]?.();
  t.is((await answer).kind, 'response');
  t.deepEqual(events, ['connect']);
});

test('stopping lets what is in flight come home, for so long', async (t) => {
  const clock = new ManualClock();
  const { server, client } = await setUp(t, { clock });
  const held: (() => void)[] = [];
  server.onRequest = ({ stream }) => void held.push(() => reply(stream, 200, 'ok'));
  const answers = [client.post(request()), client.post(request())];
  await until(() => held.length === 2);
  const stopped = client.stop(150);
  t.is(client.room, 0);
  t.is((await client.post(request())).kind, 'refused');
  held[0]?.();
  t.is((await answers[0])?.kind, 'response');
  await clock.advance(150);
  await stopped;
  t.is((await answers[1])?.kind, 'broken');
});

/** Posts whenever there is room, as the dispatcher does; ends with `post.stop`. */
function pump(client: H2Client) {
  const kinds: Record<string, number> = {};
  let over = false;
  const look = () => {
    while (!over && client.room > 0) {
      void client.post(request()).then(({ kind }) => {
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      });
    }
  };
  client.onRoom(look);
  look();
  return { kinds, stop: () => (over = true) };
}

test('a connection that dies takes nothing more while it does', async (t) => {
  const { server, client } = await setUp(t, { maxStreams: 10 });
  server.onRequest = ({ connection, stream }) => {
    if (connection > 1) reply(stream, 200, 'ok');
  };
  const { kinds, stop } = pump(client);
  await until(() => server.asked.length === 10);
  server.cut();
  await until(() => (kinds.response ?? 0) > 20);
  stop();
  t.is(kinds.broken, 10);
  t.is(kinds.refused, undefined);
});

test('nor does one that has fallen silent', async (t) => {
  const clock = new ManualClock();
  const { server, client } = await setUp(t, { clock, maxStreams: 3 });
  server.onRequest = ({ connection, stream }) => {
    if (connection > 1) reply(stream, 200, 'ok');
  };
  const { kinds, stop } = pump(client);
  await until(() => server.asked.length === 3);
  await clock.advance(5_500);
  await until(() => (kinds.response ?? 0) > 10);
  stop();
  t.is(kinds.late, 3);
  t.is(kinds.refused, undefined);
  t.is(server.asked.filter(({ connection }) => connection === 1).length, 3);
});

test('a server that takes one connection and no more is not asked for another with each request', async (t) => {
  const clock = new ManualClock();
  const server = await new H2TestServer().start();
  let attempts = 0;
  const gate = createServer((near) => {
    near.on('error', () => {});
    if (++attempts > 1) return near.resetAndDestroy();
    const far = connect(Number(new URL(server.origin).port), '127.0.0.1');
    far.on('error', () => {});
    return near.pipe(far).pipe(near);
  });
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const { client, events } = clientOf(`https://127.0.0.1:${(gate.address() as AddressInfo).port}`, {
    clock,
    random: () => 1,
    max: 5,
    maxStreams: 1,
  });
  t.teardown(async () => {
    await client.stop(0);
    await server.stop();
    gate.close();
  });
  const failures = () => events.filter((event) => event === 'connect_failed').length;
  client.start();
  await whenever(client, () => client.room > 0);
  const { kinds, stop } = pump(client);
  await until(() => failures() > 0 && (kinds.response ?? 0) > 50);
  t.is(failures(), 1);
  await clock.advance(1_000);
  await until(() => failures() > 1);
  const before = kinds.response ?? 0;
  await clock.advance(1_999);
  await until(() => (kinds.response ?? 0) > before + 50);
  t.is(failures(), 2, 'the pauses grow');
  stop();
});

test('a connection that was sent away ends, whether the server closes it or not', async (t) => {
  const clock = new ManualClock();
  const { server, client, events } = await setUp(t, { clock });
  server.sessions[0]?.goaway(); // and nothing else: the server leaves its side open
  await until(() => events.includes('goaway'));
  await clock.advance(999);
  t.is(client.report.draining, 1);
  await clock.advance(1);
  await until(() => client.report.draining === 0);
  t.pass();
});

test('when it has stopped no timer is left', async (t) => {
  const clock = new ManualClock();
  const { server, client, events } = await setUp(t, { clock });
  await client.post(request());
  server.sessions[0]?.goaway();
  await until(() => events.includes('goaway') && client.room > 0);
  server.onRequest = () => {};
  const cut = client.post(request());
  await until(() => server.asked.length === 2);
  const stopped = client.stop(100);
  await clock.advance(100);
  await stopped;
  t.is((await cut).kind, 'broken');
  for (const end = performance.now() + 2_000; clock.waiting > 0 && performance.now() < end; ) await turn();
  t.is(clock.waiting, 0);
});
