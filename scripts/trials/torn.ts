import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createEmulator } from '../../src/emulator/index.ts';
import { Backend } from '../../test/doors/bal/harness.ts';
import { BridgeProcess, freePort } from '../../test/stories/bridge-process.ts';
import { between, pause } from './chance.ts';
import { onStage, type Stage } from './stage.ts';
import { finish, hasStackTrace, type Trial, type TrialOptions, tail } from './trial.ts';
import { corrupt, tear } from './wal.ts';

const LIFE_MS = 1_000;
/** How long a bridge on a corrupt store is watched. */
const WATCH_MS = 1_000;

/**
 * The bridge is killed, and the tail of its log torn as a power cut tears it: nothing that was committed may be missing. And
 * beside it, on a copy, the log is damaged where it was synced: the bridge starts or says why not, and invents nothing.
 */
export const torn: Trial = async (options) => {
  const { random, findings, times, say } = options;
  const told = new Map<string, number>();
  const count = (what: string) => told.set(what, (told.get(what) ?? 0) + 1);
  await onStage({ random, findings }, async (stage) => {
    for (let n = 1; n <= times; n++) {
      const bridge = await stage.startBridge();
      await pause(between(random, 0, LIFE_MS));
      await bridge.kill();
      count(await onCopy(stage, options));
      count(tear(`${stage.storePath}-wal`, random) ?? 'no log to tear');
      if (n % 10 === 0) say(`${n} kills, ${stage.load.made} messages`);
    }
    await stage.startBridge();
    for (const [what, often] of [...told].sort()) say(`${String(often).padStart(4)} × ${what}`);
    await finish(stage, options);
  });
};

/** Damages a copy, runs a bridge on it, and tells what became of it. */
async function onCopy(stage: Stage, { random, findings }: TrialOptions): Promise<string> {
  const folder = join(stage.folder, 'copy');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'bridge.db');
  for (const suffix of ['', '-wal']) {
    if (existsSync(stage.storePath + suffix)) copyFileSync(stage.storePath + suffix, path + suffix);
  }
  const what = corrupt(`${path}-wal`, random);
  try {
    return `${what ?? 'nothing to corrupt'}: ${await watch(stage, folder, path, findings)}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function watch(stage: Stage, folder: string, path: string, findings: TrialOptions['findings']): Promise<string> {
  const { messages, upstream } = stage.books;
  const emulator = createEmulator(
    { port: 0, track: false, ca_file: join(folder, 'ca.pem') },
    {
      watch: {
        received: (id, json) => {
          const { data } = JSON.parse(json) as { data?: unknown };
          findings.check('invention', messages.isSent(data), () => `${id} arrived from a corrupt store: ${json}`);
        },
      },
    },
  );
  await emulator.start();
  const [port, adminPort] = await Promise.all([freePort(), freePort()]);
  const file = join(folder, 'bridge.yaml');
  stage.configure(
    {
      store: { url: `sqlite:${path}` },
      bal: { port, owner_grace: '0s' },
      admin: { port: adminPort },
      stop_timeout: '1s',
      providers: {
        ccs: { host: '127.0.0.1', port: emulator.port, sender_id: '1', server_key: 'key', ca: join(folder, 'ca.pem') },
      },
    },
    file,
  );
  const bridge = BridgeProcess.spawn(['--config', file]);
  const backends: Backend[] = [];
  try {
    const started = await bridge.ready.then(
      () => true,
      () => false,
    );
    if (!started) {
      const code = await bridge.ended();
      const said = bridge.log.join('\n');
      findings.check('conduct', code === 1 && said.includes(path), () => `refused with ${code}: ${said}`);
      return 'refused to start';
    }
    for (const session of stage.sessions) {
      const backend = await Backend.connect(port);
      backends.push(backend);
      backend.send({ message_type: 'LOGON', session_id: session, window: 1000 });
      void (async () => {
        for (;;) {
          const frame = await backend.next();
          const id = String(frame.message_id);
          if (frame.sequence_id === undefined) continue;
          const known = frame.message_type === 'UPSTREAM' ? upstream.isOffered(session, id) : messages.has(session, id);
          findings.check('invention', known, () => `from a corrupt store came ${JSON.stringify(frame)}`);
          backend.ack(frame.sequence_id);
        }
      })().catch(() => {});
    }
    await pause(WATCH_MS);
    const alive = bridge.running;
    const code = await bridge.signal('SIGTERM');
    findings.check('conduct', alive ? code === 0 : code === 1, () => `ended with ${code}:\n${tail(bridge.log)}`);
    return alive ? 'runs with what is left' : 'ended with a word';
  } finally {
    findings.check('conduct', !hasStackTrace(bridge.log), () => `a stack trace:\n${tail(bridge.log, 20)}`);
    for (const backend of backends) backend.destroy();
    await bridge.kill();
    await emulator.stop();
  }
}
