/** Remembers the last `limit` keys that were added. */
export class Recent<K> {
  readonly #keys = new Set<K>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  has(key: K): boolean {
    return this.#keys.has(key);
  }

  add(key: K): void {
    this.#keys.delete(key); // moves it to the end
    this.#keys.add(key);
    if (this.#keys.size <= this.#limit) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      break;
    }
  }

  delete(key: K): void {
    this.#keys.delete(key);
  }
}
