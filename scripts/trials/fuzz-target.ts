/** The process that is fuzzed, seen from outside. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What the process is to run: a bridge or an emulator, with its configuration as it would stand in a file. */
export interface Plan {
  readonly kind: 'bridge' | 'emulator';
  readonly config: Readonly<Record<string, unknown>>;
  /** How much faster than ours its time goes by. */
  readonly haste?: number;
}

export type Order = { readonly kind: 'start'; readonly plan: Plan } | { readonly kind: 'measure' | 'stop' };

export type Report =
  | { readonly kind: 'ready'; readonly ports: Readonly<Record<string, number>> }
  | ({ readonly kind: 'measure' } & Memory)
  | { readonly kind: 'fault'; readonly text: string }
  | { readonly kind: 'stopped' };

/** What a process holds after a collection, in bytes, and its open resources by name. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
  readonly handles: Readonly<Record<string, number>>;
}

/** How long the process may take to obey, in milliseconds. A loaded machine is slow, a hanging process is for ever. */
const PATIENCE_MS = 60_000;

/** A connection may break before the process that broke it has said why. */
const LAST_WORDS_MS = 500;

export class Target {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<Report['kind'], (report: Report) => void>();
  readonly #failed = Promise.withResolvers<never>();
  #ended = false;
  #ports: Readonly<Record<string, number>> = {};
  /** Rejects with what went wrong inside, or with how the process ended. */
  readonly failed: Promise<never> = this.#failed.promise;

  private constructor() {
    this.failed.catch(() => {});
    this.#child = fork(fileURLToPath(new URL('fuzz-child.ts', import.meta.url)), {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child.on('message', (report: Report) => {
      if (report.kind === 'fault') this.#failed.reject(new Error(report.text));
      else this.#waiting.get(report.kind)?.(report);
    });
    this.#child.on('exit', (code, signal) => {
      this.#ended = true;
      this.#failed.reject(new Error(`the process ended by itself: ${signal ?? code}`));
    });
  }

  static async start(plan: Plan): Promise<Target> {
    const target = new Target();
    const report = await target.#ask({ kind: 'start', plan }, 'ready');
    if (report.kind === 'ready') target.#ports = report.ports;
    return target;
  }

  port(name: 'bal' | 'admin' | 'ccs'): number {
    const port = this.#ports[name];
    if (port === undefined) throw new TypeError(`no port ${name}`);
    return port;
  }

  /** The promise, or what has happened to the process meanwhile. */
  alive<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.failed]);
  }

  /** What the process has said when it failed, if it did within a moment. */
  lastWords(): Promise<string | undefined> {
    const moment = new Promise<undefined>((resolve) => setTimeout(resolve, LAST_WORDS_MS, undefined));
    return this.alive(moment).catch((error: Error) => error.message);
  }

  async measure(): Promise<Memory> {
    const report = await this.#ask({ kind: 'measure' }, 'measure');
    if (report.kind !== 'measure') throw new TypeError('no measure');
    return report;
  }

  /** Stops it in order; it must then end by itself with code 0, since nothing is left that keeps it alive. */
  async stop(): Promise<void> {
    const exit = once(this.#child, 'exit');
    await this.#ask({ kind: 'stop' }, 'stopped');
    const [code, signal] = await within(exit, 'the process does not end: something keeps it alive');
    if (code !== 0) throw new Error(`the process ended with ${signal ?? code}`);
  }

  kill(): void {
    if (!this.#ended) this.#child.kill('SIGKILL');
  }

  #ask(order: Order, kind: Report['kind']): Promise<Report> {
    const answer = new Promise<Report>((resolve) => this.#waiting.set(kind, resolve));
    this.#child.send(order, () => {}); // a process that is gone is told of by `failed`
    return this.alive(within(answer, `no answer to ${order.kind}`));
  }
}

/** The promise, or an error after {@link PATIENCE_MS}. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  ms: number = PATIENCE_MS,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(typeof what === 'string' ? what : what())), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
