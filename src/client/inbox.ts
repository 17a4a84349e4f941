import type { Log } from '../lib/log.ts';
import type { JsonObject } from '../protocols/bal/index.ts';
import { Delivery } from './delivery.ts';
import type { Outcome } from './outbox.ts';
import type { Push } from './push.ts';
import { Recent } from './recent.ts';

/** Something that the bridge repeats until it is acknowledged, here or after a restart. */
interface Acknowledgeable {
  /** Call it when the item is dealt with for good. Safe to call twice, and while the connection is down. */
  ack(): void;
}

/** A message of a device. `messageId` is the device's; `data` is the whole `fcm_data`: `from`, `category`, `data`, … */
export interface Upstream extends Acknowledgeable {
  readonly messageId: string;
  readonly data: JsonObject;
  /** What was pushed to an endpoint of yours, if it is that. Then `messageId` is the same for a push that comes again. */
  readonly push?: Push;
}

/** A delivery receipt. `messageId` is that of the message it speaks of; `data` is the whole `fcm_data`. */
export interface Receipt extends Acknowledgeable {
  readonly messageId: string;
  readonly groupId?: string;
  readonly data: JsonObject;
}

/** The outcome of a message that this process did not send, usually because it has restarted since. */
export interface Answer extends Acknowledgeable {
  readonly messageId: string;
  readonly groupId?: string;
  readonly outcome: Outcome;
}

/** One connection, as the inbox sees it. */
export interface Lane {
  /** Names a frame beyond the connection. */
  key(sequence: number): string | number;
  ack(sequence: number): void;
}

/** Remembered acknowledgements: a frame that comes again because its ACK was lost is acknowledged again and not shown. */
const REMEMBERED = 10_000;

/**
 * The frames of the bridge that the backend has to deal with. Each queue holds a window of them; what was not handed out
 * when its connection ends is dropped, because the bridge sends it again.
 */
export class Inbox {
  readonly upstream: Delivery<Upstream>;
  readonly receipts: Delivery<Receipt>;
  readonly answers: Delivery<Answer>;
  readonly #log: Log;
  /** Not acknowledged yet, by key. */
  readonly #open = new Map<string | number, { readonly item: Acknowledgeable; readonly lane: Lane }>();
  /** Connections that have ended. */
  readonly #gone = new WeakSet<Lane>();
  #lanes = 0;
  readonly #acked = new Recent<string | number>(REMEMBERED);

  /** @param limit items that may wait in each queue */
  constructor(limit: number, log: Log) {
    this.upstream = new Delivery(limit);
    this.receipts = new Delivery(limit);
    this.answers = new Delivery(limit);
    this.#log = log;
  }

  /**
   * A new connection.
   * @param local its numbers count within the connection: then they name nothing behind its end [BAL §Framing]
   */
  lane(local: boolean, ack: (sequence: number) => void): Lane {
    if (!local) return { key: (sequence) => sequence, ack };
    const name = ++this.#lanes;
    const lane: Lane = {
      key: (sequence) => `${name}:${sequence}`,
      ack: (sequence) => {
        if (!this.#gone.has(lane)) ack(sequence);
      },
    };
    return lane;
  }

  /**
   * Hands out a frame.
   * @returns false if the bridge sent more than the window allows
   */
  take<T extends Acknowledgeable>(lane: Lane, sequence: number, queue: Delivery<T>, fields: Omit<T, 'ack'>): boolean {
    const key = lane.key(sequence);
    if (this.#acked.has(key)) {
      lane.ack(sequence);
      return true;
    }
    if (this.#open.has(key)) return true; // still with the application: its ack() counts for this copy, too
    const item = { ...fields, ack: () => this.#ack(key, lane, sequence) } as T;
    this.#open.set(key, { item, lane });
    if (!queue.push(item)) return !this.#open.delete(key);
    if (queue.size === queue.limit) this.#log.warn('the window is full of frames that nobody takes');
    return true;
  }

  /** The connection has ended. */
  forget(lane: Lane): void {
    this.#gone.add(lane);
    const keys = new Map<Acknowledgeable, string | number>();
    for (const [key, entry] of this.#open) if (entry.lane === lane) keys.set(entry.item, key);
    const isGone = (item: Acknowledgeable): boolean => {
      const key = keys.get(item);
      return key !== undefined && this.#open.delete(key);
    };
    this.upstream.remove(isGone);
    this.receipts.remove(isGone);
    this.answers.remove(isGone);
  }

  end(): void {
    this.upstream.end();
    this.receipts.end();
    this.answers.end();
  }

  #ack(key: string | number, lane: Lane, sequence: number): void {
    if (!this.#open.delete(key)) return;
    this.#acked.add(key);
    lane.ack(sequence);
  }
}
