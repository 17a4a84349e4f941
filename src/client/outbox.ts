import type { JsonObject } from '../protocols/bal/index.ts';
import { BalClientError } from './errors.ts';
import { Recent } from './recent.ts';

/** What became of a message: exactly one of these, once. */
export type Outcome =
  /** The service took it. `registrationId` is the token to use from now on, if it changed; `data` the whole answer. */
  | { readonly kind: 'ack'; readonly registrationId?: string; readonly data: JsonObject }
  /** It was refused for good. `taken` says whether the bridge had stored it before. */
  | {
      readonly kind: 'reject';
      readonly code: string;
      readonly text: string;
      readonly taken: boolean;
      readonly data: JsonObject;
    };

/** A message on its way. Nobody has to wait for either promise: neither ever becomes an unhandled rejection. */
export interface Sent {
  readonly messageId: string;
  /** The bridge has stored the message. Rejects with REJECTED if it was refused at the door, CLOSED if the client ends. */
  readonly taken: Promise<void>;
  /** Rejects only with CLOSED: what the bridge or the service says is a value. */
  readonly outcome: Promise<Outcome>;
}

interface Entry {
  readonly id: string;
  readonly frame: Buffer;
  readonly takenBox: PromiseWithResolvers<void>;
  readonly outcomeBox: PromiseWithResolvers<Outcome>;
  /** The bridge has confirmed it at some time. */
  taken: boolean;
  /** Written to the present connection and not yet confirmed there. */
  inFlight: boolean;
}

interface Waiting {
  readonly id: string;
  readonly frame: Buffer;
  readonly box: PromiseWithResolvers<Sent>;
}

export interface OutboxLimits {
  readonly maxUnsettled: number;
  readonly maxUnsettledBytes: number;
  readonly maxInFlightBytes: number;
}

/** The messages without an outcome, in the order of `send`. Each is written again on every new connection. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #entries = new Map<string, Entry>();
  /** Ids of settled messages: a late repeat of their answer is no news. */
  readonly #settled: Recent<string>;
  /** Calls of `send` that wait for room, in order. */
  #waiting = new Map<string, Waiting>();
  /** What the present connection has yet to be given, from `#next` on. */
  #queue: Entry[] = [];
  #next = 0;
  #bytes = 0;
  #inFlightBytes = 0;
  #untaken = 0;
  #closed: BalClientError | undefined;
  /** Called when there may be something to write or nothing left to wait for. */
  readonly #changed: () => void;

  constructor(limits: OutboxLimits, changed: () => void) {
    this.#limits = limits;
    this.#settled = new Recent(limits.maxUnsettled);
    this.#changed = changed;
  }

  /** Messages without an outcome, those that wait for room included. */
  get size(): number {
    return this.#entries.size + this.#waiting.size;
  }

  /** Of these, messages that the bridge has not confirmed. */
  get untaken(): number {
    return this.#untaken + this.#waiting.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id) || this.#waiting.has(id);
  }

  wasSettled(id: string): boolean {
    return this.#settled.has(id);
  }

  /** Resolves as soon as there is room, in the order of the calls. */
  submit(id: string, frame: Buffer): Promise<Sent> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.has(id)) {
      return Promise.reject(new BalClientError('DUPLICATE_MESSAGE_ID', `message ${id} waits for its outcome`));
    }
    if (this.#waiting.size === 0 && this.#fits(frame)) return Promise.resolve(this.#add(id, frame));
    const box = Promise.withResolvers<Sent>();
    this.#waiting.set(id, { id, frame, box });
    return box.promise;
  }

  /** A new connection: everything without an outcome is to be written again, in the original order. */
  restart(): void {
    for (const entry of this.#entries.values()) entry.inFlight = false;
    this.#inFlightBytes = 0;
    this.#queue = [...this.#entries.values()];
    this.#next = 0;
  }

  /** Writes what may be written now. */
  pump(write: (frame: Buffer) => void): void {
    for (let entry = this.#queue[this.#next]; entry; entry = this.#queue[++this.#next]) {
      if (this.#entries.get(entry.id) !== entry) continue; // settled before its turn came
      const room = this.#limits.maxInFlightBytes - this.#inFlightBytes;
      if (this.#inFlightBytes > 0 && entry.frame.length > room) break;
      entry.inFlight = true;
      this.#inFlightBytes += entry.frame.length;
      write(entry.frame);
    }
    if (this.#next > 1_000 || this.#next === this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
  }

  /** The bridge has stored these. Unknown ids are ignored. */
  taken(ids: readonly string[]): void {
    for (const id of ids) {
      const entry = this.#entries.get(id);
      if (!entry) continue;
      this.#landed(entry);
      this.#markTaken(entry);
    }
    this.#changed();
  }

  /** Hands out the outcome; false if no message of this id waits for one. */
  settle(id: string, outcome: Outcome): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    const refusedAtDoor = outcome.kind === 'reject' && !outcome.taken;
    this.#landed(entry);
    // A refusal at the door never settles a message that is stored already [BAL §Downstream rules]: it was the repeat
    // that was refused, and the outcome is still to come.
    if (refusedAtDoor && entry.taken) {
      this.#changed();
      return true;
    }
    this.#entries.delete(id);
    this.#bytes -= entry.frame.length;
    this.#settled.add(id);
    if (refusedAtDoor) {
      this.#untaken--;
      entry.takenBox.reject(new BalClientError('REJECTED', outcome.text, { bridgeCode: outcome.code }));
    } else {
      this.#markTaken(entry);
    }
    entry.outcomeBox.resolve(outcome);
    this.#admit();
    this.#changed();
    return true;
  }

  /** Rejects everything that waits. */
  close(error: BalClientError): void {
    if (this.#closed) return;
    this.#closed = error;
    for (const { box } of this.#waiting.values()) box.reject(error);
    for (const { takenBox, outcomeBox } of this.#entries.values()) {
      takenBox.reject(error);
      outcomeBox.reject(error);
    }
    this.#waiting.clear();
    this.#entries.clear();
    this.#queue = [];
  }

  #fits(frame: Buffer): boolean {
    const { maxUnsettled, maxUnsettledBytes } = this.#limits;
    if (this.#entries.size >= maxUnsettled) return false;
    return this.#entries.size === 0 || this.#bytes + frame.length <= maxUnsettledBytes;
  }

  #admit(): void {
    for (const { id, frame, box } of this.#waiting.values()) {
      if (!this.#fits(frame)) break;
      this.#waiting.delete(id);
      box.resolve(this.#add(id, frame));
    }
  }

  #add(id: string, frame: Buffer): Sent {
    const takenBox = Promise.withResolvers<void>();
    const outcomeBox = Promise.withResolvers<Outcome>();
    takenBox.promise.catch(() => {}); // nobody has to listen
    outcomeBox.promise.catch(() => {});
    const entry = { id, frame, takenBox, outcomeBox, taken: false, inFlight: false };
    this.#entries.set(id, entry);
    this.#queue.push(entry);
    this.#bytes += frame.length;
    this.#untaken++;
    this.#changed();
    return { messageId: id, taken: takenBox.promise, outcome: outcomeBox.promise };
  }

  #landed(entry: Entry): void {
    if (!entry.inFlight) return;
    entry.inFlight = false;
    this.#inFlightBytes -= entry.frame.length;
  }

  #markTaken(entry: Entry): void {
    if (entry.taken) return;
    entry.taken = true;
    this.#untaken--;
    entry.takenBox.resolve();
  }
}
