import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import test from 'ava';
import { createCertificate } from '../../src/emulator/index.ts';
import { until } from '../emulator/ccs/raw-client.ts';
import { freePort, setStage } from './bridge-process.ts';
import { AppServer } from './ccs-client.ts';

const DAY_MS = 86_400_000;
const MESSAGES = 1_000;
const PATIENCE_MS = 30_000;

/** A bridge process with a CCS door that comes back on the same ports, before an emulator whose answers take a while. */
async function stage() {
  const folder = mkdtempSync(join(tmpdir(), 'ccs-client-'));
  const from = (days: number) => new Date(Date.now() + days * DAY_MS);
  const made = createCertificate({ names: ['127.0.0.1'], notBefore: from(-1), notAfter: from(1) });
  const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(tls.cert, made.cert);
  writeFileSync(tls.key, made.key);
  setDefaultCACertificates([...getCACertificates(), made.ca]);
  const [port, admin] = [await freePort(), await freePort()];
  const senders = [{ id: '42', key: 'hush', provider: 'ccs', apps: ['com.example.app'] }];
  const { emulator, start, end } = await setStage(
    { latency: '20ms' },
    { admin: { port: admin }, sessions: [], doors: { ccs: { port, tls, senders } } },
  );
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
  return {
    port,
    control: emulator.control,
    start,
    drain: () => fetch(`http://127.0.0.1:${admin}/ccs/drain`, init),
    async end() {
      await end();
      rmSync(folder, { recursive: true });
    },
  };
}

test('an app server on @xmpp/client: through a drain, a kill and a stop every message has one outcome', async (t) => {
  const { port, control, start, drain, end } = await stage();
  let bridge = await start();
  const server = new AppServer(port);
  const answered = (count: number) => until(() => server.outcomes.size >= count, PATIENCE_MS);
  const ids = Array.from({ length: MESSAGES }, (_, n) => `m${n}`);
  const gone = new Set(ids.filter((_, n) => n % 10 === 9));
  server.send(
    ...ids.map((message_id, n) => ({
      message_id,
      to: gone.has(message_id) ? `DEVICE_UNREGISTERED:${n}` : `device:${n}`,
      data: { text: 'Grüße <&> ✓ 👍' },
      delivery_receipt_requested: n % 20 === 0,
    })),
  );
  await answered(250);
  await drain();
  await answered(500);
  await bridge.kill();
  control.upstream({ count: 20, category: 'com.example.app', from: 'device', message_id: 'up' });
  bridge = await start();
  await answered(750);
  t.is(await bridge.signal('SIGTERM'), 0);
  bridge = await start();
  await answered(MESSAGES);
  const seen = () => new Set(server.upstream);
  await until(() => seen().size >= 20 + MESSAGES / 20, PATIENCE_MS);
  t.deepEqual(
    ids.filter((id) => server.outcomes.get(id)?.join() !== (gone.has(id) ? 'DEVICE_UNREGISTERED' : 'ack')),
    [],
  );
  t.deepEqual(server.strange, []);
  t.deepEqual(
    ids.filter((_, n) => n % 20 === 0 && !seen().has(`dr2:m${n}`)),
    [],
  );
  // On SIGTERM it is told too, and may have found the door still open behind it or not.
  t.true(server.drains >= 2 && server.logins >= 4, `${server.drains} drains, ${server.logins} logins`);
  const { tracked, windowBreaches } = control.stats();
  t.is(tracked, MESSAGES, 'no message went out under two ids');
  t.is(windowBreaches, 0);
  await server.stop();
  await bridge.kill();
  await end();
});
