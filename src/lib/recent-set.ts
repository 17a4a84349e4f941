import { RecentMap } from './recent-map.ts';

/** The most recent keys, up to a limit. May say "seen"; never proves "not seen". */
export class RecentSet {
  readonly #keys: RecentMap<true>;

  /** @param limit keys kept, at least 1 */
  constructor(limit: number) {
    this.#keys = new RecentMap(limit);
  }

  has(key: string): boolean {
    return this.#keys.get(key) === true;
  }

  add(key: string): void {
    this.#keys.set(key, true);
  }
}
