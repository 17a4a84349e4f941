import type { Pushes } from '../../core/index.ts';
import { type Clock, pause } from '../../lib/clock.ts';

/** How often a receipt that somebody waits for is looked at, in milliseconds. */
const LOOK_MS = 500;

/**
 * `over`: it was not delivered and will not be, or it is not known any more what became of it. An id that nobody was given
 * is the same: such as are asked for were given out.
 */
export type ReceiptState = 'delivered' | 'pending' | 'over';

export interface ReceiptsDeps {
  readonly pushes: Pick<Pushes, 'outcome'>;
  readonly clock: Clock;
  /** The longest wait, in milliseconds. */
  readonly waitMaxMs: number;
  /** So many wait at once; others are answered at once. */
  readonly waitersMax: number;
}

/** What became of pushes. Over HTTP/1 nothing can be sent unasked: whoever wants to know asks, and may wait a while. */
export class Receipts {
  readonly #deps: ReceiptsDeps;
  #waiters = 0;

  constructor(deps: ReceiptsDeps) {
    this.#deps = deps;
  }

  /** The state of a push as soon as it is final, or as it is after `waitMs` milliseconds, or when the one who asks is gone. */
  async state(id: string, waitMs: number, gone: () => AbortSignal): Promise<ReceiptState> {
    const state = await this.#look(id);
    const { waitMaxMs, waitersMax } = this.#deps;
    if (state !== 'pending' || waitMs <= 0 || this.#waiters >= waitersMax) return state;
    this.#waiters++;
    try {
      return await this.#wait(id, Math.min(waitMs, waitMaxMs), gone());
    } finally {
      this.#waiters--;
    }
  }

  async #wait(id: string, ms: number, gone: AbortSignal): Promise<ReceiptState> {
    const { clock } = this.#deps;
    const end = clock.monotonic() + ms;
    let state: ReceiptState = 'pending';
    for (;;) {
      const left = end - clock.monotonic();
      if (state !== 'pending' || left <= 0 || gone.aborted) return state;
      await pause(clock, Math.min(left, LOOK_MS), gone);
      state = await this.#look(id);
    }
  }

  async #look(id: string): Promise<ReceiptState> {
    const outcome = await this.#deps.pushes.outcome(id);
    if (outcome === 'pending') return 'pending';
    return outcome?.type === 'ack' ? 'delivered' : 'over';
  }
}
