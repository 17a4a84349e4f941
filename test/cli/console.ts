import { PassThrough } from 'node:stream';
import { main } from '../../src/cli/index.ts';

/** What a command left behind. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A console that commands run on without a process of their own. */
export class Console {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exits: number[] = [];
  readonly #listeners = new Set<(signal: 'SIGTERM' | 'SIGINT') => void>();
  readonly #text = { stdout: '', stderr: '' };

  constructor() {
    this.stdout.on('data', (chunk) => {
      this.#text.stdout += chunk;
    });
    this.stderr.on('data', (chunk) => {
      this.#text.stderr += chunk;
    });
  }

  get printed(): string {
    return this.#text.stdout;
  }

  /** Printed JSON lines. */
  get lines(): Record<string, unknown>[] {
    return this.printed
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  signal(signal: 'SIGTERM' | 'SIGINT'): void {
    for (const listener of [...this.#listeners]) listener(signal);
  }

  async run(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const code = await main(argv, {
      stdin: this.stdin,
      stdout: this.stdout,
      stderr: this.stderr,
      env,
      onSignal: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      exit: (exit) => this.exits.push(exit),
    });
    return { code, ...this.#text };
  }
}

/** Runs a command to its end. */
export const run = (argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran> =>
  new Console().run(argv, env);

/** Waits until `done`, looking often; fails after 10 s. */
export async function until(done: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!done()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
