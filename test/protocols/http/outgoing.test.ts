import { createServer, type Server } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../../src/lib/clock.ts';
import { Outgoing, type OutgoingOptions, type OutgoingRequest } from '../../../src/protocols/http/outgoing.ts';
import { certificate, TestServer } from './https-server.ts';

interface Bench {
  readonly out: Outgoing;
  readonly server: TestServer;
  readonly events: string[];
  /** A request to a path of the server. */
  send(path?: string, more?: Partial<OutgoingRequest>): ReturnType<Outgoing['request']>;
}

async function bench(t: ExecutionContext, options: Partial<OutgoingOptions> = {}, plain = false): Promise<Bench> {
  const server = await new TestServer({ plain }).start();
  const events: string[] = [];
  const out = new Outgoing({
    clock: systemClock,
    allow: ['127.0.0.1'],
    allowHttp: false,
    ca: certificate.ca,
    perOrigin: 10,
    maxConnections: 20,
    connectTimeoutMs: 5_000,
    deadlineMs: 10_000,
    idleMs: 5_000,
    count: (event) => events.push(event),
    ...options,
  });
  t.teardown(async () => {
    out.close();
    await server.stop();
  });
  const send = (path?: string, more: Partial<OutgoingRequest> = {}) =>
    out.request({ method: 'POST', url: out.read(server.url(path)), headers: {}, ...more });
  return { out, server, events, send };
}

async function until(check: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 20_000; !check(); ) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('a request arrives as it was meant, and so does its answer', async (t) => {
  const { server, send } = await bench(t);
  server.onRequest = ({ answer }) => answer.writeHead(201, { location: '/m/1', 'x-word': 'yes' }).end('taken');
  const body = Buffer.from([0, 1, 255]);
  const result = await send('/push/abc?x=1', { headers: { ttl: '5', 'content-encoding': 'aes128gcm' }, body });
  t.like(result, { kind: 'response', status: 201, headers: { location: '/m/1', 'x-word': 'yes' } });
  t.is(result.kind === 'response' && result.body.toString(), 'taken');
  const { request, body: received } = server.asked[0] ?? {};
  t.like(request, { method: 'POST', url: '/push/abc?x=1', httpVersion: '1.1' });
  t.deepEqual(received, body);
  t.deepEqual(
    request?.rawHeaders.map((word) => word.toLowerCase()).sort(),
    [
      ...[
        '127.0.0.1:',
        '3',
        '5',
        'aes128gcm',
        'connection',
        'content-encoding',
        'content-length',
        'host',
        'keep-alive',
      ],
      'ttl',
    ].map((word) => (word === '127.0.0.1:' ? `127.0.0.1:${server.port}` : word)),
  );
});

test('connections are kept, and no more are opened than one origin may have', async (t) => {
  const { server, send, out, events } = await bench(t, { perOrigin: 3 });
  await Promise.all(Array.from({ length: 30 }, () => send()));
  t.is(server.asked.length, 30);
  t.is(server.most, 3);
  t.is(server.connections, 3);
  t.deepEqual(out.report, { open: 3, connecting: 0 });
  t.deepEqual(events, ['connect', 'connect', 'connect']);
});

test('with as many connections as there may be, one without work makes room', async (t) => {
  const { server, send, out } = await bench(t, { maxConnections: 1 });
  const other = await new TestServer().start();
  t.teardown(() => other.stop());
  await send();
  const result = await out.request({ method: 'POST', url: out.read(other.url()), headers: {} });
  t.like(result, { kind: 'response', status: 201 });
  await until(() => server.sockets.size === 0, 'the end of the first connection');
  t.is(out.report.open, 1);
});

test('with as many connections as there may be and work for each, a request is broken off, and the next one is not', async (t) => {
  const { server, send, out } = await bench(t, { maxConnections: 2, perOrigin: 2 });
  const others = await Promise.all(Array.from({ length: 3 }, () => new TestServer().start()));
  t.teardown(() => Promise.all(others.map((other) => other.stop())));
  const go = Promise.withResolvers<void>();
  server.onRequest = ({ answer }) => void go.promise.then(() => answer.writeHead(201).end());
  const slow = [send(), send(), send()]; // the third one waits for its turn at the same server
  await until(() => out.report.open === 2, 'two connections');
  const ask = (other: TestServer) => out.request({ method: 'POST', url: out.read(other.url()), headers: {} });
  for (const result of await Promise.all(others.map(ask))) {
    t.like(result, { kind: 'broken', because: 'there are as many connections as there may be' });
  }
  t.is(out.report.open, 2);
  go.resolve();
  for (const result of await Promise.all(slow)) t.like(result, { kind: 'response', status: 201 });
  t.like(await Promise.all(others.map(ask)).then(([one]) => one), { kind: 'response', status: 201 });
});

test('a connection without work is closed after a while', async (t) => {
  const { server, send, out } = await bench(t, { idleMs: 50 });
  await send();
  await until(() => server.sockets.size === 0 && out.report.open === 0, 'the end of the connection');
  t.is(server.connections, 1);
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`${status} is an answer: nobody is followed`, async (t) => {
    const { server, send } = await bench(t);
    server.onRequest = ({ answer }) => answer.writeHead(status, { location: server.url('/elsewhere') }).end();
    t.like(await send(), { kind: 'response', status });
    t.is(server.asked.length, 1);
  });
}

test('an answer is read to 64 KiB, and what comes then is not waited for', async (t) => {
  const { server, send } = await bench(t);
  server.onRequest = ({ answer }) => answer.writeHead(201).end(Buffer.alloc(65_536, 'x'));
  const most = await send();
  t.is(most.kind === 'response' && most.body.length, 65_536);
  server.onRequest = ({ answer }) => answer.writeHead(201).write(Buffer.alloc(65_537, 'x')); // and no end
  const more = await send();
  t.like(more, { kind: 'response', status: 201 });
  t.is(more.kind === 'response' && more.body.length, 65_536);
  await until(() => server.sockets.size === 0, 'the end of the connection');
});

test('headers without end are no answer', async (t) => {
  const { server, send } = await bench(t);
  server.onRequest = ({ answer }) => answer.writeHead(201, { 'x-long': 'x'.repeat(20_000) }).end();
  t.like(await send(), { kind: 'broken' });
});

test('a server that says nothing is waited for only so long', async (t) => {
  const { server, send } = await bench(t, { deadlineMs: 100 });
  server.onRequest = () => {};
  t.deepEqual(await send(), { kind: 'late', because: 'no answer within 100 ms' });
  await until(() => server.sockets.size === 0, 'the end of the connection');
});

test('an answer whose body does not end counts when the time is over: its status is there', async (t) => {
  const { server, send } = await bench(t, { deadlineMs: 2_000 });
  server.onRequest = ({ answer }) => answer.writeHead(201, { 'content-length': 10 }).write('hal');
  const result = await send();
  t.like(result, { kind: 'response', status: 201 });
  t.is(result.kind === 'response' && result.body.toString(), 'hal');
});

test('a handshake that does not end is waited for only so long', async (t) => {
  const { out, events } = await bench(t, { connectTimeoutMs: 100 });
  const mute: Server = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
  t.teardown(() => mute.close());
  await until(() => mute.listening, 'the listener');
  const { port } = mute.address() as { port: number };
  const result = await out.request({ method: 'POST', url: out.read(`https://127.0.0.1:${port}/`), headers: {} });
  t.deepEqual(result, { kind: 'broken', because: 'no connection within 100 ms' });
  await until(() => events.length > 0, 'the event');
  t.deepEqual(events, ['connect_failed']);
  t.deepEqual(out.report, { open: 0, connecting: 0 });
});

test('a port where nobody listens, and a connection that is cut: no answer', async (t) => {
  const { out, server, send } = await bench(t);
  const gone = await new TestServer().start();
  const url = out.read(gone.url());
  await gone.stop();
  const result = await out.request({ method: 'POST', url, headers: {} });
  t.is(result.kind, 'broken');
  t.regex(result.kind === 'broken' ? result.because : '', /ECONNREFUSED/);
  server.onRequest = ({ request }) => request.socket.destroy();
  t.is((await send()).kind, 'broken');
});

test('a kept connection that the server closed in the meantime costs nothing', async (t) => {
  const { server, send } = await bench(t);
  await send();
  let cut = 0;
  server.onRequest = ({ request, answer }) => {
    if (cut++ === 0) request.socket.destroy();
    else answer.writeHead(201).end();
  };
  t.like(await send(), { kind: 'response', status: 201 });
  t.is(cut, 2);
});

test('a certificate that nobody signed whom we trust is not taken, nor one for another host', async (t) => {
  const { server, send, out } = await bench(t, {
    allow: ['127.0.0.1', 'strange.example'],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  const url = out.read(server.url('/', 'strange.example'));
  const strange = await out.request({ method: 'POST', url, headers: {} });
  t.regex(strange.kind === 'broken' ? strange.because : '', /does not match certificate/);
  t.like(await send(), { kind: 'response' });
  const trusting = await bench(t, { ca: undefined as never });
  const untrusted = await trusting.send();
  t.is(untrusted.kind, 'broken');
  t.is(trusting.server.asked.length, 0);
});

test('a name is judged by the address that is connected to', async (t) => {
  let address = '127.0.0.1';
  const { out, server } = await bench(t, { allow: [], resolve: async () => [{ address, family: 4 }] });
  const url = out.read(server.url('/', 'push.example'));
  const push = () => out.request({ method: 'POST', url, headers: {} });
  t.deepEqual(await push(), { kind: 'forbidden', because: 'the address of push.example is not public' });
  address = '10.1.2.3';
  t.like(await push(), { kind: 'forbidden' });
  t.is(server.connections, 0);
});

test('an allowed name is connected to where it leads, and asked for by its name', async (t) => {
  const { out, server } = await bench(t, {
    allow: ['push.example'],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  const url = out.read(server.url('/x', 'push.example'));
  t.like(await out.request({ method: 'POST', url, headers: {} }), { kind: 'response', status: 201 });
  t.is(server.asked[0]?.request.headers.host, `push.example:${server.port}`);
});

test('plain HTTP goes out only if it may, to those that are exceptions', async (t) => {
  const { send, server } = await bench(t, { allowHttp: true }, true);
  t.like(await send(), { kind: 'response', status: 201 });
  t.is(server.asked.length, 1);
});

const injections: readonly (readonly [name: string, value: string])[] = [
  ['topic', 'a\r\nhost: other'],
  ['topic', 'a\nb'],
  ['topic', 'a\0b'],
  ['topic', 'späť'],
  ['to\r\npic', 'a'],
  ['to pic', 'a'],
  ['', 'a'],
];
for (const [name, value] of injections) {
  test(`no request carries the header ${JSON.stringify(`${name}: ${value}`)}`, async (t) => {
    const { send, server } = await bench(t);
    t.like(await send('/push', { headers: { [name]: value } }), { kind: 'forbidden' });
    t.is(server.connections, 0);
  });
}

test('closing cuts off what is under way', async (t) => {
  const { out, server, send } = await bench(t);
  server.onRequest = () => {};
  const result = send();
  await until(() => server.asked.length === 1, 'the request');
  out.close();
  t.is((await result).kind, 'broken');
});
