import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import test from 'ava';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { H2Client } from '../../../src/protocols/http2/index.ts';
import { certificate } from './server.ts';

const { cert, key, ca } = certificate;

/** Servers that no connection can be made to, and what is said about each. */
const strangers: Readonly<Record<string, readonly [make: () => Server, trouble: string, trusted?: false]>> = {
  'wants a certificate of its clients': [
    () => createTlsServer({ cert, key, ca, requestCert: true, ALPNProtocols: ['h2'] }),
    'TLS: tlsv13 alert certificate required',
  ],
  'wants one, with TLS 1.2': [
    () => createTlsServer({ cert, key, ca, requestCert: true, ALPNProtocols: ['h2'], maxVersion: 'TLSv1.2' }),
    'TLS: ssl/tls alert handshake failure',
  ],
  'speaks HTTP/1.1 only': [() => createHttpsServer({ cert, key }), 'TLS: tlsv1 alert no application protocol'],
  'knows no ALPN': [
    () => createTlsServer({ cert, key }, (socket) => socket.on('error', () => {}).resume()),
    'the server does not speak HTTP/2',
  ],
  'knows no TLS': [
    () => createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-here\r\n')),
    'TLS: wrong version number',
  ],
  'is vouched for by nobody known': [
    () => createTlsServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => socket.on('error', () => {})),
    'certificate of the server: unable to verify the first certificate',
    false,
  ],
};

for (const [name, [make, trouble, trusted = true]] of Object.entries(strangers)) {
  test(`a server that ${name}: the attempt ends, the next one comes, and the trouble has a name`, async (t) => {
    const server = make().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.teardown(() => server.close());
    const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { promise: twice, resolve } = Promise.withResolvers<void>();
    const events: string[] = [];
    const client = new H2Client({
      clock: systemClock,
      random: () => 0,
      log: silentLog,
      origin,
      tls: trusted ? { ca } : {},
      min: 1,
      max: 1,
      maxStreams: 100,
      cautious: false,
      connectTimeoutMs: 60_000,
      requestTimeoutMs: 60_000,
      maxResponseBytes: 1_024,
      idleMs: 600_000,
      maxAgeMs: 600_000,
      pingIntervalMs: 0,
      count: (event) => {
        if (events.push(event) === 2) resolve();
      },
    });
    t.teardown(() => client.stop(0));
    client.start();
    await twice;
    t.deepEqual(events, ['connect_failed', 'connect_failed']);
    t.is(client.report.trouble, `${origin}: ${trouble}`);
    t.is(client.room, 0);
  });
}
