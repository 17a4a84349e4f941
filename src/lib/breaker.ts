import { type Backoff, equalJitter, type Random } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';

export interface BreakerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Between tries while the service refuses everything. */
  readonly backoff: Backoff;
  /** More may be tried than before, or nothing any more. */
  readonly onChange: () => void;
}

/** Leave for one try; see {@link Breaker.enter}. */
export type Ticket = number;

/**
 * A circuit breaker: a service that refuses everything is left alone for a while, then asked once, and only when it
 * answers do the others follow. Tries that began before the circuit opened can not open it a second time.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  /** Counts openings: a ticket is of one of these times. */
  #era = 0;
  #failures = 0;
  #trouble: string | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  /** While there is trouble: a try may be made, or is being made. */
  #probe: 'no' | 'ready' | 'out' = 'no';

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Why nothing is tried, or only one; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** How many may try now. */
  get allowance(): number {
    if (this.#trouble === undefined) return Number.POSITIVE_INFINITY;
    return this.#probe === 'ready' ? 1 : 0;
  }

  /** A try begins; only with allowance. Its ticket goes to exactly one of the three below. */
  enter(): Ticket {
    if (this.#probe === 'ready') this.#probe = 'out';
    return this.#era;
  }

  /** The service works. */
  succeeded(): void {
    this.#failures = 0;
    if (this.#trouble === undefined) return;
    this.#close();
    this.#options.onChange();
  }

  /**
   * The service refuses everything. The next try comes after a pause that grows with each failure.
   * @param minMs not before so many milliseconds
   * @returns false if the try began before the circuit opened: nothing has changed then
   */
  failed(ticket: Ticket, because: string, minMs = 0): boolean {
    if (ticket !== this.#era) return false;
    const { clock, random, backoff, onChange } = this.#options;
    this.#era++;
    this.#trouble = because;
    this.#probe = 'no';
    this.#timer?.cancel();
    const pause = Math.max(minMs, equalJitter(this.#failures++, backoff, random));
    if (!this.#stopped) {
      this.#timer = clock.after(pause, () => {
        this.#probe = 'ready';
        onChange();
      });
    }
    onChange();
    return true;
  }

  /** The try ended without saying anything about the service: another one may be made. */
  abandoned(ticket: Ticket): void {
    if (ticket !== this.#era || this.#probe !== 'out') return;
    this.#probe = 'ready';
    this.#options.onChange();
  }

  /** No more timers, whatever still ends. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #close(): void {
    this.#trouble = undefined;
    this.#probe = 'no';
    this.#timer?.cancel();
  }
}
