import { LRUCache } from 'lru-cache';

/** The most recent keys, up to a limit. May say "seen"; never proves "not seen". */
export class RecentSet {
  readonly #cache: LRUCache<string, true>;

  /** @param limit keys kept, at least 1 */
  constructor(limit: number) {
    this.#cache = new LRUCache({ max: limit });
  }

  has(key: string): boolean {
    return this.#cache.get(key) === true;
  }

  add(key: string): void {
    this.#cache.set(key, true);
  }
}
