import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../app.ts';
import { loadConfig } from '../../config/index.ts';
import { BACKENDS, SECRET, sessionOf } from './plan.ts';
import { startCcs } from './services/ccs.ts';
import { startApns, startFcm } from './services/http2.ts';
import type { Devices, Service, ServiceName } from './services/service.ts';

/** Everything that the demo runs on: a service and a bridge on free ports, a SQLite file in a temporary folder. */
export interface Stage {
  readonly folder: string;
  readonly service: Service;
  readonly devices: Devices;
  readonly app: App;
  stop(): Promise<void>;
}

const starters: Readonly<Record<ServiceName, (folder: string) => Promise<Service>>> = {
  ccs: startCcs,
  fcm: startFcm,
  apns: startApns,
};

export async function setStage(name: ServiceName): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-demo-'));
  const service = await starters[name](folder);
  const config = loadConfig({
    name: 'demo',
    text: JSON.stringify({
      log: { level: 'error', format: 'pretty' },
      store: { url: `sqlite:${join(folder, 'pushbridge.db')}` },
      bal: { port: 0 },
      admin: { port: 0 },
      sessions: BACKENDS.map((backend) => ({ id: sessionOf(backend), secret: SECRET })),
      retry: { base: '500ms' },
      ...service.config,
    }),
  });
  const app = await createApp(config);
  await app.start();
  return {
    folder,
    service,
    devices: service.devices(app),
    app,
    async stop() {
      await app.stop(config.stop_timeout);
      await service.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
