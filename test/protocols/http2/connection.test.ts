import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { H2Client } from '../../../src/protocols/http2/index.ts';
import { certificate } from './server.ts';
import { frame, settings, u32 } from './wire.ts';

const request = { path: '/', headers: {}, body: '{}' };

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

test('a connection that dies takes its watches with it', async (t) => {
  const { clock, client, socket, events } = await setUp(t);
  const before = clock.waiting;
  const result = client.post(request);
  await clock.advance(1_500);
  t.is(clock.waiting, before + 1, 'a sign of life is asked for');
  socket.destroy();
  t.is((await result).kind, 'broken');
  await until(() => events.includes('drop'));
  await clock.advance(1); // the pause before the next connection
  await until(() => client.room > 0);
  t.is(clock.waiting, before);
});
