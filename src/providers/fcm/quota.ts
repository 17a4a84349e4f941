import type { Clock } from '../../lib/clock.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';

/** What may go out at once is the share of so many milliseconds of the quota. */
const BURST_MS = 250;
const MINUTE_MS = 60_000;
/** The rate begins at this share of the whole. */
const RAMP_START = 0.1;
/** Whoever waits is woken when so much of a burst is there: often enough to be smooth, seldom enough to cost nothing. */
const WAKE_SHARE = 0.1;

export interface QuotaRules {
  /** Messages in any 60 s; 0 for no limit. */
  readonly perMinute: number;
  /** After so many milliseconds of rest the rate grows anew, for the same time; 0 never. */
  readonly rampUpMs: number;
}

/**
 * How many messages a project may send. Google's own bucket is filled once a minute, nobody knows when, so that there must
 * not be more than the quota in any 60 s; and it asks for traffic that grows instead of jumping, because what serves a
 * project follows its load. [fcm.md §3.4] While the rate grows, a message costs more than one token: a share of the tokens
 * is a share of the rate and of the burst alike.
 */
export class Quota {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #rampUpMs: number;
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #bucket: TokenBucket | undefined;
  /** Since when the rate grows, and when a message last went out. Monotonic. */
  #rampAt = Number.NEGATIVE_INFINITY;
  #usedAt = Number.NEGATIVE_INFINITY;

  constructor({ perMinute, rampUpMs }: QuotaRules, clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
    this.#rampUpMs = rampUpMs;
    this.#burst = Math.max(1, Math.floor((perMinute * BURST_MS) / MINUTE_MS));
    // A full bucket and what comes in 60 s: together less than one message more than the quota.
    this.#perSecond = ((perMinute - this.#burst + 0.99) * 1_000) / MINUTE_MS;
    this.#bucket =
      perMinute === 0 ? undefined : new TokenBucket({ perSecond: this.#perSecond, burst: this.#burst }, clock);
  }

  /** Messages that may go out now; infinite without a limit. */
  get left(): number {
    if (!this.#bucket) return Number.POSITIVE_INFINITY;
    const cost = this.#cost();
    if (this.#bucket.waitMs(cost) > 0) return 0;
    const missing = (this.#bucket.waitMs(this.#burst) * this.#perSecond) / 1_000;
    return Math.max(1, Math.floor((this.#burst - missing) / cost));
  }

  /** One message goes out; false if none may. */
  take(): boolean {
    if (!this.#bucket) return true;
    if (!this.#bucket.take(this.#cost())) return false;
    const now = this.#clock.monotonic();
    if (this.#isRested(now)) this.#rampAt = now;
    this.#usedAt = now;
    return true;
  }

  /** Milliseconds until enough may go out to be worth a look; 0 if there is something left. */
  get waitMs(): number {
    if (!this.#bucket || this.left > 0) return 0;
    return this.#bucket.waitMs(Math.max(this.#cost(), this.#burst * WAKE_SHARE));
  }

  /** The service wants less: the rate grows from its beginning once more. */
  restart(): void {
    this.#usedAt = Number.NEGATIVE_INFINITY;
  }

  #isRested(now: number): boolean {
    return this.#rampUpMs > 0 && now - this.#usedAt > this.#rampUpMs;
  }

  /** Tokens that a message costs; never more than the bucket holds. */
  #cost(): number {
    const now = this.#clock.monotonic();
    const share = this.#isRested(now) ? 0 : Math.min(1, (now - this.#rampAt) / this.#rampUpMs);
    return Math.min(this.#burst, 1 / (RAMP_START + (1 - RAMP_START) * share));
  }
}
