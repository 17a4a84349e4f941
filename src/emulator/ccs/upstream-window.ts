import type { Upstream } from './sender.ts';
import type { World } from './world.ts';

/** Acks that are remembered, to know a repeated ack from a foreign one. */
const REMEMBERED = 4_096;

/** What one connection has sent upstream and the app server has not acked. */
export class UpstreamWindow {
  readonly #world: World;
  readonly #connection: number;
  readonly #unacked = new Map<string, Upstream>();
  readonly #acked = new Set<string>();

  constructor(world: World, connection: number) {
    this.#world = world;
    this.#connection = connection;
  }

  get size(): number {
    return this.#unacked.size;
  }

  unacked(): Iterable<Upstream> {
    return this.#unacked.values();
  }

  sent(item: Upstream): void {
    this.#unacked.set(keyOf(item.from, item.id), item);
    this.#world.watch.upstreamSent?.(item.from, item.id);
    this.#world.upstream.seen(item.id, this.#connection);
  }

  /** Takes an ack; false if nothing of that name was sent over this connection. A repeated ack is harmless. */
  acked(from: string, id: string): boolean {
    const key = keyOf(from, id);
    if (!this.#unacked.delete(key)) return this.#acked.has(key);
    this.#world.watch.upstreamAcked?.(from, id);
    this.#world.counters.upstreamAcked++;
    this.#world.upstream.answered(id, 'acks');
    this.#acked.add(key);
    if (this.#acked.size > REMEMBERED) {
      const [oldest] = this.#acked;
      if (oldest !== undefined) this.#acked.delete(oldest);
    }
    return true;
  }
}

/** Devices choose their message_ids on their own: only both together name a message. */
const keyOf = (from: string, id: string): string => `${from}\n${id}`;
