import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { H2Client } from '../../../src/protocols/http2/index.ts';
import { certificate } from './server.ts';
import { END_HEADERS, END_STREAM, frame, OK, settings, u32 } from './wire.ts';

/** More than the buffers of the system hold, in requests of {@link BODY}. */
const MANY = 5_000;
const BODY = 'x'.repeat(16_000);
const request = { path: '/', headers: {}, body: BODY };

/** A client that is connected to a server of bytes, which reads nothing until it is told to. */
async function setUp(t: ExecutionContext) {
  const clock = new ManualClock();
  const sockets: TLSSocket[] = [];
  const server = createServer({ cert: certificate.cert, key: certificate.key, ALPNProtocols: ['h2'] }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(Buffer.concat([settings([4, 0x7fff_ffff]), frame('WINDOW_UPDATE', 0, 0, u32(0x7f00_0000))]));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const events: string[] = [];
  const client = new H2Client({
    clock,
    random: () => 0,
    log: silentLog,
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
  });
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy();
    await client.stop(0);
    server.close();
  });
  client.start();
  await whenever(client, () => client.room > 0);
  const [socket] = sockets;
  if (!socket) throw new Error('not connected');
  return { clock, client, socket, events };
}

function whenever(client: H2Client, wanted: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (wanted()) resolve();
    };
    client.onRoom(look);
    look();
  });
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}

/** Posts as long as there is room; the server answers each request, and has read none. */
async function fill(client: H2Client, socket: TLSSocket): Promise<number> {
  let posted = 0;
  while (client.room > 0 && posted < MANY) {
    const result = client.post(request);
    socket.write(frame('HEADERS', END_HEADERS | END_STREAM, 2 * posted++ + 1, OK));
    await result;
  }
  return posted;
}

test('a server that answers without reading gets no more than a bounded backlog, until it reads', async (t) => {
  const { client, socket } = await setUp(t);
  t.true((await fill(client, socket)) < MANY);
  t.is(client.used, 0);
  t.is((await client.post(request)).kind, 'refused');
  socket.resume();
  await whenever(client, () => client.room > 0);
  t.pass();
});

test('a server that reads nothing for as long as a request may take is left', async (t) => {
  const { clock, client, socket, events } = await setUp(t);
  t.true((await fill(client, socket)) < MANY);
  await clock.advance(4_999);
  t.deepEqual(events, ['connect']);
  await clock.advance(1);
  await until(() => events.includes('drop') && client.room > 0);
  t.deepEqual(events, ['connect', 'drop', 'connect']);
});

test('a connection that dies takes its watches with it', async (t) => {
  const { clock, client, socket, events } = await setUp(t);
  const before = clock.waiting;
  const result = client.post({ ...request, body: '{}' });
  await clock.advance(1_500);
  t.is(clock.waiting, before + 1, 'a sign of life is asked for');
  socket.destroy();
  t.is((await result).kind, 'broken');
  await until(() => events.includes('drop'));
  await clock.advance(1); // the pause before the next connection
  await until(() => client.room > 0);
  t.is(clock.waiting, before);
});
