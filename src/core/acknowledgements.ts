import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { STORE_RETRY_MS } from './ports.ts';
import { tellRefusal } from './refusal.ts';
import type { Sessions } from './sessions.ts';

/** Numbers that wait for the store, at most, before reading stops. */
const WAITING_MAX = 10_000;

export interface AcknowledgementsDeps {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the connection does with the results. */
export interface AcknowledgementsEvents {
  /** One call of `push` named numbers that were never issued. Once for each call. */
  unknown?(): void;
  /** Fewer wait than before. */
  stored(): void;
}

/**
 * The way of acknowledgements from one connection into the store: one call at a time, and what comes meanwhile goes together
 * in the next. A store that refuses is asked again: nothing is resent on a living connection, so nobody would
 * acknowledge these frames a second time.
 */
export class Acknowledgements {
  readonly #session: string;
  readonly #deps: AcknowledgementsDeps;
  readonly #events: AcknowledgementsEvents;
  #frames: (readonly number[])[] = [];
  #numbers = 0;
  #scheduled = false;
  #storing = false;
  #closed = false;

  constructor(session: string, deps: AcknowledgementsDeps, events: AcknowledgementsEvents) {
    this.#session = session;
    this.#deps = deps;
    this.#events = events;
  }

  /** Takes what one frame or stanza acknowledged. What comes within one turn of the event loop goes together. */
  push(numbers: readonly number[]): void {
    this.#frames.push(numbers);
    this.#numbers += numbers.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#storing) void this.#store();
    });
  }

  /** Whether reading should stop. */
  get overfull(): boolean {
    return this.#numbers > WAITING_MAX;
  }

  /** The connection is gone: what is left goes to the store once, and nobody waits for the answer. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const left = this.#frames.splice(0).flat();
    if (left.length > 0) this.#deps.sessions.acknowledge(this.#session, left).catch((error) => this.#refused(error));
  }

  async #store(): Promise<void> {
    const { sessions, clock } = this.#deps;
    this.#storing = true;
    while (this.#frames.length > 0) {
      const batch = this.#frames.splice(0);
      const numbers = batch.flat();
      try {
        const acked = await sessions.acknowledge(this.#session, numbers);
        this.#numbers -= numbers.length;
        let at = 0;
        for (const { length } of batch) {
          if (acked.slice(at, at + length).includes('unknown')) this.#events.unknown?.();
          at += length;
        }
        this.#events.stored();
      } catch (error) {
        this.#refused(error);
        if (this.#closed) break; // whoever gets these frames next acknowledges them again
        this.#frames.unshift(...batch);
        await new Promise<void>((resolve) => clock.after(STORE_RETRY_MS, resolve));
      }
    }
    this.#storing = false;
  }

  #refused(error: unknown): void {
    tellRefusal(this.#deps.log, 'acknowledgements not stored', error, { session: this.#session });
  }
}
