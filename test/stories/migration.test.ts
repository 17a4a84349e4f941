import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { createCertificate } from '../../src/emulator/index.ts';
import type { Json } from '../doors/bal/harness.ts';
import { until } from '../emulator/ccs/raw-client.ts';
import { AppServer } from './ccs-client.ts';
import { Story } from './harness.ts';
import { APP, startApns, startFcm } from './services.ts';

const DAY_MS = 86_400_000;
const PATIENCE_MS = 30_000;
const KEY = 'the-key-of-the-application';
/** Of each kind. */
const COUNT = 60;

/** Files of a certificate that app servers trust, for as long as the test. */
function tls(t: ExecutionContext): Json {
  const folder = mkdtempSync(join(tmpdir(), 'migration-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const from = (days: number) => new Date(Date.now() + days * DAY_MS);
  const made = createCertificate({ names: ['127.0.0.1'], notBefore: from(-1), notAfter: from(1) });
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(files.cert, made.cert);
  writeFileSync(files.key, made.key);
  setDefaultCACertificates([...getCACertificates(), made.ca]);
  return files;
}

/** What a message asks of the service, and what CCS said to it. */
const kinds = [
  ['device', 'ack'],
  ['SERVICE_UNAVAILABLE:1', 'ack'],
  ['DEVICE_UNREGISTERED:device', 'DEVICE_UNREGISTERED'],
  ['BAD_REGISTRATION:device', 'BAD_REGISTRATION'],
  ['INVALID_JSON:device', 'INVALID_JSON'],
] as const;

for (const [name, start] of [
  ['fcm', startFcm],
  ['apns', startApns],
] as const) {
  test(`an unchanged CCS app server goes through ${name}: answers, receipts and upstream messages as they were`, async (t) => {
    const service = await start(t, { latency: '5ms' });
    const story = await Story.start({
      config: {
        sessions: [],
        providers: { [name]: { ...service.provider, delivery_receipts: 'app' } },
        retry: { base: '50ms' },
        http: { port: 0 },
        doors: {
          ccs: { port: 0, tls: tls(t), senders: [{ id: '42', key: 'hush', provider: name, apps: [APP] }] },
          app: { applications: [{ id: APP, key: KEY }] },
        },
      },
    });
    t.teardown(() => story.stop());
    const server = new AppServer(story.app.ccsPort);
    t.teardown(() => server.stop());
    const post = async (path: string, body: Json): Promise<number> => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
      const url = `http://127.0.0.1:${story.app.httpPort}${path}`;
      return (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ category: APP, ...body }) })).status;
    };
    const wanted = new Map<string, string>();
    for (let n = 0; n < COUNT; n++) {
      for (const [to, outcome] of kinds) {
        const message_id = `${outcome}-${to}-${n}`;
        wanted.set(message_id, outcome);
        const data = { text: `${message_id} ✓`, n };
        server.send({ message_id, to, data, time_to_live: 600, delivery_receipt_requested: to === 'device' && n < 5 });
      }
    }
    for (let n = 0; n < 10; n++) {
      t.is(await post('/v1/upstream', { from: `device-${n}`, message_id: `up-${n}`, data: { n: `${n}` } }), 200);
    }
    await until(() => server.outcomes.size === wanted.size, PATIENCE_MS);
    for (const [id, outcome] of wanted) t.deepEqual(server.outcomes.get(id), [outcome], id);
    const receipts = service.control
      .requests(1_000)
      .flatMap(({ body }) => /"pushbridge_receipt":"([^"]+)"/.exec(body)?.[1] ?? []);
    t.is(receipts.length, 5);
    for (const receipt of receipts) t.is(await post('/v1/receipts', { from: 'device', receipt }), 200);
    await until(() => server.upstream.length === 15, PATIENCE_MS);
    const expected = [
      ...Array.from({ length: 5 }, (_, n) => `dr2:ack-device-${n}`),
      ...Array.from({ length: 10 }, (_, n) => `up-${n}`),
    ];
    t.deepEqual(server.upstream.toSorted(), expected.toSorted());
    t.deepEqual(server.strange, []);
  });
}
