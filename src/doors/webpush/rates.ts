import type { Clock } from '../../lib/clock.ts';
import { RecentMap } from '../../lib/recent-map.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';
import type { RateOptions } from './options.ts';

/** A bucket for each of many: an endpoint, an address, a server. */
export class Rates {
  readonly #rate: RateOptions;
  readonly #clock: Clock;
  readonly #buckets: RecentMap<TokenBucket>;

  /** @param max buckets kept; the one that was not asked for longest is forgotten, and would be full again */
  constructor(rate: RateOptions, max: number, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
    this.#buckets = new RecentMap(max);
  }

  /** Takes one for `key`. @returns 0, or how many milliseconds it is to wait */
  take(key: string): number {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      const { per_minute, burst } = this.#rate;
      bucket = new TokenBucket({ perSecond: per_minute / 60, burst }, this.#clock);
      this.#buckets.set(key, bucket);
    }
    return bucket.take() ? 0 : bucket.waitMs();
  }
}
