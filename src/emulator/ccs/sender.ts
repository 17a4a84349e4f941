import type { Counters } from './counters.ts';

/** Something on its way to the app server: a message of a device, or a receipt. */
export interface Upstream {
  readonly id: string;
  readonly from: string;
  readonly json: string;
  /** Milliseconds since the epoch after which it is not worth sending. */
  readonly expiresAt: number | undefined;
  /** How often it has been sent. */
  sent: number;
}

/** A connection as its sender sees it. */
export interface UpstreamPeer {
  /** How many more upstream messages it takes now. */
  readonly upstreamRoom: number;
  sendUpstream(item: Upstream): void;
}

/** A queue that shifts in constant time. */
class Fifo<T> {
  #items: T[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  unshift(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    if (++this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

/** Upstream messages that wait for a connection, at most. */
export const MAX_QUEUE = 1_000_000;

/** What belongs to a sender id: its connections, and what waits to be sent to it on any of them. */
export class Sender {
  readonly id: string;
  readonly #counters: () => Counters;
  readonly #now: () => number;
  readonly #peers = new Set<UpstreamPeer>();
  readonly #queue = new Fifo<Upstream>();
  /** Sent over a connection that is gone, and not acked there: they wait for the next login. */
  #orphans: Upstream[] = [];
  readonly #bursts: Iterator<Upstream>[] = [];

  constructor(id: string, counters: () => Counters, now: () => number) {
    this.id = id;
    this.#counters = counters;
    this.#now = now;
  }

  get connections(): number {
    return this.#peers.size;
  }

  /** What waits: in the queue, and for the next login. Bursts that have not begun are not counted. */
  get waiting(): number {
    return this.#queue.size + this.#orphans.length;
  }

  /** Nobody is logged in, and nothing waits for anybody. */
  get idle(): boolean {
    return this.connections === 0 && this.waiting === 0 && this.#bursts.length === 0;
  }

  /** A connection has logged in: what other connections left un-acked is sent again. [fcm.md §1.8] */
  join(peer: UpstreamPeer): void {
    this.#peers.add(peer);
    this.#queue.unshift(this.#orphans);
    this.#orphans = [];
    // The newcomer first: it is what the orphans have waited for.
    this.#fill(peer);
    this.pump();
  }

  /** A connection is gone, with these messages un-acked. */
  leave(peer: UpstreamPeer, unacked: Iterable<Upstream>): void {
    this.#peers.delete(peer);
    this.#orphans.push(...unacked);
  }

  /** Queues a message for any connection. */
  offer(item: Upstream): void {
    if (this.waiting >= MAX_QUEUE) {
      this.#counters().upstreamDropped++;
      return;
    }
    this.#queue.push(item);
    this.pump();
  }

  /** Sends what `items` yields, made only as fast as the connections take it. */
  burst(items: Iterator<Upstream>): void {
    this.#bursts.push(items);
    this.pump();
  }

  /** Sends as long as a connection has room, each in its turn. */
  pump(): void {
    for (let moved = true; moved; ) {
      moved = false;
      for (const peer of this.#peers) {
        if (peer.upstreamRoom <= 0) continue;
        const item = this.#next();
        if (!item) return;
        moved = true;
        peer.sendUpstream(item);
      }
    }
  }

  #fill(peer: UpstreamPeer): void {
    while (peer.upstreamRoom > 0) {
      const item = this.#next();
      if (!item) return;
      peer.sendUpstream(item);
    }
  }

  #next(): Upstream | undefined {
    for (;;) {
      const item = this.#queue.shift() ?? this.#nextOfBurst();
      if (!item) return undefined;
      if (item.expiresAt === undefined || item.expiresAt >= this.#now()) return item;
      this.#counters().upstreamDropped++;
    }
  }

  #nextOfBurst(): Upstream | undefined {
    for (;;) {
      const burst = this.#bursts[0];
      if (!burst) return undefined;
      const { value, done } = burst.next();
      if (!done) return value;
      this.#bursts.shift();
    }
  }
}
