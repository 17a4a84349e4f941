import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../../app.ts';
import { loadConfig } from '../../../config/index.ts';
import { createCertificate, LOCAL_NAMES } from '../../../emulator/index.ts';
import type { Clock } from '../../../lib/clock.ts';
import { SECRET } from '../plan.ts';
import { jwkOf, type SigningKeys, signingKeys } from './app-server.ts';
import { SESSION } from './backend.ts';
import { freePorts } from './ports.ts';
import { COMPONENT, findProsody, type Prosody, startProsody } from './prosody.ts';

const DAY_MS = 86_400_000;

/** A bridge that takes pushes over HTTPS on free ports, a SQLite file in a temporary folder, and Prosody if there is one. */
export interface Stage {
  readonly folder: string;
  readonly app: App;
  /** What endpoints begin with. */
  readonly publicUrl: string;
  /** The authority that signs the bridge's certificate, a PEM file and its text. */
  readonly caFile: string;
  readonly ca: string;
  /** What the bridge signs its own pushes with. */
  readonly vapid: SigningKeys;
  readonly prosody: Prosody | undefined;
  stop(): Promise<void>;
}

/** @param pushes so many must not be too many for one endpoint @param path where programs are looked for */
export async function setStage(pushes: number, path: string | undefined, clock: Clock): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-demo-'));
  const file = (name: string, text: string): string => {
    const at = join(folder, name);
    writeFileSync(at, text, { mode: 0o600 });
    return at;
  };
  const [notBefore, notAfter] = [-DAY_MS, DAY_MS].map((ms) => new Date(clock.now() + ms)) as [Date, Date];
  const { cert, key, ca } = createCertificate({ names: LOCAL_NAMES, notBefore, notAfter });
  const caFile = file('ca.pem', ca);
  const vapid = signingKeys();
  const [port] = await freePorts(1);
  const publicUrl = `https://localhost:${port}`;
  const program = findProsody(path);
  let prosody: Prosody | undefined;
  try {
    prosody = program === undefined ? undefined : await startProsody(program, folder, clock);
    const config = loadConfig({
      name: 'demo',
      text: JSON.stringify({
        log: { level: 'error', format: 'pretty' },
        store: { url: `sqlite:${join(folder, 'pushbridge.db')}` },
        bal: { port: 0 },
        admin: { port: 0 },
        http: {
          port,
          public_url: publicUrl,
          tls: { cert: file('cert.pem', cert), key: file('key.pem', key) },
        },
        sessions: [{ id: SESSION, secret: SECRET }],
        doors: {
          webpush: { rate: { per_minute: 1_000_000, burst: 1_000_000 }, max_waiting: Math.max(100, pushes) },
        },
        providers: {
          webpush: {
            vapid: { subject: 'mailto:bridge@example.com', key: file('vapid.json', jwkOf(vapid)) },
            allow: ['localhost'],
            ca: caFile,
          },
          ...(prosody && {
            xmpp: { host: '127.0.0.1', port: prosody.componentPort, domain: COMPONENT, secret: prosody.secret },
          }),
        },
      }),
    });
    const app = await createApp(config);
    await app.start();
    const stop = async (): Promise<void> => {
      await app.stop(config.stop_timeout);
      await prosody?.stop();
      rmSync(folder, { recursive: true, force: true });
    };
    return { folder, app, publicUrl, caFile, ca, vapid, prosody, stop };
  } catch (error) {
    await prosody?.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
