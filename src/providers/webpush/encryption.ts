import { Worker } from 'node:worker_threads';
import { type Log, reason } from '../../lib/log.ts';
import { packClear, unpackEncrypted } from './batches.ts';
import type { Keys } from './message.ts';

/** Messages that a thread gets in one go, at most: the first must not wait for too many others. */
const BATCH_MAX = 32;
/** The thread keeps nothing between two batches. */
const YOUNG_MIB = 8;

/** What became of a message. */
export type Encryption =
  | { readonly body: Uint8Array }
  /** It can not be encrypted. */
  | { readonly because: string }
  /** That was our fault, it may go well another time. */
  | { readonly failed: string };

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
      const batch = packClear(thread.jobs);
      thread.worker.postMessage(batch, [batch.buffer]);
    }
  }

  #another(): Thread | undefined {
    if (this.#threads.size >= this.#count || this.#closed) return undefined;
    const worker = this.#start();
    worker.unref();
    const thread: Thread = { worker, jobs: [] };
    this.#threads.add(thread);
    worker.on('message', (packed: Uint8Array) => {
      const { jobs } = thread;
      thread.jobs = [];
      this.#next(); // the thread must not wait while we tell the results
      const bodies = unpackEncrypted(packed);
      for (const [place, { resolve }] of jobs.entries()) {
        const body = bodies[place];
        resolve(body ? { body } : { because: 'p256dh is no point of P-256' });
      }
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
