import type { Receiver } from '../../core/index.ts';
import { receiptJson, type ServerMessage } from '../../protocols/ccs/index.ts';

/** Upstream messages and receipts of one connection on their way into the store, at most; CCS itself stops at 100. */
export const UPSTREAM_MAX = 200;

export type Incoming = Extract<ServerMessage, { kind: 'upstream' | 'receipt' }>;

export interface DeskLinks {
  readonly receiver: Receiver;
  /** Acknowledges on the connection that brought it; without effect if that is gone: the server sends again then. */
  ack(to: string, id: string): void;
  /** Reading goes on (`false`) or waits (`true`). */
  pause(paused: boolean): void;
  /** One more is done; `left` are still on their way. */
  done(left: number): void;
  /** The store did not take it: no ack, the server sends it again over a later connection. */
  failed(error: unknown): void;
}

/** Hands what devices send to the core, and acknowledges after the commit. */
export class UpstreamDesk {
  readonly #links: DeskLinks;
  #pending = 0;
  #paused = false;

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
    void this.#store(incoming);
  }

  async #store(incoming: Incoming): Promise<void> {
    const { receiver } = this.#links;
    try {
      await (incoming.kind === 'upstream' ? upstream(receiver, incoming) : receipt(receiver, incoming));
      this.#links.ack(incoming.from, incoming.id);
    } catch (error) {
      this.#links.failed(error);
    }
    this.#pending--;
    if (this.#paused && this.#pending <= UPSTREAM_MAX / 2) {
      this.#paused = false;
      this.#links.pause(false);
    }
    this.#links.done(this.#pending);
  }
}

function upstream(receiver: Receiver, { from, id, category, json }: Incoming & { kind: 'upstream' }): Promise<void> {
  return receiver.upstream({ from, id, session: category, data: json });
}

function receipt(receiver: Receiver, { from, id, wireId, fields }: Incoming & { kind: 'receipt' }): Promise<void> {
  return receiver.receipt({ from, id, wireId, data: (messageId) => receiptJson(fields, messageId) });
}
