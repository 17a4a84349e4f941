import { Findings } from './findings.ts';
import { GroupOrder, type Place } from './groups.ts';
import type { Entry } from './journal.ts';
import { MessageBook } from './message-book.ts';
import { SequenceBook } from './sequences.ts';
import { UpstreamBook } from './upstream-book.ts';

/** A message as its backend submits it. */
export interface Sent {
  readonly session: string;
  readonly id: string;
  readonly group?: Place;
  readonly receipt: boolean;
  /** Its final outcome: `ack`, or the code of the refusal. */
  readonly expect: string;
}

export interface BooksOptions {
  /** How long what is settled is remembered, in milliseconds: a repeat of it later is a violation. */
  readonly windowMs: number;
  readonly now: () => number;
  readonly findings?: Findings;
}

/** The codes that mean "later". */
const TRANSIENT: ReadonlySet<string> = new Set([
  'SERVICE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
  'DEVICE_MESSAGE_RATE_EXCEEDED',
  'TOPICS_MESSAGE_RATE_EXCEEDED',
  'CONNECTION_DRAINING',
]);

/**
 * The witness of a trial: is told what the backends do and see, and what the service's journal says, and holds the one
 * against the other. What is settled is judged and forgotten after a window, so that it can go on for days.
 */
export class Books {
  readonly findings: Findings;
  readonly messages: MessageBook;
  readonly upstream: UpstreamBook;
  readonly #groups: GroupOrder;
  readonly #sequences = new Map<string, SequenceBook>();
  readonly #options: BooksOptions;

  constructor(options: BooksOptions) {
    this.#options = options;
    this.findings = options.findings ?? new Findings();
    this.messages = new MessageBook(this.findings);
    this.upstream = new UpstreamBook(this.findings);
    this.#groups = new GroupOrder(this.findings);
  }

  /** A backend submits this message, for the first time or again. */
  submit(sent: Sent): void {
    this.messages.submit(sent, this.#sequence(sent.session).max);
  }

  /** A backend was told that these are taken. */
  taken(session: string, ids: readonly string[]): void {
    for (const id of ids) this.messages.taken(session, id);
  }

  /** A final outcome has come: `ack`, or the code of a refusal. */
  outcome(session: string, id: string, sequence: number, kind: string): void {
    const floor = this.messages.floor(session, id);
    const fresh = this.#sequence(session).seen(sequence, `outcome of ${id}`, floor, this.#options.now());
    this.messages.outcome(session, id, fresh, kind, this.#options.now());
  }

  /** A device is about to send this. Again, if the service has forgotten it. */
  offered(session: string, id: string): void {
    this.upstream.offered(session, id, this.#sequence(session).max);
  }

  /** An upstream message has come to a backend. */
  upstreamCame(session: string, id: string, sequence: number): void {
    const now = this.#options.now();
    const fresh = this.#sequence(session).seen(sequence, `upstream ${id}`, this.upstream.floor(session, id), now);
    this.upstream.came(session, id, fresh, now);
  }

  /** A receipt for this message has come to a backend. */
  receiptCame(session: string, id: string, sequence: number): void {
    const now = this.#options.now();
    const floor = this.messages.floor(session, id);
    const fresh = this.#sequence(session).seen(sequence, `receipt of ${id}`, floor, now);
    this.messages.receiptCame(session, id, fresh, now);
  }

  /** The next line of the service's journal. */
  journal(entry: Entry): void {
    const [kind, id, detail] = entry;
    if (kind === 'start') this.messages.serviceStarted();
    else if (kind === 'up') this.messages.receiptSent(detail);
    else if (kind === 'ack') {
      if (!this.messages.receiptAcked(detail)) this.upstream.acked(detail);
    } else if (kind === 'in') {
      const group = this.messages.arrived(id, detail)?.group;
      if (group) this.#groups.arrived(group);
    } else {
      const group = this.messages.byWire(id)?.group;
      if (group && !(detail !== null && TRANSIENT.has(detail))) this.#groups.answered(group);
    }
  }

  /** Judges and forgets what was settled longer ago than the window. */
  forget(): void {
    const then = this.#options.now() - this.#options.windowMs;
    this.messages.forget(then);
    this.upstream.forget(then);
    for (const book of this.#sequences.values()) book.forget(then);
  }

  /** What is remembered just now, in entries of any kind. */
  get size(): number {
    let size = this.messages.size + this.upstream.size;
    for (const book of this.#sequences.values()) size += book.size;
    return size;
  }

  /** What is still to come, in words for a line of status; undefined if nothing is. */
  get open(): string | undefined {
    const { unsettled, receiptsOpen } = this.messages;
    const upstream = this.upstream.open;
    if (unsettled + receiptsOpen + upstream === 0) return undefined;
    return `${unsettled} without an outcome, ${receiptsOpen} receipts and ${upstream} upstream messages on their way`;
  }

  /** The trial is over and nothing more comes: judges all that is left. */
  close(): void {
    this.messages.close();
    this.upstream.close();
    for (const book of this.#sequences.values()) book.close();
  }

  #sequence(session: string): SequenceBook {
    const book = this.#sequences.get(session) ?? new SequenceBook(session, this.findings);
    this.#sequences.set(session, book);
    return book;
  }
}
