import { equalJitter, type Random } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { QUOTA_BACKOFF } from './outcomes.ts';

/** A pause of the whole project, because it has sent too much. */
export class Hold {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onEnd: () => void;
  #because: string | undefined;
  #timer: Timer | undefined;
  /** Monotonic times: when the last pause began, and when it ends. */
  #began = Number.NEGATIVE_INFINITY;
  #until = 0;
  /** Pauses in a row. */
  #count = 0;
  #stopped = false;

  constructor(clock: Clock, random: Random, onEnd: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onEnd = onEnd;
  }

  /** Why nothing goes out now. */
  get because(): string | undefined {
    return this.#because;
  }

  /**
   * The service asks for a pause in the answer to a request that began at `startedAt`, monotonic. Answers to requests from
   * before the pause do not make it longer, unless they say so.
   * @param askedMs how long; without it a minute at least, twice as long each time
   * @returns whole milliseconds until the end of the pause
   */
  begin(startedAt: number, because: string, askedMs: number | undefined): number {
    const now = this.#clock.monotonic();
    const known = startedAt <= this.#began;
    if (!known) {
      this.#began = now;
      this.#count++;
    }
    if (!known || askedMs !== undefined) {
      const ms = askedMs ?? equalJitter(this.#count - 1, QUOTA_BACKOFF, this.#random);
      this.#until = Math.max(this.#until, now + ms);
    }
    const left = Math.ceil(Math.max(0, this.#until - now));
    if (left > 0) this.#wait(because, left);
    return left;
  }

  /** A request that began at `startedAt` was answered otherwise: if that was after the pause, it has helped. */
  passed(startedAt: number): void {
    if (startedAt > this.#began) this.#count = 0;
  }

  /** No more timers, whatever is still answered. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #wait(because: string, ms: number): void {
    this.#because = because;
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#timer = this.#clock.after(ms, () => {
      this.#because = undefined;
      this.#onEnd();
    });
  }
}
