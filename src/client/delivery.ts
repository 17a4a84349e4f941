/** A queue that async iterators empty: each item goes to one of them. `push` says whether there was room. */
export class Delivery<T> {
  #items: T[] = [];
  readonly #waiting: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #ended = false;
  /** How many items may wait. */
  readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Items that nobody has been given. */
  get size(): number {
    return this.#items.length;
  }

  push(item: T): boolean {
    if (this.#ended) return true;
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting({ done: false, value: item });
      return true;
    }
    return this.#items.length < this.limit && this.#items.push(item) > 0;
  }

  /** Takes back what nobody has been given. */
  remove(isGone: (item: T) => boolean): void {
    this.#items = this.#items.filter((item) => !isGone(item));
  }

  /** Ends all iterators; what nobody has been given is dropped. */
  end(): void {
    this.#ended = true;
    this.#items = [];
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  /** Several iterators share the items. Leaving a loop ends that iterator only, and loses nothing. */
  iterate(): AsyncIterableIterator<T, undefined, undefined> {
    let left = false;
    const iterator: AsyncIterableIterator<T, undefined, undefined> = {
      next: () => (left ? Promise.resolve({ done: true, value: undefined }) : this.#take()),
      return: () => {
        left = true;
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #take(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
