import type { Acked, InboxFrame, Notice } from '../../core/index.ts';
import { CLAIM_BYTES } from '../../core/ports.ts';
import { type Candidates, giveBack, merge } from './candidates.ts';
import type { Context } from './context.ts';
import { type Lane, Lanes } from './lane.ts';
import type { SessionRow } from './ledger.ts';
import { Mailboxes } from './mailboxes.ts';
import { type NoticeRow, noticeOf, noticeValues } from './rows.ts';
import { change, select } from './sql.ts';

/** Frame numbers: the session's number above, its sequence below. */
const SEQUENCES = 2 ** 40;
/** How many frame numbers are read at once. */
const PAGE_ROWS = 256;

/** What waits for the sessions. A lane for each open mailbox, and one for what belongs to no connection. */
export class Inbox {
  readonly #context: Context;
  readonly #lanes = new Lanes();
  readonly #mailboxes: Mailboxes;
  /** Numbers of frames on loan. */
  readonly #claimed = new Set<number>();
  readonly #add;
  readonly #addAnswer;
  readonly #page;
  readonly #frame;
  readonly #delete;
  readonly #mailboxOf;
  readonly #oldest;
  readonly #setMailbox;

  constructor(context: Context) {
    const { db, transaction } = context;
    this.#context = context;
    this.#mailboxes = new Mailboxes(db, transaction, SEQUENCES);
    this.#add = change(db, 'INSERT INTO inbox VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?, ?)');
    this.#addAnswer = change(db, 'INSERT INTO inbox (number, mailbox, at, answers) VALUES (?, ?, ?, ?)');
    this.#page = select<{ number: number }>(
      db,
      'SELECT number FROM inbox WHERE mailbox = ? AND number > ? AND number < ? ORDER BY number LIMIT ?',
    );
    const columns = ['type', 'notice_id', 'group_id', 'error', 'error_string', 'data'];
    const either = columns.map((name) => `iif(answers IS NULL, inbox.${name}, outcomes.${name}) AS ${name}`);
    this.#frame = select<NoticeRow>(
      db,
      `SELECT ${either} FROM inbox LEFT JOIN outcomes ON outcomes.id = answers WHERE number = ?`,
    );
    this.#delete = change(db, 'DELETE FROM inbox WHERE number = ?');
    this.#mailboxOf = select<{ mailbox: number }>(db, 'SELECT mailbox FROM inbox WHERE number = ?');
    this.#oldest = select<{ at: number }>(
      db,
      'SELECT at FROM inbox WHERE number > ? AND number < ? ORDER BY number LIMIT 1',
    );
    this.#setMailbox = change(db, 'UPDATE inbox SET mailbox = ? WHERE number = ?');
  }

  /** When the oldest frame of a session came. */
  oldestAt(session: number): number | undefined {
    return this.#oldest.get(...rangeOf(session))?.at;
  }

  sequenceOf(number: number): number {
    return number % SEQUENCES;
  }

  /** After a rollback. */
  reset(): void {
    this.#lanes.reset();
  }

  /** The mailbox itself while it is open, afterwards mailbox 0. */
  resolve(mailbox: number): number {
    return this.#mailboxes.isOpen(mailbox) ? mailbox : 0;
  }

  /** A frame with its own content. @returns its sequence */
  add(session: number, mailbox: number, at: number, notice: Notice): number {
    const number = this.#nextNumber(session, mailbox);
    this.#add.run(number, mailbox, at, ...noticeValues(notice));
    return number % SEQUENCES;
  }

  /** A frame that carries an outcome. @returns its number */
  addAnswer(session: number, mailbox: number, at: number, outcome: number): number {
    const number = this.#nextNumber(session, mailbox);
    this.#addAnswer.run(number, mailbox, at, outcome);
    return number;
  }

  /** Gives a waiting frame to another mailbox; a claim on it stays. False if it no longer waits. */
  move(number: number, mailbox: number): boolean {
    if (this.#setMailbox.run(mailbox, number).changes === 0) return false;
    this.#offer(number, mailbox);
    return true;
  }

  claim(name: string, mailboxes: readonly number[], room: number): InboxFrame[] {
    const session = this.#context.ledger.findSession(name);
    if (!session || session.waiting === 0 || room <= 0) return [];
    const sources = [...new Set(mailboxes)].map((mailbox) => this.#candidates(session.no, mailbox, room));
    if (mailboxes.includes(0)) {
      for (const mailbox of this.#mailboxes.orphansOf(session.no)) {
        sources.push(this.#candidates(session.no, mailbox, room));
      }
    }
    const frames: InboxFrame[] = [];
    let bytes = 0;
    for (const number of merge(sources, room)) {
      const row = this.#frame.get(number);
      if (!row) continue;
      this.#lend(number);
      frames.push({ ...noticeOf(row), sequence: number % SEQUENCES });
      bytes += Buffer.byteLength(row.data);
      if (bytes >= CLAIM_BYTES) break;
    }
    for (const source of sources) giveBack(source);
    return frames;
  }

  ack(name: string, sequences: readonly number[]): Acked[] {
    const session = this.#context.ledger.findSession(name);
    return sequences.map((sequence) => {
      if (!session || !isGiven(session, sequence)) return 'unknown';
      return this.remove(session.no, session.no * SEQUENCES + sequence) ? 'settled' : 'already';
    });
  }

  release(name: string, sequences: readonly number[]): void {
    const session = this.#context.ledger.findSession(name);
    if (!session) return;
    for (const sequence of sequences) {
      if (!isGiven(session, sequence)) continue;
      const number = session.no * SEQUENCES + sequence;
      if (!this.#unlend(number)) continue;
      const row = this.#mailboxOf.get(number);
      if (row) this.#offer(number, row.mailbox);
    }
  }

  /** Takes a frame out for good. False if it is not there. */
  remove(session: number, number: number): boolean {
    if (this.#delete.run(number).changes === 0) return false;
    this.#unlend(number);
    this.#context.ledger.changeSession(session).waiting--;
    return true;
  }

  openMailbox(name: string): number {
    const { ledger } = this.#context;
    const session = ledger.session(name);
    const mailbox = ++ledger.changeState().last_mailbox;
    this.#mailboxes.open(mailbox, session.no);
    return mailbox;
  }

  releaseMailbox(name: string, mailbox: number): void {
    const session = this.#context.ledger.findSession(name);
    if (session && this.#mailboxes.release(mailbox, session.no)) this.#adopt(session.no, mailbox);
  }

  /** Moves a piece of what released mailboxes left behind. True if there is more. */
  adoptOrphans(): boolean {
    for (const [session, mailbox] of this.#mailboxes.orphans()) {
      this.#adopt(session, mailbox);
      return true;
    }
    return false;
  }

  #adopt(session: number, mailbox: number): void {
    for (const number of this.#mailboxes.adopt(session, mailbox)) this.#offer(number, 0);
    this.#lanes.delete(mailbox);
  }

  #nextNumber(no: number, mailbox: number): number {
    const session = this.#context.ledger.changeSession(no);
    session.waiting++;
    this.#context.transaction.inboxWork(session.name, mailbox);
    return no * SEQUENCES + ++session.last_sequence;
  }

  #lane(session: number, mailbox: number): Lane {
    return this.#lanes.of(mailbox === 0 ? -session : mailbox);
  }

  /** A frame of this mailbox may have become claimable. */
  #offer(number: number, mailbox: number): void {
    if (this.#claimed.has(number)) return;
    const session = Math.floor(number / SEQUENCES);
    this.#lane(session, mailbox).offer(number);
    this.#context.transaction.inboxWork(this.#context.ledger.sessionByNo(session).name, this.resolve(mailbox));
  }

  #candidates(session: number, mailbox: number, room: number): Candidates {
    const lane = this.#lane(session, mailbox);
    const numbers: number[] = [];
    while (numbers.length < room) {
      const number = lane.take();
      if (number === undefined) break;
      // It may have been acknowledged, claimed or moved since it became ready.
      if (this.#claimed.has(number) || numbers.at(-1) === number) continue;
      if (this.#mailboxOf.get(number)?.mailbox === mailbox) numbers.push(number);
    }
    const ahead = numbers.length;
    const [start, end] = rangeOf(session);
    let walkedTo = Math.max(lane.cursor, start);
    while (numbers.length < room) {
      const limit = Math.min(room - numbers.length, PAGE_ROWS);
      const page = this.#page.all(mailbox, walkedTo, end, limit);
      for (const { number } of page) {
        walkedTo = number;
        if (!this.#claimed.has(number)) numbers.push(number);
      }
      if (page.length < limit) break;
    }
    return { lane, numbers, ahead, walkedTo, taken: 0 };
  }

  #lend(number: number): void {
    this.#claimed.add(number);
    this.#context.transaction.undo(() => this.#claimed.delete(number));
  }

  #unlend(number: number): boolean {
    if (!this.#claimed.delete(number)) return false;
    this.#context.transaction.undo(() => this.#claimed.add(number));
    return true;
  }
}

/** The frame numbers of a session lie between these, both excluded. */
export function rangeOf(session: number): [number, number] {
  return [session * SEQUENCES, (session + 1) * SEQUENCES];
}

function isGiven(session: Readonly<SessionRow>, sequence: number): boolean {
  return Number.isInteger(sequence) && sequence >= 1 && sequence <= session.last_sequence;
}
