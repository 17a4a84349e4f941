import { LRUCache } from 'lru-cache';

/** The values of the most recently used keys, up to a limit; those of others are forgotten. */
export class RecentMap<V extends object | true> {
  readonly #cache: LRUCache<string, V>;

  /** @param limit keys kept, at least 1 */
  constructor(limit: number) {
    // As a size: with `max`, room for all of them would be made at once, which takes long where the limit is high.
    this.#cache = new LRUCache({ maxSize: limit, sizeCalculation: () => 1 });
  }

  get(key: string): V | undefined {
    return this.#cache.get(key);
  }

  set(key: string, value: V): void {
    this.#cache.set(key, value);
  }

  delete(key: string): void {
    this.#cache.delete(key);
  }
}
