import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { EmulatorInput, FaultPatchInput, Stats } from '../../src/emulator/index.ts';
import type { Random } from '../../src/lib/backoff.ts';
import { BridgeProcess, freePort, type HowToRun } from '../../test/stories/bridge-process.ts';
import { ask, get } from './ask.ts';
import { Books } from './books.ts';
import { bridgeConfig, type Ports } from './bridge-config.ts';
import { fork, pause } from './chance.ts';
import type { Findings } from './findings.ts';
import { JournalReader } from './journal.ts';
import { Load } from './load.ts';
import { Uplink } from './uplink.ts';

const EMULATOR = fileURLToPath(new URL('./emulator.ts', import.meta.url));
/** How often the journal is read, devices send, and settled messages are forgotten. */
const JOURNAL_MS = 50;
const UPSTREAM_MS = 100;
const FORGET_MS = 1_000;

export interface Traffic {
  /** Sessions, and backends of each. */
  readonly sessions?: number;
  readonly backends?: number;
  /** Messages that a backend writes in 20 ms, at most. */
  readonly burst?: number;
}

export interface StageOptions extends Traffic {
  readonly random: Random;
  readonly findings: Findings;
  /** How long the books remember what is settled. */
  readonly windowMs?: number;
  readonly emulator?: EmulatorInput;
  /** Keys of the bridge's configuration beside those that a trial needs. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Bridge and service, each in a process of its own that can be killed and comes back on its port; backends and devices here. */
export class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), 'pushbridge-trial-'));
  readonly books: Books;
  readonly load: Load;
  readonly uplink: Uplink;
  readonly configFile = join(this.folder, 'bridge.yaml');
  readonly #options: StageOptions;
  readonly #ports: Ports;
  readonly #journal: JournalReader;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #cleanup: (() => void)[] = [];
  #ended = false;
  #service: ChildProcess | undefined;
  #bridge: BridgeProcess | undefined;

  private constructor(options: StageOptions, ports: Ports) {
    this.#options = options;
    this.#ports = ports;
    const { random, findings, backends = 3, burst = 3, windowMs = Number.POSITIVE_INFINITY } = options;
    const sessions = sessionNames(options.sessions);
    this.books = new Books({ windowMs, now: () => performance.now(), findings });
    this.#journal = new JournalReader(join(this.folder, 'journal'));
    this.load = new Load({ port: ports.bal, sessions, backends, burst, books: this.books, random: fork(random) });
    this.uplink = new Uplink(`http://127.0.0.1:${ports.control}`, sessions, this.books, fork(random));
    this.configure();
  }

  /** Service and backends run; the bridge does not. */
  static async set(options: StageOptions): Promise<Stage> {
    const [bal, admin, ccs, control] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const stage = new Stage(options, { bal, admin, ccs, control });
    await stage.startService();
    const every = (ms: number, work: () => unknown) => stage.#timers.push(setInterval(work, ms));
    every(JOURNAL_MS, () => stage.readJournal());
    every(UPSTREAM_MS, () => stage.load.writers.some(({ producing }) => producing) && stage.uplink.offer());
    if (options.windowMs !== undefined) every(FORGET_MS, () => stage.books.forget());
    stage.load.start();
    return stage;
  }

  get sessions(): readonly string[] {
    return sessionNames(this.#options.sessions);
  }

  get bridge(): BridgeProcess {
    if (!this.#bridge) throw new Error('the bridge was never started');
    return this.#bridge;
  }

  get storePath(): string {
    return join(this.folder, 'store', 'bridge.db');
  }

  /** Writes the configuration of the bridge, with these keys changed. */
  configure(changes: Readonly<Record<string, unknown>> = {}, file = this.configFile): void {
    mkdirSync(join(this.folder, 'store'), { recursive: true });
    const needed = bridgeConfig(this.folder, this.storePath, this.sessions, this.#ports);
    writeFileSync(file, JSON.stringify({ ...needed, ...this.#options.config, ...changes }));
  }

  /** Starts the bridge and does not wait. */
  spawnBridge(how?: HowToRun): BridgeProcess {
    this.#bridge = BridgeProcess.spawn(['--config', this.configFile], how);
    return this.#bridge;
  }

  async startBridge(how?: HowToRun): Promise<BridgeProcess> {
    const bridge = this.spawnBridge(how);
    await bridge.ready;
    return bridge;
  }

  async startService(): Promise<void> {
    const { ccs, control } = this.#ports;
    const options = { latency: '1ms', latency_spread: '10ms', ...this.#options.emulator };
    const args = [EMULATOR, this.folder, String(ccs), String(control), JSON.stringify(options)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#service = child;
    await once(createInterface({ input: child.stdout }), 'line');
  }

  async killService(): Promise<void> {
    const child = this.#service;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  readJournal(): void {
    for (const entry of this.#journal.read()) this.books.journal(entry);
  }

  /** Asks the service over HTTP; its answer, or undefined if it gave none. */
  async service(path: string, method = 'GET', body?: unknown): Promise<unknown> {
    return ask(`http://127.0.0.1:${this.#ports.control}${path}`, method, body);
  }

  async setFaults(faults: FaultPatchInput): Promise<void> {
    await this.service('/faults', 'PATCH', faults);
  }

  /** The service does nothing wrong any more, and lets go of the answers that it kept back. */
  async calm(): Promise<void> {
    await this.service('/faults', 'DELETE');
    await this.service('/release-acks', 'POST', {});
  }

  async stats(): Promise<Stats | undefined> {
    return (await this.service('/stats')) as Stats | undefined;
  }

  /** What `/readyz` says. */
  async readiness(): Promise<{ readonly status: number; readonly text: string } | undefined> {
    return get(`http://127.0.0.1:${this.#ports.admin}/readyz`);
  }

  /** The sum of a metric over its labels; undefined if the bridge does not answer. */
  async metric(name: string): Promise<number | undefined> {
    const metrics = await get(`http://127.0.0.1:${this.#ports.admin}/metrics`);
    if (!metrics) return undefined;
    const values = metrics.text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** No new messages; waits until nothing is on its way any more, anywhere. What is still open then, in words. */
  async settle(ms: number): Promise<string | undefined> {
    this.load.finish();
    let open: string | undefined;
    for (const end = performance.now() + ms; performance.now() < end; ) {
      open = await this.#open();
      if (!open) return undefined;
      await pause(200);
    }
    return open;
  }

  async #open(): Promise<string | undefined> {
    this.readJournal();
    if (this.books.open) return this.books.open;
    const stats = await this.stats();
    if (!stats) return 'the service does not answer';
    if (stats.upstreamWaiting > 0) return `${stats.upstreamWaiting} wait in the service`;
    for (const name of ['pushbridge_outbox_depth', 'pushbridge_inbox_depth']) {
      const depth = await this.metric(name);
      if (depth !== 0) return `${name} is ${depth}`;
    }
    this.readJournal();
    return this.books.open;
  }

  /** What is to be undone before the folder goes. */
  onEnd(undo: () => void): void {
    this.#cleanup.push(undo);
  }

  /** Ends everything and judges all that is left in the books, unless it was interrupted. Safe to call twice. */
  async end(interrupted = false): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const stopping = this.load.stop();
    await this.#bridge?.kill(); // a LOGON that waits for its answer ends with it
    await stopping;
    await this.killService();
    for (const timer of this.#timers) clearInterval(timer);
    this.readJournal();
    this.#journal.close();
    if (!interrupted) this.books.close();
    for (const undo of this.#cleanup) undo();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const sessionNames = (count = 3): string[] => Array.from({ length: count }, (_, n) => `app${n}`);

/** Runs `work` on a stage, and ends everything whatever becomes of it. */
export async function onStage(options: StageOptions, work: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await Stage.set(options);
  // A trial that is interrupted must not leave a mounted or immutable folder behind.
  const interrupt = (): void => void stage.end(true).finally(() => process.exit(130));
  process.once('SIGINT', interrupt);
  try {
    await work(stage);
  } finally {
    process.off('SIGINT', interrupt);
    await stage.end();
  }
}
