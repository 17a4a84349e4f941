/** A first-in first-out queue of fixed size. `push` says whether it took the item; nothing is ever dropped silently. */
export class Ring<T> {
  readonly #items: (T | undefined)[];
  #head = 0;
  #size = 0;
  /** How many items fit. */
  readonly limit: number;

  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError('a ring holds at least 1 item');
    this.limit = limit;
    this.#items = new Array<T | undefined>(limit);
  }

  get size(): number {
    return this.#size;
  }

  get room(): number {
    return this.limit - this.#size;
  }

  push(item: T): boolean {
    if (this.#size === this.limit) return false;
    this.#items[(this.#head + this.#size++) % this.limit] = item;
    return true;
  }

  peek(): T | undefined {
    return this.#size === 0 ? undefined : this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#size === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.limit;
    this.#size--;
    return item;
  }
}
