import { isClosed, type Receiver, STORE_RETRY_MS } from '../../core/index.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { receiptJson, type ServerMessage } from '../../protocols/ccs/index.ts';

/** Upstream messages and receipts of one connection on their way into the store, at most; CCS itself stops at 100. */
export const UPSTREAM_MAX = 200;

export type Incoming = Extract<ServerMessage, { kind: 'upstream' | 'receipt' }>;

export interface DeskLinks {
  readonly clock: Clock;
  readonly receiver: Receiver;
  /** Acknowledges on the connection that brought it; without effect if that is gone: the server sends again then. */
  ack(to: string, id: string): void;
  /** Reading goes on (`false`) or waits (`true`). */
  pause(paused: boolean): void;
  /** One more is done; `left` are still on their way. */
  done(left: number): void;
  /** The store did not take it. Told once for each, however often it is offered. */
  refused(error: unknown): void;
}

/**
 * Hands what devices send to the core, and acknowledges after the commit. What the store does not take stays here and is
 * offered again, all together after a pause: the server would not send it before the next login, and it fills one of its
 * few places until then.
 */
export class UpstreamDesk {
  readonly #links: DeskLinks;
  #taken = 0;
  #pending = 0;
  #paused = false;
  /** Refused by the store, and what came after that. */
  #waiting: Item[] = [];
  /** Runs while something waits. */
  #timer: Timer | undefined;
  #ended = false;

  constructor(links: DeskLinks) {
    this.#links = links;
  }

  /** How many are on their way into the store. */
  get pending(): number {
    return this.#pending;
  }

  take(incoming: Incoming): void {
    this.#pending++;
    if (!this.#paused && this.#pending >= UPSTREAM_MAX) {
      this.#paused = true;
      this.#links.pause(true);
    }
    const item = { incoming, number: this.#taken++, refused: false };
    if (this.#timer) this.#waiting.push(item);
    else void this.#store(item);
  }

  /** No ack can go out any more: what waits is the server's to send again, and nothing is offered twice from now on. */
  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pending -= this.#waiting.length;
    this.#waiting = [];
  }

  async #store(item: Item): Promise<void> {
    const { receiver, ack, refused } = this.#links;
    const { incoming } = item;
    try {
      await (incoming.kind === 'upstream' ? upstream(receiver, incoming) : receipt(receiver, incoming));
      ack(incoming.from, incoming.id);
    } catch (error) {
      if (!item.refused) refused(error);
      if (!this.#ended && !isClosed(error)) {
        this.#wait({ ...item, refused: true });
        return;
      }
    }
    this.#pending--;
    if (this.#paused && this.#pending <= UPSTREAM_MAX / 2) {
      this.#paused = false;
      this.#links.pause(false);
    }
    this.#links.done(this.#pending);
  }

  #wait(item: Item): void {
    this.#waiting.push(item);
    this.#timer ??= this.#links.clock.after(STORE_RETRY_MS, () => {
      this.#timer = undefined;
      const inOrder = this.#waiting.splice(0).sort((a, b) => a.number - b.number);
      for (const waiting of inOrder) void this.#store(waiting);
    });
  }
}

interface Item {
  readonly incoming: Incoming;
  /** The place in the order of arrival. */
  readonly number: number;
  /** The store has refused it before. */
  readonly refused: boolean;
}

function upstream(receiver: Receiver, { from, id, category, json }: Incoming & { kind: 'upstream' }): Promise<void> {
  return receiver.upstream({ from, id, session: category, data: json });
}

function receipt(receiver: Receiver, { from, id, wireId, fields }: Incoming & { kind: 'receipt' }): Promise<void> {
  return receiver.receipt({ from, id, wireId, data: (messageId) => receiptJson(fields, messageId) });
}
