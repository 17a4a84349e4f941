/** Bridge and emulator as the benchmark runs them: each a process of its own, on loopback. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Order } from './emulator.ts';
import { type Service, setupOf } from './services.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const KILL_AFTER_MS = 30_000;

export interface RigOptions {
  /** Connections to the emulator. */
  readonly pool: number;
  /** What is behind the bridge; CCS if nothing is said. */
  readonly service?: Service;
  readonly sessions?: readonly Readonly<Record<string, unknown>>[];
  /** Further keys of `bal`. */
  readonly bal?: Readonly<Record<string, unknown>>;
  readonly emulator?: Readonly<Record<string, unknown>>;
  /** Arguments of Node.js for the bridge, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  /** The program of the bridge. */
  readonly program: string;
}

/** A bridge with a SQLite store and an emulator, in a folder that goes away with them. */
export class Rig {
  readonly folder: string;
  readonly #options: RigOptions;
  #emulator: ChildProcess | undefined;
  #bridge: ChildProcess | undefined;
  #answers: Interface | undefined;
  servicePort = 0;
  balPort = 0;
  /** 0 if there is no door for HTTP. */
  httpPort = 0;

  private constructor(parent: string, options: RigOptions) {
    this.folder = mkdtempSync(join(parent, 'pushbridge-bench-'));
    this.#options = options;
  }

  static async start(parent: string, options: RigOptions): Promise<Rig> {
    const rig = new Rig(parent, options);
    await rig.#startEmulator();
    await rig.startBridge();
    return rig;
  }

  /** The process of the bridge, to look at its memory and time. */
  get bridgePid(): number {
    if (this.#bridge?.pid === undefined) throw new Error('the bridge is not running');
    return this.#bridge.pid;
  }

  get #service(): Service {
    return this.#options.service ?? 'ccs';
  }

  /** What a client logs in to FCM or APNs with. */
  get credentials(): string {
    return join(this.folder, 'credentials');
  }

  get ca(): string {
    return join(this.folder, 'ca.pem');
  }

  async #startEmulator(): Promise<void> {
    const given = setupOf(this.#service).emulator(this.credentials);
    const options = { port: 0, ca_file: this.ca, ...given, ...this.#options.emulator };
    const args = [here('emulator.ts'), this.#service, JSON.stringify(options)];
    this.#emulator = spawn(process.execPath, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = linesOf(this.#emulator);
    this.servicePort = Number(await firstLine(this.#emulator, this.#answers));
  }

  /** Tells the emulator what to do. */
  order(order: Order): void {
    this.#emulator?.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  /** The line that the emulator writes next, in answer to this. */
  async ask(order: Order): Promise<string> {
    if (!this.#answers) throw new Error('the emulator is not running');
    const answer = once(this.#answers, 'line');
    this.order(order);
    return String((await answer)[0]);
  }

  async startBridge(): Promise<void> {
    const { pool, sessions, bal, program, nodeArgs = [] } = this.#options;
    const config = join(this.folder, 'bench.yaml');
    const setup = setupOf(this.#service);
    const place = { port: this.servicePort, ca: this.ca, credentials: this.credentials, pool };
    writeFileSync(
      config,
      JSON.stringify({
        log: { level: 'error' },
        store: { url: `sqlite:${join(this.folder, 'bench.db')}` },
        bal: { port: 0, ...bal },
        admin: { port: 0 },
        sessions: sessions ?? [{ id: 'com.example.app' }],
        providers: { [this.#service]: setup.provider(place) },
        ...setup.sections,
      }),
    );
    this.#bridge = spawn(process.execPath, [...nodeArgs, program, 'serve', '--config', config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const line = await firstLine(this.#bridge);
    this.balPort = Number(/bal\D+(?:[\d.]+|localhost):(\d+)/i.exec(line)?.[1]);
    this.httpPort = Number(/HTTP on http:\D+(?:[\d.]+):(\d+)/.exec(line)?.[1] ?? 0);
    if (!this.balPort) throw new Error(`the bridge says: ${line}`);
  }

  async stopBridge(): Promise<void> {
    await end(this.#bridge, 'SIGTERM');
  }

  async stop(): Promise<void> {
    await this.stopBridge();
    await end(this.#emulator, 'SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a script of this folder as long as `use` works with the first line that it writes. */
export async function withScript<T>(name: string, input: unknown, use: (line: string) => Promise<T>): Promise<T> {
  const child = spawn(process.execPath, [here(name), JSON.stringify(input)], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    return await use(await firstLine(child));
  } finally {
    await end(child, 'SIGTERM');
  }
}

/** Runs a script of this folder to its end and gives the JSON that it prints. */
export async function runScript<T>(
  name: string,
  input: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const child = spawn(process.execPath, [here(name), JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  return JSON.parse(await firstLine(child)) as T;
}

function linesOf(child: ChildProcess): Interface {
  if (!child.stdout) throw new Error('no output to read');
  return createInterface({ input: child.stdout });
}

async function firstLine(child: ChildProcess, lines = linesOf(child)): Promise<string> {
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`);
  });
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
  ended.catch(() => {});
  child.stdout?.resume();
  return line;
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  await closed;
  clearTimeout(timer);
}
