import type { SenderOptions } from './options.ts';

/** A connection that waits for the outcome of a message. */
export interface Holder {
  /** Another connection of the sender has submitted this id again: the outcome goes there. */
  lose(messageId: string): void;
}

/** The name of a sender's session in the core. */
export const sessionOf = (senderId: string): string => `ccs:${senderId}`;

/** What belongs to a sender id as long as the door runs. */
export class Sender {
  readonly id: string;
  /** Its session in the core. */
  readonly session: string;
  readonly provider: string;
  readonly #maxConnections: number;
  readonly #holders = new Map<string, Holder>();
  #connections = 0;

  constructor({ id, provider }: SenderOptions, maxConnections: number) {
    this.id = id;
    this.session = sessionOf(id);
    this.provider = provider;
    this.#maxConnections = maxConnections;
  }

  /** Whether it may have one more connection; if so, that is counted until {@link leave}. */
  admit(): boolean {
    if (this.#connections >= this.#maxConnections) return false;
    this.#connections++;
    return true;
  }

  leave(): void {
    this.#connections--;
  }

  /** The outcome of this id is due on `holder` from now on, and nowhere else. */
  hold(messageId: string, holder: Holder): void {
    const before = this.#holders.get(messageId);
    this.#holders.set(messageId, holder);
    if (before && before !== holder) before.lose(messageId);
  }

  /** `holder` waits for it no more. */
  release(messageId: string, holder: Holder): void {
    if (this.#holders.get(messageId) === holder) this.#holders.delete(messageId);
  }
}
