import type { DatabaseSync } from 'node:sqlite';
import { type Select, select } from './sql.ts';
import type { Transaction } from './transaction.ts';

/** How many frames one step moves to mailbox 0, and one step of an opening. */
const ADOPT_ROWS = 1000;
const ADOPT_ROWS_AT_OPEN = 20_000;
/** How many mailboxes of an earlier life may be left to be emptied while the store works. */
const ORPHANS_MAX = 1000;

/**
 * Which mailboxes are open. Only in memory: all mailboxes of an earlier life are closed. Frames of a closed mailbox belong
 * to mailbox 0; they are moved there a piece at a time, and what is not moved yet is an *orphan*, which claims of mailbox
 * 0 look into.
 */
export class Mailboxes {
  readonly #transaction: Transaction;
  readonly #open = new Map<number, number>();
  readonly #orphans = new Map<number, number>();
  readonly #move: Select<{ number: number }>;

  /** @param sequences how many frame numbers a session has: what tells the session of a frame */
  constructor(db: DatabaseSync, transaction: Transaction, sequences: number) {
    this.#transaction = transaction;
    this.#move = select(
      db,
      `UPDATE inbox SET mailbox = 0 WHERE number IN
       (SELECT number FROM inbox WHERE mailbox = ? ORDER BY number LIMIT ${ADOPT_ROWS}) RETURNING number`,
    );
    this.#adoptEarlier(db, sequences);
  }

  isOpen(mailbox: number): boolean {
    return this.#open.has(mailbox);
  }

  open(mailbox: number, session: number): void {
    this.#open.set(mailbox, session);
    this.#transaction.undo(() => this.#open.delete(mailbox));
  }

  /** False if it is not an open mailbox of this session. */
  release(mailbox: number, session: number): boolean {
    if (this.#open.get(mailbox) !== session) return false;
    this.#open.delete(mailbox);
    this.#transaction.undo(() => this.#open.set(mailbox, session));
    return true;
  }

  /** Closed mailboxes with frames, each as `[session, mailbox]`. */
  *orphans(): Generator<[number, number]> {
    for (const [mailbox, session] of this.#orphans) yield [session, mailbox];
  }

  orphansOf(session: number): number[] {
    if (this.#orphans.size === 0) return [];
    return [...this.orphans()].filter(([owner]) => owner === session).map(([, mailbox]) => mailbox);
  }

  /** Moves a piece of a closed mailbox to mailbox 0. @returns the numbers of the frames moved */
  adopt(session: number, mailbox: number): number[] {
    const moved = this.#move.all(mailbox).map(({ number }) => number);
    const [had, has] = [this.#orphans.has(mailbox), moved.length === ADOPT_ROWS];
    if (has && !had) {
      this.#orphans.set(mailbox, session);
      this.#transaction.undo(() => this.#orphans.delete(mailbox));
    } else if (had && !has) {
      this.#orphans.delete(mailbox);
      this.#transaction.undo(() => this.#orphans.set(mailbox, session));
    }
    return moved;
  }

  /** At open: few frames are moved at once, and of many at least so many that few mailboxes are left. */
  #adoptEarlier(db: DatabaseSync, sequences: number): void {
    const move = db.prepare(
      `UPDATE inbox SET mailbox = 0 WHERE number IN
       (SELECT number FROM inbox WHERE mailbox > 0 ORDER BY mailbox LIMIT ${ADOPT_ROWS_AT_OPEN})`,
    );
    const next = select<{ mailbox: number; number: number }>(
      db,
      'SELECT mailbox, number FROM inbox WHERE mailbox > ? ORDER BY mailbox, number LIMIT 1',
    );
    for (;;) {
      const { changes } = move.run();
      this.#orphans.clear();
      for (let row = next.get(0); row && this.#orphans.size <= ORPHANS_MAX; row = next.get(row.mailbox)) {
        this.#orphans.set(row.mailbox, Math.floor(row.number / sequences));
      }
      if (changes < ADOPT_ROWS_AT_OPEN || this.#orphans.size <= ORPHANS_MAX) return;
    }
  }
}
