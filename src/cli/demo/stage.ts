import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../app.ts';
import { loadConfig } from '../../config/index.ts';
import { createEmulator, type Emulator } from '../../emulator/index.ts';
import { BACKENDS, SECRET, sessionOf } from './plan.ts';

const SENDER = '1234567890';
const KEY = 'demo-key';

/** Everything that the demo runs on: an emulator and a bridge on free ports, a SQLite file in a temporary folder. */
export interface Stage {
  readonly folder: string;
  readonly emulator: Emulator;
  readonly app: App;
  stop(): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-demo-'));
  const ca = join(folder, 'emulator-ca.pem');
  const emulator = createEmulator({
    port: 0,
    control_port: 0,
    ca_file: ca,
    senders: { [SENDER]: KEY },
    category: sessionOf(BACKENDS[0]),
    latency: '5ms',
    latency_spread: '20ms',
    drain_min: '200ms',
  });
  await emulator.start();
  const config = loadConfig({
    name: 'demo',
    text: JSON.stringify({
      log: { level: 'error', format: 'pretty' },
      store: { url: `sqlite:${join(folder, 'pushbridge.db')}` },
      bal: { port: 0 },
      admin: { port: 0 },
      sessions: BACKENDS.map((backend) => ({ id: sessionOf(backend), secret: SECRET })),
      providers: {
        ccs: {
          host: 'localhost',
          port: emulator.port,
          sender_id: SENDER,
          server_key: KEY,
          ca,
          pool: { min: 2, max: 4, window: 25 },
        },
      },
      retry: { base: '500ms' },
    }),
  });
  const app = await createApp(config);
  await app.start();
  return {
    folder,
    emulator,
    app,
    async stop() {
      await app.stop(config.stop_timeout);
      await emulator.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
