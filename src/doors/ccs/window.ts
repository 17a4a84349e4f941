import type { Submission } from '../../core/index.ts';

/** A message that has neither ack nor nack yet. */
export interface Item {
  readonly id: string;
  /** Its `to` or `condition`. */
  readonly target: string;
  /** Tells a repeat from another message under the same id. */
  readonly digest: string;
  /** The message itself, until the store has it. */
  submission: Submission | undefined;
  /** Monotonic time of its arrival, in milliseconds. */
  readonly since: number;
  /** How many stanzas of this id and content wait for the one outcome: each gets its answer. */
  copies: number;
  /** Monotonic time before which it is not asked whether the message can be taken back. */
  askAt: number;
}

/** @param since monotonic time of its arrival, in milliseconds */
export function toItem(submission: Submission, since: number): Item {
  const { messageId: id, target, digest } = submission;
  return { id, target, digest, submission, since, copies: 1, askAt: 0 };
}

/** The un-acked messages of one connection, by id. */
export class Window {
  readonly limit: number;
  readonly #items = new Map<string, Item>();
  #size = 0;

  /** @param limit stanzas that may wait for an answer, at least 1 */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Stanzas that wait for an answer. */
  get size(): number {
    return this.#size;
  }

  get room(): number {
    return this.limit - this.#size;
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  /** Whether exactly this item still waits. */
  has(item: Item): boolean {
    return this.#items.get(item.id) === item;
  }

  add(item: Item): void {
    this.#items.set(item.id, item);
    this.#size += item.copies;
  }

  /** So many more stanzas wait for the outcome of this item. */
  join(item: Item, copies: number): void {
    item.copies += copies;
    this.#size += copies;
  }

  remove(item: Item): void {
    if (!this.has(item)) return;
    this.#items.delete(item.id);
    this.#size -= item.copies;
  }

  /** Everything in it; what is removed meanwhile is passed over. */
  items(): Iterable<Item> {
    return this.#items.values();
  }
}
