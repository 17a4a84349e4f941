import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { createCertificate } from '../../../src/emulator/index.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { clientCertificate } from './client-certificate.ts';
import { brief, bytesOf, downstream, startBridge, until } from './harness.ts';

const DAY_MS = 86_400_000;

/** Certificates in files, as the configuration names them. */
function files(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'bal-tls-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const server = createCertificate({
    names: ['localhost', '127.0.0.1'],
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
  });
  const client = clientCertificate('backend');
  const tls = { cert: write('cert.pem', server.cert), key: write('key.pem', server.key) };
  return { server, client, tls, mutual: { ...tls, client_ca: write('ca.pem', client.cert) } };
}

test('BAL over TLS: frames go both ways, and a half-closed backend is let go', async (t) => {
  const { server, tls } = files(t);
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept), options: { tls } });
  const backend = await bridge.logOn({}, { tls: { ca: server.ca } });
  backend.send(downstream('m1'));
  t.deepEqual(brief(await backend.take(1)), ['DOWNSTREAM_ACK m1']);
  backend.socket.end();
  await until(() => bridge.door.connections === 0);
  await until(() => backend.ended);
  t.is(bridge.store.waiting('app'), 1);
});

test('BAL over TLS: large frames in both directions', async (t) => {
  const { server, tls } = files(t);
  const bridge = await startBridge(t, { provider: new FakeProvider('fake', 100, accept), options: { tls } });
  const backend = await bridge.logOn({ window: 1_000 }, { tls: { ca: server.ca } });
  backend.send(...Array.from({ length: 100 }, (_, i) => downstream(`m${i}`, {}, { blob: 'x'.repeat(60_000) })));
  for (let i = 0; i < 100; i++) await bridge.upstream(`u${i}`, { data: { blob: 'y'.repeat(60_000) } });
  t.is((await backend.take(200)).length, 200);
});

test('mutual TLS: a client certificate is asked for, and only the right one gets in', async (t) => {
  const { server, client, mutual } = files(t);
  const bridge = await startBridge(t, { options: { tls: mutual } });
  const backend = await bridge.logOn({}, { tls: { ca: server.ca, ...client } });
  t.deepEqual(await backend.sync(), []);
  for (const wrong of [{}, clientCertificate('stranger')]) {
    const socket = connectTls({ host: '127.0.0.1', port: bridge.door.port, ca: server.ca, ...wrong });
    let answer = 0;
    socket.on('data', (chunk: Buffer) => (answer += chunk.length));
    socket.on('error', () => {});
    socket.write(bytesOf({ message_type: 'LOGON', session_id: 'app' }));
    await new Promise((resolve) => socket.once('close', resolve));
    t.is(answer, 0);
  }
  t.is(bridge.door.connections, 1);
});

test('a backend that speaks no TLS, or breaks off its handshake, does no harm', async (t) => {
  const { server, tls } = files(t);
  const bridge = await startBridge(t, { options: { tls } });
  const plain = connect(bridge.door.port, '127.0.0.1');
  plain.on('error', () => {});
  plain.write(bytesOf({ message_type: 'LOGON', session_id: 'app' }));
  await once(plain.resume(), 'close');
  const aborted = connect(bridge.door.port, '127.0.0.1');
  await once(aborted, 'connect');
  aborted.write(Buffer.from([0x16, 0x03, 0x01]));
  aborted.resetAndDestroy();
  const backend = await bridge.logOn({}, { tls: { ca: server.ca } });
  t.deepEqual(await backend.sync(), []);
  t.is(bridge.door.connections, 1);
});

test('a TLS handshake that does not come is cut off after logon_timeout', async (t) => {
  const { tls } = files(t);
  const bridge = await startBridge(t, { options: { tls, logon_timeout: '50ms' } });
  const mute = connect(bridge.door.port, '127.0.0.1');
  mute.on('error', () => {});
  await once(mute.resume(), 'close');
  t.is(bridge.door.connections, 0);
});

test('a stopping door closes what is still in its TLS handshake', async (t) => {
  const { server, tls } = files(t);
  const bridge = await startBridge(t, { options: { tls, logon_timeout: '10m' } });
  const mute = connect(bridge.door.port, '127.0.0.1');
  mute.on('error', () => {});
  await once(mute, 'connect');
  const closed = once(mute.resume(), 'close');
  await bridge.logOn({}, { tls: { ca: server.ca } }); // connected later, so the other one has been accepted too
  await bridge.door.stop(1_000);
  await closed;
  t.pass();
});

test('a listener says which file it can not use', async (t) => {
  const { tls } = files(t);
  const start = (changes: object) => startBridge(t, { options: { tls: { ...tls, ...changes } } });
  await t.throwsAsync(start({ key: '/nowhere/key.pem' }), {
    message: /^bal\.tls\.key: can not be read: .*\/nowhere\/key\.pem/,
  });
  await t.throwsAsync(start({ client_ca: tls.key }), {
    message: 'bal.tls.client_ca: has no readable certificate in PEM',
  });
});
