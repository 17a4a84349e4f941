import { Worker } from 'node:worker_threads';
import { StoreError, type Work } from '../../core/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type {
  BatchReply,
  Call,
  Counts,
  OperationName,
  Operations,
  Reply,
  Request,
  Trouble,
  WorkerData,
} from './operations.ts';

/** How many operations are committed together at most. */
export const BATCH_MAX = 512;
/**
 * Trouble ends with the first commit so long after the last refusal, and not with any commit: on a disk that is almost
 * full something small always fits, and the next outcomes would be refused again.
 */
export const RECOVERY_MS = 5_000;

/** What the thread keeps between two batches is little: a young generation of the usual size would only fill with dead rows. */
const YOUNG_MIB = 8;

/**
 * Batches on their way at once: while one is being committed the next one lies ready in the worker's queue, and the worker
 * need not wait for this thread's turn. It goes ahead only with so many calls: fewer are worth no commit of their own yet.
 */
const IN_FLIGHT_MAX = 2;
const AHEAD_MIN = 3;

interface Waiting {
  readonly call: Call;
  readonly resolve: (result: never) => void;
  readonly reject: (error: StoreError) => void;
}

/** What the batcher tells: counters and work after each commit, trouble when it begins and ends. */
export interface BatcherEvents {
  counts(counts: readonly Counts[]): void;
  work(work: readonly Work[]): void;
  trouble(error: StoreError | undefined): void;
}

/**
 * The other end of the worker: while one batch is being committed the next one collects. Every call is answered once, by
 * its result or by a {@link StoreError}, in the order of the calls.
 */
export class Batcher {
  readonly #worker: Worker;
  readonly #events: BatcherEvents;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #collecting: Waiting[] = [];
  /** Batches on their way, the oldest first. */
  readonly #committing: Waiting[][] = [];
  #scheduled = false;
  /** When the store was last refused what it needs; undefined while it is not in trouble. */
  #refusedAt: number | undefined;
  /** Why calls are no longer taken. */
  #ended: StoreError | undefined;
  #closing: PromiseWithResolvers<void> | undefined;

  /** Starts the worker; resolves when it has opened the database, and rejects with its reason if it refuses. */
  static async start(data: WorkerData, events: BatcherEvents, clock: Pick<Clock, 'monotonic'>): Promise<Batcher> {
    const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    const { promise, resolve, reject } = Promise.withResolvers<readonly Counts[]>();
    const batcher = new Batcher(worker, events, clock);
    const onExit = (): void => reject(batcher.#ended);
    worker.once('exit', onExit);
    worker.once('message', (reply: Reply) => {
      if (reply.kind === 'opened') resolve(reply.counts);
    });
    events.counts(await promise);
    worker.off('exit', onExit);
    return batcher;
  }

  constructor(worker: Worker, events: BatcherEvents, clock: Pick<Clock, 'monotonic'>) {
    this.#worker = worker;
    this.#events = events;
    this.#clock = clock;
    worker.on('message', (reply: Reply) => this.#onReply(reply));
    worker.on('error', (cause) =>
      this.#onDeath(new StoreError('dead', `the thread of the store failed: ${cause}: restart the bridge`, { cause })),
    );
    worker.on('exit', () =>
      this.#onDeath(new StoreError('dead', 'the thread of the store has ended: restart the bridge')),
    );
  }

  call<K extends OperationName>(name: K, ...args: Parameters<Operations[K]>): Promise<ReturnType<Operations[K]>> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#collecting.push({ call: [name, ...args] as unknown as Call, resolve, reject });
      this.#schedule();
    });
  }

  /** Commits what was asked for, then closes. */
  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers();
    const dead = this.#ended !== undefined;
    this.#ended ??= new StoreError('closed', 'the store is closed');
    if (dead) this.#closing.resolve();
    else this.#next();
    return this.#closing.promise;
  }

  /** Calls of one turn of the event loop travel together. */
  #schedule(): void {
    if (this.#scheduled || this.#committing.length >= IN_FLIGHT_MAX) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#committing.length === 0 || this.#collecting.length >= AHEAD_MIN) this.#next();
    });
  }

  #next(): void {
    if (this.#committing.length >= IN_FLIGHT_MAX) return;
    if (this.#collecting.length > 0) {
      const batch = this.#collecting.splice(0, BATCH_MAX);
      this.#committing.push(batch);
      const troubled = this.#refusedAt !== undefined;
      this.#post({ kind: 'batch', calls: batch.map(({ call }) => call), troubled });
    } else if (this.#closing && this.#committing.length === 0) this.#post({ kind: 'close' });
  }

  #post(request: Request): void {
    this.#worker.postMessage(request);
  }

  #onReply(reply: Reply): void {
    if (reply.kind === 'closed') this.#onClosed(reply.error);
    if (reply.kind === 'refused') this.#ended = errorOf(reply.error);
    if (reply.kind !== 'done') return;
    const batch = this.#committing.shift() ?? [];
    const turn = this.#judge(reply, batch.length);
    this.#next(); // the worker must not wait while we tell the results
    this.#events.counts(reply.counts);
    const failed = new Map(reply.errors.map(({ place, error }) => [place, error]));
    for (const [place, { resolve, reject }] of batch.entries()) {
      const error = failed.get(place);
      if (error) reject(errorOf(error));
      else resolve(reply.results[place] as never);
    }
    if (turn) this.#events.trouble(turn.trouble);
    this.#events.work(reply.work);
  }

  #onClosed(error: Trouble | undefined): void {
    if (error) this.#closing?.reject(errorOf(error));
    else this.#closing?.resolve();
  }

  /** What is to be told of trouble: that it begins and that it ends, not every batch in between. */
  #judge({ trouble, errors }: BatchReply, calls: number): { readonly trouble: StoreError | undefined } | undefined {
    const now = this.#clock.monotonic();
    const since = this.#refusedAt;
    if (trouble) {
      this.#refusedAt = now;
      return since === undefined ? { trouble: errorOf(trouble) } : undefined;
    }
    // In trouble every transaction writes, so that one call that was served proves a commit.
    if (since === undefined || now - since < RECOVERY_MS || errors.length === calls) return undefined;
    this.#refusedAt = undefined;
    return { trouble: undefined };
  }

  /** The worker is gone: nothing that was asked for is known to be stored. */
  #onDeath(error: StoreError): void {
    const expected = this.#closing !== undefined;
    this.#closing?.resolve();
    if (!expected && !this.#ended) this.#events.trouble(error);
    this.#ended ??= error;
    for (const { reject } of [...this.#committing.flat(), ...this.#collecting]) reject(error);
    this.#committing.length = 0;
    this.#collecting = [];
  }
}

function errorOf({ code, message }: Trouble): StoreError {
  return new StoreError(code, message);
}
