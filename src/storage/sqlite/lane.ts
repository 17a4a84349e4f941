/** How many numbers a lane remembers behind its cursor before it prefers to walk again from the start. */
export const READY_MAX = 10_000;

/**
 * The way through one queue of a table that is read in the order of its numbers: a cursor, before which everything was
 * met, and the few numbers behind it that can be claimed again. So every unclaimed, claimable row is either ahead of the
 * cursor or in `ready`, and no claim ever scans what is in flight or asleep.
 */
export class Lane {
  /** Rows up to this number were met. */
  cursor = 0;
  /** A binary heap: the smallest number first. May hold numbers twice, or of rows that are gone: whoever takes one looks. */
  readonly #ready: number[] = [];

  get readySize(): number {
    return this.#ready.length;
  }

  /** A row became claimable. One ahead of the cursor will be met anyway. */
  offer(number: number): void {
    if (number > this.cursor) return;
    if (this.#ready.length >= READY_MAX) this.reset();
    else push(this.#ready, number);
  }

  /** The smallest of the ready numbers, taken out. */
  take(): number | undefined {
    return pop(this.#ready);
  }

  /** Starts again from the beginning: always right, at the price of meeting again what is in flight. */
  reset(): void {
    this.cursor = 0;
    this.#ready.length = 0;
  }
}

/** Lanes by a number of the caller's choice, made when first asked for. */
export class Lanes {
  readonly #lanes = new Map<number, Lane>();

  of(key: number): Lane {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = new Lane();
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  delete(key: number): void {
    this.#lanes.delete(key);
  }

  /** After a rollback nobody knows which rows were met. */
  reset(): void {
    for (const lane of this.#lanes.values()) lane.reset();
  }
}

function push(heap: number[], number: number): void {
  let at = heap.length;
  heap.push(number);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = heap[parent] ?? 0;
    if (above <= number) break;
    heap[at] = above;
    at = parent;
  }
  heap[at] = number;
}

function pop(heap: number[]): number | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (top === undefined || last === undefined || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    const left = 2 * at + 1;
    if (left >= heap.length) break;
    const [l, r] = [heap[left] ?? Infinity, heap[left + 1] ?? Infinity];
    const child = r < l ? left + 1 : left;
    const below = Math.min(l, r);
    if (last <= below) break;
    heap[at] = below;
    at = child;
  }
  heap[at] = last;
  return top;
}
