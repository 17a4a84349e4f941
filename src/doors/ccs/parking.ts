import type { Item } from './window.ts';

/** Parked messages of more than so many UTF-16 code units of JSON stop reading too, however few they are. */
const MAX_CHARS = 1_048_576;

/** Messages of one connection that were read and wait for a place in its window, oldest first. */
export class Parking {
  readonly #limit: number;
  readonly #items: Item[] = [];
  #chars = 0;

  /** @param limit messages beyond which it is overfull, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The one that waits longest. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  /** Whether reading should stop. */
  get overfull(): boolean {
    return this.#items.length > this.#limit || this.#chars > MAX_CHARS;
  }

  push(item: Item): void {
    this.#items.push(item);
    this.#chars += charsOf(item);
  }

  /** Back to where they came from: the first of them is the next again. */
  unshift(items: readonly Item[]): void {
    this.#items.unshift(...items);
    for (const item of items) this.#chars += charsOf(item);
  }

  /** The oldest, taken out: as many as there are, up to `count`. */
  take(count = this.#items.length): Item[] {
    const items = this.#items.splice(0, count);
    for (const item of items) this.#chars -= charsOf(item);
    return items;
  }
}

const charsOf = ({ submission }: Item): number =>
  submission?.payload.kind === 'fcm' ? submission.payload.json.length : 0;
