import type { Lane } from './lane.ts';

/**
 * The lanes that take work, and the free places in their windows. All changes go through here, so that the sum that
 * {@link Lanes.free} gives without counting cannot drift.
 */
export class Lanes {
  readonly #onRoom: () => void;
  readonly #lanes = new Map<number, Lane>();
  /** Those whose window is not full. The first takes the next message, so that the last may become idle. */
  readonly #roomy = new Set<Lane>();
  #window: number;
  #free = 0;
  #telling = false;

  /** @param onRoom called once, at the end of a turn in which room appeared where there was none */
  constructor(window: number, onRoom: () => void) {
    this.#window = window;
    this.#onRoom = onRoom;
  }

  get size(): number {
    return this.#lanes.size;
  }

  /** Free places in all windows together. Negative for a while when the window has shrunk. */
  get free(): number {
    return this.#free;
  }

  /** Messages in the windows. */
  get used(): number {
    return this.#lanes.size * this.#window - this.#free;
  }

  /** The earliest of the times at which each lane last read a byte, on the monotonic clock; undefined without lanes. */
  get lastReadAt(): number | undefined {
    let earliest: number | undefined;
    for (const { stream } of this.#lanes.values()) earliest = Math.min(earliest ?? Infinity, stream.lastReadAt);
    return earliest;
  }

  /** The lanes, the youngest first: these go first. */
  youngest(): Lane[] {
    return [...this.#lanes.values()].reverse();
  }

  add(lane: Lane): void {
    this.#lanes.set(lane.id, lane);
    if (lane.inFlight < this.#window) this.#roomy.add(lane);
    this.#gain(this.#window - lane.inFlight);
  }

  /** Takes `lane` out, with what it has in flight. False if it was not in. */
  remove(lane: Lane, inFlight: number): boolean {
    if (!this.#lanes.delete(lane.id)) return false;
    this.#roomy.delete(lane);
    this.#free -= this.#window - inFlight;
    return true;
  }

  /** The lane for the next message: the preferred one if it is here and has room; undefined if none has. */
  pick(preferred: number | undefined): Lane | undefined {
    const wished = preferred === undefined ? undefined : this.#lanes.get(preferred);
    if (wished && this.#roomy.has(wished)) return wished;
    for (const lane of this.#roomy) return lane;
    return undefined;
  }

  /** A message went out on `lane`. */
  taken(lane: Lane): void {
    if (!this.#lanes.has(lane.id)) return;
    this.#free--;
    if (lane.inFlight >= this.#window) this.#roomy.delete(lane);
  }

  /** `count` messages on `lane` are no longer in flight. */
  freed(lane: Lane, count: number): void {
    if (!this.#lanes.has(lane.id)) return;
    if (lane.inFlight < this.#window) this.#roomy.add(lane);
    this.#gain(count);
  }

  /** A new window for all. */
  resize(window: number): void {
    this.#window = window;
    this.#roomy.clear();
    let free = 0;
    for (const lane of this.#lanes.values()) {
      free += window - lane.inFlight;
      if (lane.inFlight < window) this.#roomy.add(lane);
    }
    this.#gain(free - this.#free);
  }

  #gain(count: number): void {
    const before = this.#free;
    this.#free += count;
    if (before > 0 || this.#free <= 0 || this.#telling) return;
    // At the end of this turn a whole chunk of acks has been read: more room, told once.
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      if (this.#free > 0) this.#onRoom();
    });
  }
}
