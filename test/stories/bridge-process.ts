import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createEmulator, type Emulator, type EmulatorInput } from '../../src/emulator/index.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Lines of its log that are kept. */
const LOG_MAX = 10_000;

/** How a bridge process is run, if not simply so. */
export interface HowToRun {
  /** A command and its arguments, in front of Node's: for limits of the system. */
  readonly wrap?: readonly string[];
  /** The user to run as, for those who may choose. */
  readonly uid?: number;
}

/** A bridge in a process of its own, so that it can be killed. */
export class BridgeProcess {
  readonly #child: ChildProcess;
  /** What it wrote to standard error: its log. */
  readonly log: string[] = [];
  /** Resolves when it says that it is ready; rejects with its log if it ends before. */
  readonly ready: Promise<void>;

  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcess, stdout: Readable, stderr: Readable) {
    this.#child = child;
    this.#closed = once(child, 'close');
    createInterface({ input: stderr }).on('line', (line) => {
      if (this.log.push(line) > LOG_MAX) this.log.shift();
    });
    const said = once(createInterface({ input: stdout }), 'line');
    const ended = this.#closed.then(() => {
      throw new Error(`the bridge ended with ${child.exitCode ?? child.signalCode}:\n${this.log.join('\n')}`);
    });
    this.ready = Promise.race([said, ended]).then(() => {});
    ended.catch(() => {});
    this.ready.catch(() => {});
  }

  /** Starts `pushbridge serve` and resolves when it is ready. */
  static async start(args: readonly string[], how: HowToRun = {}): Promise<BridgeProcess> {
    const bridge = BridgeProcess.spawn(args, how);
    await bridge.ready;
    return bridge;
  }

  /** Starts `pushbridge serve` and does not wait. */
  static spawn(args: readonly string[], { wrap = [], uid }: HowToRun = {}): BridgeProcess {
    const [command = '', ...rest] = [...wrap, process.execPath, MAIN, 'serve', ...args];
    const user = uid === undefined ? {} : { uid, gid: uid };
    const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...user });
    return new BridgeProcess(child, child.stdout, child.stderr);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async kill(): Promise<void> {
    await this.signal('SIGKILL');
  }

  /** Sends a signal and resolves with the exit code when the process is gone. */
  async signal(signal: NodeJS.Signals): Promise<number | null> {
    if (this.running) this.#child.kill(signal);
    return this.ended();
  }

  /** Resolves with the exit code when the process is gone; null if a signal ended it. */
  async ended(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }
}

/** A port that was free a moment ago: for a process that must come back on the same one. */
export async function freePort(): Promise<number> {
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
