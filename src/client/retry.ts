import { type Backoff, equalJitter, fullJitter, type Random } from '../lib/backoff.ts';
import type { BalClientError } from './errors.ts';

/** A connection that lived so long was a good one: the next drop is met by connecting at once again. */
const GOOD_MS = 10_000;

/** How long to wait before the next connection. */
export class Retry {
  readonly #backoff: Backoff;
  readonly #refusedMs: number;
  readonly #random: Random;
  #attempts = 0;

  constructor(backoff: Backoff, refusedMs: number, random: Random) {
    this.#backoff = backoff;
    this.#refusedMs = refusedMs;
    this.#random = random;
  }

  /**
   * Milliseconds after a connection that ended with `error`. A drop that follows a login is met at once, unless it
   * comes again and again; a refused LOGON will hardly get better by hurrying.
   * @param upMs how long it had been logged on; undefined if it never was
   */
  delayMs(error: BalClientError, upMs: number | undefined): number {
    if (error.code === 'LOGON_FAILED') {
      return equalJitter(0, { baseMs: this.#refusedMs, capMs: this.#refusedMs }, this.#random);
    }
    if (upMs !== undefined && upMs >= GOOD_MS) this.#attempts = 0;
    const attempt = this.#attempts++;
    if (upMs !== undefined && attempt === 0) return 0;
    return fullJitter(attempt, this.#backoff, this.#random);
  }
}
