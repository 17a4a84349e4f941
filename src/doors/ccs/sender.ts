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
  readonly #holders = new Map<string, { readonly holder: Holder; readonly digest: string }>();
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

  /** Whether a connection waits for the outcome of another message under this id. */
  conflicts(messageId: string, digest: string): boolean {
    const held = this.#holders.get(messageId);
    return held !== undefined && held.digest !== digest;
  }

  /**
   * The outcome of this id is due on `holder` from now on, and nowhere else.
   * @returns who waited for it before, and has to be told as soon as `holder` has asked the store
   */
  hold(messageId: string, digest: string, holder: Holder): Holder | undefined {
    const before = this.#holders.get(messageId)?.holder;
    this.#holders.set(messageId, { holder, digest });
    return before === holder ? undefined : before;
  }

  /** `holder` waits for it no more. */
  release(messageId: string, holder: Holder): void {
    if (this.#holders.get(messageId)?.holder === holder) this.#holders.delete(messageId);
  }
}
