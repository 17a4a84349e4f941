import test, { type ExecutionContext } from 'ava';
import { type Forwarded, forwardOver } from '../../../src/doors/webpush/index.ts';
import { ManualClock, systemClock } from '../../../src/lib/clock.ts';
import { Outgoing, type OutgoingOptions } from '../../../src/protocols/http/index.ts';
import { certificate, TestServer } from '../../protocols/http/https-server.ts';

/** The way to a server of the test. */
async function start(t: ExecutionContext, options: Partial<OutgoingOptions> = {}) {
  const server = await new TestServer().start();
  const outgoing = new Outgoing({
    clock: systemClock,
    allow: ['127.0.0.1'],
    allowHttp: false,
    ca: certificate.ca,
    perOrigin: 10,
    maxConnections: 20,
    connectTimeoutMs: 5_000,
    deadlineMs: 10_000,
    idleMs: 5_000,
    count: () => {},
    ...options,
  });
  t.teardown(async () => {
    outgoing.close();
    await server.stop();
  });
  const forward = forwardOver({ outgoing, clock: new ManualClock(), random: () => 0 });
  const push = (url = server.url('/up')) =>
    forward(url, Buffer.from('hello'), { urgency: 'high', ttl: 60, encoding: 'aes128gcm', type: 'application/json' });
  return { server, forward, push };
}

test('a push arrives as it was meant', async (t) => {
  const { server, push, forward } = await start(t);
  t.deepEqual(await push(), { kind: 'taken' });
  t.deepEqual(await forward(server.url('/up?x=1'), Buffer.from('2'), { urgency: 'low', ttl: 0, topic: 'upd' }), {
    kind: 'taken',
  });
  const [first, second] = server.asked;
  t.is(first?.body.toString(), 'hello');
  t.like(first?.request, {
    method: 'POST',
    url: '/up',
    headers: { ttl: '60', urgency: 'high', 'content-encoding': 'aes128gcm', 'content-type': 'application/json' },
  });
  t.like(second?.request, { url: '/up?x=1', headers: { ttl: '0', urgency: 'low', topic: 'upd' } });
  t.is(second?.request.headers['content-encoding'], undefined);
});

/** What each status of the other server means. [unifiedpush.md §2.5] */
const statuses: readonly (readonly [status: number, expected: Forwarded])[] = [
  [200, { kind: 'taken' }],
  [201, { kind: 'taken' }],
  [202, { kind: 'taken' }],
  [301, { kind: 'refused' }],
  [400, { kind: 'refused' }],
  [401, { kind: 'gone' }],
  [403, { kind: 'gone' }],
  [404, { kind: 'gone' }],
  [408, { kind: 'later' }],
  [410, { kind: 'gone' }],
  [413, { kind: 'refused' }],
  [425, { kind: 'later' }],
  [429, { kind: 'later' }],
  [500, { kind: 'later' }],
  [502, { kind: 'later' }],
  [503, { kind: 'later' }],
  [507, { kind: 'later' }],
];

test('every status has its meaning; a redirection is not followed', async (t) => {
  const { server, push } = await start(t);
  for (const [status, expected] of statuses) {
    server.onRequest = ({ answer }) => answer.writeHead(status, { location: server.url('/elsewhere') }).end();
    t.deepEqual(await push(), expected, String(status));
  }
  t.is(server.asked.length, statuses.length);
  server.onRequest = ({ answer }) => answer.writeHead(429, { 'retry-after': '30' }).end();
  t.deepEqual(await push(), { kind: 'later', delayMs: 30_000 });
});

test('no answer is trouble that passes', async (t) => {
  const { server, push } = await start(t, { deadlineMs: 50 });
  server.onRequest = ({ request }) => request.socket.destroy();
  t.deepEqual(await push(), { kind: 'later' });
  server.onRequest = () => {};
  t.deepEqual(await push(), { kind: 'later' });
});

test('where we do not go, there is no endpoint, by whatever name', async (t) => {
  const { server, push } = await start(t, {
    allow: [],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
  });
  for (const url of [server.url(), server.url('/up', 'push.example'), 'https://[::1]/up', 'https://10.0.0.1/']) {
    t.deepEqual(await push(url), { kind: 'gone' }, url);
  }
  t.deepEqual(server.asked, []);
  t.is(server.connections, 0);
});
