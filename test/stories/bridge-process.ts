import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createEmulator, type Emulator, type EmulatorInput } from '../../src/emulator/index.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A bridge in a process of its own, so that it can be killed. */
export class BridgeProcess {
  readonly #child: ChildProcess;
  /** What it wrote to standard error: its log. */
  readonly log: string[];

  private constructor(child: ChildProcess, log: string[]) {
    this.#child = child;
    this.log = log;
  }

  /** Starts `pushbridge serve` and resolves when it says that it is ready; rejects with its log if it ends before. */
  static async start(args: readonly string[]): Promise<BridgeProcess> {
    const child = spawn(process.execPath, [MAIN, 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const log: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => log.push(line));
    const ready = once(createInterface({ input: child.stdout }), 'line');
    const ended = once(child, 'close').then(([code]) => {
      throw new Error(`the bridge ended with ${code}:\n${log.join('\n')}`);
    });
    await Promise.race([ready, ended]);
    ended.catch(() => {});
    return new BridgeProcess(child, log);
  }

  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  /** Sends a signal and resolves with the exit code when the process is gone. */
  async signal(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill(signal);
      await closed;
    }
    return this.#child.exitCode;
  }
}

/** A port that was free a moment ago: for a process that must come back on the same one. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** An emulator here, and everything that a bridge process needs to reach it and to come back on the same port. */
export interface Stage {
  readonly emulator: Emulator;
  /** The BAL port of the bridge. */
  readonly port: number;
  start(): Promise<BridgeProcess>;
  end(): Promise<void>;
}

export async function setStage(emulate: EmulatorInput, config: Readonly<Record<string, unknown>> = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-process-'));
  const ca = join(folder, 'ca.pem');
  const emulator = createEmulator({ port: 0, ca_file: ca, ...emulate });
  await emulator.start();
  const port = await freePort();
  const file = join(folder, 'bridge.yaml');
  const ccs = { host: '127.0.0.1', port: emulator.port, sender_id: '1', server_key: 'key', ca };
  writeFileSync(
    file,
    JSON.stringify({
      store: { url: `sqlite:${join(folder, 'bridge.db')}` },
      bal: { port },
      admin: { port: 0 },
      sessions: [{ id: 'app' }],
      providers: { ccs },
      ...config,
    }),
  );
  return {
    emulator,
    port,
    start: () => BridgeProcess.start(['--config', file]),
    async end() {
      await emulator.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
