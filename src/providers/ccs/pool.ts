import { createPool, type Pool } from 'generic-pool';
import type { Clock } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import type { Lane } from './lane.ts';
import { Lanes } from './lanes.ts';
import { type LoginLinks, Logins } from './logins.ts';
import { POOL_MAX } from './options.ts';

/** Logins at once while all is well. While they fail, the gate lets one through at a time. */
const LOGINS_AT_ONCE = 4;

/** What may change while the pool runs. */
export interface PoolSize {
  readonly min: number;
  readonly max: number;
  readonly window: number;
}

export interface PoolLinks extends LoginLinks {
  readonly clock: Clock;
  readonly idleMs: number;
  readonly drainTimeoutMs: number;
  readonly drainingMax: number;
  /** Room appeared where there was none. */
  onRoom(): void;
}

/**
 * The connections of a provider. `generic-pool` makes, validates and evicts them, with a hard maximum; this class decides
 * how many are borrowed, between `min` and `max`, which may change while it runs. A borrowed one is a lane that takes work.
 */
export class LanePool {
  readonly #links: PoolLinks;
  readonly #pool: Pool<Lane>;
  #size: PoolSize;
  /** Borrowed and open. */
  readonly #lanes: Lanes;
  /** Left by us, because the server said so; oldest first. */
  readonly #draining = new Set<Lane>();
  readonly #logins: Logins;
  /** Every connection that has logged in and not ended, in whatever state. */
  readonly #all = new Set<Lane>();
  /** How many lanes are wanted: one more while all are full, and as many as before when one is lost. */
  #target = 0;
  #growing = 0;
  #stopped = false;

  constructor(links: PoolLinks, size: PoolSize) {
    this.#links = links;
    this.#size = size;
    this.#logins = new Logins(links);
    this.#lanes = new Lanes(size.window, () => !this.#stopped && links.onRoom());
    this.#pool = createPool<Lane>(
      {
        create: () => this.#open(),
        // While stopping anything will do: a borrower that waits must be told, or the pool would try again for ever.
        validate: async (lane) => lane.state === 'open' || this.#stopped,
        destroy: async (lane) => this.#leave(lane),
      },
      {
        min: 0,
        max: POOL_MAX,
        testOnBorrow: true,
        autostart: false,
        evictionRunIntervalMillis: 1_000,
        numTestsPerEvictionRun: POOL_MAX,
        idleTimeoutMillis: 1,
      },
    );
    this.#pool.on('factoryCreateError', (error) => this.#links.log.error('pool failed', { error: reason(error) }));
  }

  get size(): PoolSize {
    return this.#size;
  }

  /** Every connection that lives, for sweeps and for the end. */
  get all(): ReadonlySet<Lane> {
    return this.#all;
  }

  get open(): number {
    return this.#lanes.size;
  }

  get draining(): number {
    return this.#draining.size;
  }

  get connecting(): number {
    return this.#logins.running;
  }

  /** Free places in all windows together. */
  get room(): number {
    return this.#stopped ? 0 : Math.max(0, this.#lanes.free);
  }

  /** Messages in the windows of open lanes. */
  get used(): number {
    return this.#lanes.used;
  }

  /** See {@link Lanes.lastReadAt}. */
  get lastReadAt(): number | undefined {
    return this.#lanes.lastReadAt;
  }

  start(): void {
    this.#pool.start();
    this.#grow();
  }

  /** The lane for the next message; undefined if none has room. See {@link Lanes.pick}. */
  pick(preferred: number | undefined): Lane | undefined {
    return this.#lanes.pick(preferred);
  }

  /** A message went out on `lane`. */
  taken(lane: Lane): void {
    this.#lanes.taken(lane);
    if (this.#lanes.free <= 0) this.#grow();
  }

  /** `count` messages on `lane` got their outcome. */
  freed(lane: Lane, count = 1): void {
    this.#lanes.freed(lane, count);
  }

  /** The server asked us to leave this connection: it takes no more work, and another is borrowed at once. */
  drain(lane: Lane): void {
    if (lane.state !== 'open') return;
    lane.drain();
    this.#links.count('drain');
    if (this.#all.has(lane)) this.#links.gate.dropped(lane);
    this.#links.log.info('connection drains', { lane: lane.id, inFlight: lane.inFlight });
    this.#abandon(lane);
  }

  /** We leave this connection when its messages are answered. */
  retire(lane: Lane): void {
    if (lane.state !== 'open') return;
    lane.retire();
    this.#abandon(lane);
  }

  /** The connection is no more, with what it had in flight. */
  ended(lane: Lane, inFlight: number): void {
    this.#all.delete(lane);
    this.#draining.delete(lane);
    this.#abandon(lane, inFlight);
  }

  /** A connection beside the lanes, for the probe. Undefined when the pool stops. */
  async borrow(): Promise<Lane | undefined> {
    for (;;) {
      if (this.#stopped) return undefined;
      const lane = await this.#pool.acquire();
      if (lane.state === 'open' && !this.#stopped) return lane;
      this.giveBack(lane);
    }
  }

  giveBack(lane: Lane): void {
    if (!this.#pool.isBorrowedResource(lane)) return;
    void (lane.state === 'open' && !this.#stopped ? this.#pool.release(lane) : this.#pool.destroy(lane));
  }

  /** Sets new bounds. What is too much goes when its messages are answered. */
  resize(size: PoolSize): void {
    this.#size = size;
    this.#lanes.resize(size.window);
    this.#target = Math.min(this.#target, size.max);
    for (const lane of this.#lanes.youngest()) {
      if (this.#lanes.size <= size.max) break;
      this.retire(lane);
    }
    this.#grow();
  }

  /** Gives idle lanes back, and closes draining ones that the server forgot. `now` is monotonic. */
  sweep(now: number): void {
    for (const lane of this.#draining) {
      if (now - lane.changedAt >= this.#links.drainTimeoutMs) void lane.close();
    }
    for (const lane of this.#lanes.youngest()) {
      if (this.#lanes.size <= this.#size.min) break;
      if (lane.inFlight > 0 || now - lane.usedAt < this.#links.idleMs) continue;
      this.#lanes.remove(lane, 0);
      this.#target = this.#lanes.size;
      this.giveBack(lane);
    }
    this.#grow();
  }

  /** Stops borrowing. Lanes stay until {@link close}. */
  stop(): void {
    this.#stopped = true;
    this.#logins.stop();
  }

  /** Closes every connection in order and waits for the end of all. */
  async close(): Promise<void> {
    this.stop();
    await Promise.all([...this.#all].map((lane) => lane.close()));
    for (const lane of this.#lanes.youngest()) this.giveBack(lane);
    await this.#pool.drain();
    await this.#pool.clear();
  }

  async #open(): Promise<Lane> {
    const lane = await this.#logins.open();
    if (lane.state !== 'closed') this.#all.add(lane);
    return lane;
  }

  /** Borrows up to what is wanted. */
  #grow(): void {
    const { min, max } = this.#size;
    if (this.#lanes.free <= 0 && this.#lanes.size >= this.#target) this.#target = this.#lanes.size + 1;
    this.#target = Math.min(max, Math.max(min, this.#target));
    while (!this.#stopped && this.#growing < LOGINS_AT_ONCE && this.#lanes.size + this.#growing < this.#target) {
      this.#growing++;
      this.#pool.acquire().then(
        (lane) => this.#welcome(lane),
        (error) => {
          this.#growing--;
          this.#links.log.error('pool failed', { error: reason(error) });
        },
      );
    }
  }

  #welcome(lane: Lane): void {
    this.#growing--;
    if (this.#stopped || lane.state !== 'open' || this.#lanes.size >= this.#size.max) this.giveBack(lane);
    else {
      lane.usedAt = this.#links.clock.monotonic();
      this.#lanes.add(lane);
    }
    this.#grow();
  }

  /** Takes `lane` out of the lanes and of the pool; `destroy` decides what becomes of it by its state. */
  #abandon(lane: Lane, inFlight = lane.inFlight): void {
    this.#lanes.remove(lane, inFlight);
    if (this.#pool.isBorrowedResource(lane)) void this.#pool.destroy(lane);
    this.#grow();
  }

  /** The end of a pooled connection: a draining one waits for its server, within bounds. */
  #leave(lane: Lane): void {
    if (lane.state === 'open') lane.retire();
    if (lane.state !== 'draining') return;
    this.#draining.add(lane);
    const [oldest] = this.#draining;
    if (this.#draining.size > this.#links.drainingMax && oldest) {
      this.#draining.delete(oldest);
      this.#links.count('drain_overflow');
      void oldest.close();
    }
  }
}
