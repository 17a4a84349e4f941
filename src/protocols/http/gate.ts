import { HttpError } from './http-error.ts';
import { retryAfter } from './retry-after.ts';

/** When those that were sent away may come back, in milliseconds. */
const COME_BACK_MS = 1_000;

/** Counts the handlers at work: so many and no more, and no new ones after it was closed. */
export class Gate {
  readonly #max: number;
  #working = 0;
  #closed = false;
  readonly #empty = Promise.withResolvers<void>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The result of `handle`, which counts as long as it works, whether anybody still waits for it or not. */
  async pass<T>(handle: () => T | Promise<T>): Promise<T> {
    const back = retryAfter(COME_BACK_MS);
    if (this.#closed)
      throw new HttpError(503, 'stopping', 'the bridge stops; try again', { ...back, connection: 'close' });
    if (this.#working >= this.#max) throw new HttpError(503, 'busy', 'too many requests at once; try again', back);
    this.#working++;
    try {
      return await handle();
    } finally {
      if (--this.#working === 0 && this.#closed) this.#empty.resolve();
    }
  }

  /** Resolves when no handler is at work any more. Safe to call twice. */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#working === 0) this.#empty.resolve();
    return this.#empty.promise;
  }
}
