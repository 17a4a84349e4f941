import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type App, createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/index.ts';
import { createCertificate } from '../../src/emulator/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Backend, downstream, type Json, until } from '../doors/bal/harness.ts';
import { RawClient } from '../emulator/ccs/raw-client.ts';
import { Forwarder } from './faults/forwarder.ts';
import { collect, Story } from './harness.ts';

const DAY_MS = 86_400_000;
const SENDER = '42';
const USER = `${SENDER}@gcm.googleapis.com`;

/** A bridge whose CCS door stands before the emulator, and what a client needs to get in. */
async function behindADoor(t: ExecutionContext, more: Json = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ccs-door-story-'));
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  const from = (days: number) => new Date(Date.now() + days * DAY_MS);
  const made = createCertificate({ names: ['localhost', '127.0.0.1'], notBefore: from(-1), notAfter: from(1) });
  for (const name of ['cert', 'key', 'ca'] as const) writeFileSync(files[name], made[name]);
  const story = await Story.start({
    sessions: [],
    config: {
      doors: {
        ccs: {
          port: 0,
          tls: { cert: files.cert, key: files.key },
          senders: [{ id: SENDER, key: 'hush', provider: 'ccs', apps: ['com.example.app'] }],
          ...more,
        },
      },
    },
  });
  t.teardown(async () => {
    await story.stop();
    rmSync(folder, { recursive: true });
  });
  return { story, ca: made.ca, caFile: files.ca };
}

test('an app server sends, gets its answers and receipts, and acks what comes, with no session on the BAL', async (t) => {
  const { story, ca } = await behindADoor(t);
  const raw = new RawClient({ port: story.app.ccsPort, caPem: ca });
  await raw.login(USER, 'hush');
  raw.send({ to: 'device:1', message_id: 'm1', data: { a: '1' }, delivery_receipt_requested: true });
  t.deepEqual(await raw.json(), { from: 'device:1', message_id: 'm1', message_type: 'ack' });
  const receipt = await raw.json();
  t.like(receipt, { message_type: 'receipt', message_id: 'dr2:m1', from: 'gcm.googleapis.com' });
  raw.ack(receipt);
  raw.send({ to: 'DEVICE_UNREGISTERED:1', message_id: 'm2' });
  t.like(await raw.json(), { message_type: 'nack', message_id: 'm2', error: 'DEVICE_UNREGISTERED' });
  raw.send({ to: 'canonical:new', message_id: 'm3' });
  t.like(await raw.json(), { message_type: 'ack', message_id: 'm3', registration_id: 'new' });
  story.emulator.control.upstream({ count: 1, category: 'com.example.app', from: 'device', message_id: 'up' });
  const up = await raw.json();
  t.like(up, { from: 'device', category: 'com.example.app' });
  raw.ack(up);
  await until(() => story.emulator.control.stats().upstreamAcked === 2);
  const { connections } = (await (await story.admin('/ccs')).json()) as { connections: Json[] };
  t.like(connections[0], { connection: 1, sender: SENDER, state: 'bound', unacked: 0 });
  t.is(await story.metric('pushbridge_bal_connections{session="ccs:42"}'), 1);
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
  t.deepEqual(await (await story.admin('/ccs/drain', init)).json(), { draining: 1 });
  t.like(await raw.json(), { message_type: 'control', control_type: 'CONNECTION_DRAINING' });
  raw.socket.destroy();
});

/** A bridge before the bridge: a backend on its BAL, and its provider `ccs` logged in at the door, through a forwarder. */
async function before(t: ExecutionContext, { story, caFile }: Awaited<ReturnType<typeof behindADoor>>) {
  const door = { port: story.app.ccsPort };
  const forwarder = await Forwarder.start(() => door.port);
  const app: App = await createApp(
    loadConfig({
      text: JSON.stringify({
        store: { url: 'memory:' },
        bal: { port: 0 },
        admin: { port: 0 },
        sessions: [{ id: 'com.example.app' }],
        providers: {
          ccs: {
            host: '127.0.0.1',
            port: forwarder.port,
            sender_id: SENDER,
            server_key: 'hush',
            ca: caFile,
            pool: { min: 2, max: 2 },
          },
        },
      }),
    }),
    { log: silentLog },
  );
  await app.start();
  const backend = await Backend.connect(app.balPort);
  t.teardown(async () => {
    backend.destroy();
    await app.stop(1_000);
    await forwarder.stop();
  });
  backend.send({ message_type: 'LOGON', session_id: 'com.example.app', window: 1_000 });
  t.is((await backend.next()).status, 'SUCCESS');
  return { forwarder, backend, door };
}

const ids = (from: number, count: number): string[] => Array.from({ length: count }, (_, n) => `m${from + n}`);

test('a bridge behind a bridge: cut and drained, every message is pushed once and answered once', async (t) => {
  const behind = await behindADoor(t);
  const { forwarder, backend } = await before(t, behind);
  const { story } = behind;
  const answered: string[] = [];
  for (let round = 0; round < 4; round++) {
    backend.send(...ids(round * 250, 250).map((id) => downstream(id)));
    answered.push(...(await collect(backend, 50, 'DOWNSTREAM_ACK')).map(({ message_id }) => String(message_id)));
    if (round % 2 === 0) forwarder.cut();
    else
      await story.admin('/ccs/drain', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    answered.push(...(await collect(backend, 200, 'DOWNSTREAM_ACK')).map(({ message_id }) => String(message_id)));
  }
  t.deepEqual(answered.toSorted(), ids(0, 1_000).toSorted());
  const { received, repeated, acks } = story.emulator.control.stats();
  t.deepEqual({ received, repeated, acks }, { received: 1_000, repeated: 0, acks: 1_000 });
});

test('a bridge behind a bridge: the one at the door is started anew, and nothing is lost in either direction', async (t) => {
  const behind = await behindADoor(t);
  const { backend, door } = await before(t, behind);
  const { story } = behind;
  const { control } = story.emulator;
  backend.send(...ids(0, 500).map((id) => downstream(id)));
  const answered = await collect(backend, 50, 'DOWNSTREAM_ACK');
  await story.stopBridge(0);
  control.upstream({ count: 20, category: 'com.example.app', from: 'device', message_id: 'up' });
  await story.startBridge();
  door.port = story.app.ccsPort;
  const up = new Set<string>();
  while (answered.length < 500 || up.size < 20) {
    const [frame] = await collect(backend, 1, 'DOWNSTREAM_ACK', 'UPSTREAM');
    if (frame?.message_type === 'UPSTREAM') up.add(String(frame.message_id));
    else if (frame) answered.push(frame);
  }
  t.deepEqual(answered.map(({ message_id }) => String(message_id)).toSorted(), ids(0, 500).toSorted());
  backend.send({ message_type: 'PING', data: 'last' });
  t.like((await collect(backend, 1, 'PONG'))[0], { data: 'last' });
  await until(() => control.stats().upstreamAcked >= 20);
});
