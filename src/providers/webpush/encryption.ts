import { Worker } from 'node:worker_threads';
import { type Log, reason } from '../../lib/log.ts';
import type { Keys } from './message.ts';

/** Messages that a thread gets in one go, at most: the first must not wait for too many others. */
const BATCH_MAX = 32;
/** The thread keeps nothing between two batches. */
const YOUNG_MIB = 8;

/** What a thread is asked: one answer for each, in order. */
export type Batch = readonly { readonly keys: Keys; readonly body: Uint8Array }[];

/** What became of one: bytes, or why there are none. */
export type Encrypted = { readonly body: Uint8Array } | { readonly because: string };

/** What became of one; `failed`: that was our fault, it may go well another time. */
export type Encryption = Encrypted | { readonly failed: string };

interface Job {
  readonly keys: Keys;
  readonly body: Uint8Array;
  readonly resolve: (result: Encryption) => void;
}

interface Thread {
  readonly worker: Worker;
  /** What it works on; empty: it waits for work. */
  jobs: readonly Job[];
}

/** Starts a thread that encrypts. */
export function encryptionThread(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './encryption-worker.ts' : './encryption-worker.js';
  return new Worker(new URL(file, import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
}

/**
 * Threads that encrypt. What is asked for in one turn of the event loop travels together; whoever asks has to bound how
 * much that is. A thread that dies is replaced when there is work.
 */
export class Encryptor {
  readonly #count: number;
  readonly #log: Log;
  readonly #start: () => Worker;
  readonly #threads = new Set<Thread>();
  #waiting: Job[] = [];
  #scheduled = false;
  #closed = false;

  /** @param count threads, at least 1; they are started when they are needed */
  constructor(count: number, log: Log, start: () => Worker = encryptionThread) {
    this.#count = count;
    this.#log = log;
    this.#start = start;
  }

  /** Encrypts one message. Never rejects. */
  encrypt(keys: Keys, body: Uint8Array): Promise<Encryption> {
    if (this.#closed) return Promise.resolve({ failed: 'stopping' });
    return new Promise((resolve) => {
      this.#waiting.push({ keys, body, resolve });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#next();
      });
    });
  }

  /** Ends the threads; what they were at has failed. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ failed: 'stopping' });
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const thread = [...this.#threads].find(({ jobs }) => jobs.length === 0) ?? this.#another();
      if (!thread) return;
      // Shared fairly: the last thread must not get all.
      const share = Math.ceil(this.#waiting.length / this.#count);
      thread.jobs = this.#waiting.splice(0, Math.min(BATCH_MAX, share));
      const batch: Batch = thread.jobs.map(({ keys, body }) => ({ keys, body }));
      thread.worker.postMessage(batch);
    }
  }

  #another(): Thread | undefined {
    if (this.#threads.size >= this.#count || this.#closed) return undefined;
    const worker = this.#start();
    worker.unref();
    const thread: Thread = { worker, jobs: [] };
    this.#threads.add(thread);
    worker.on('message', (results: readonly Encrypted[]) => {
      const { jobs } = thread;
      thread.jobs = [];
      this.#next(); // the thread must not wait while we tell the results
      for (const [place, { resolve }] of jobs.entries()) resolve(results[place] ?? { failed: 'no answer' });
    });
    worker.on('error', (error) => this.#log.error('encryption thread failed', { error: reason(error) }));
    worker.on('exit', () => {
      this.#threads.delete(thread);
      for (const { resolve } of thread.jobs) resolve({ failed: 'the encryption thread has ended' });
      thread.jobs = [];
      if (!this.#closed) this.#next();
    });
    return thread;
  }
}
