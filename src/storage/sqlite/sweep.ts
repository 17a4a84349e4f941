import type { Context } from './context.ts';
import type { DeadLetters } from './dead-letters.ts';
import { type Inbox, rangeOf } from './inbox.ts';
import type { Registrations } from './registrations.ts';
import { type NoticeRow, noticeOf } from './rows.ts';
import { change, select } from './sql.ts';

/** How many rows of one table a sweep takes away at most, and at how many sessions it looks. */
const SWEEP_ROWS = 1000;
const SWEEP_SESSIONS = 256;

/** Enforces windows and bounds, a piece at a time, the oldest first. */
export class Sweep {
  readonly #context: Context;
  readonly #inbox: Inbox;
  readonly #dead: DeadLetters;
  readonly #registrations: Registrations;
  /** Where the round over the sessions goes on. */
  #nextSession = 0;
  readonly #outcomes;
  readonly #keepContent;
  readonly #dropOutcome;
  readonly #dropId;
  readonly #frames;
  readonly #seenBefore;
  readonly #seenOver;
  readonly #receiptsBefore;
  readonly #receiptsOver;
  readonly #deadOver;
  readonly #holdsBefore;

  constructor(context: Context, inbox: Inbox, dead: DeadLetters, registrations: Registrations) {
    const { db } = context;
    this.#context = context;
    this.#inbox = inbox;
    this.#dead = dead;
    this.#registrations = registrations;
    this.#outcomes = select<{ id: number; at: number; session: number; message_id: string; frame: number | null }>(
      db,
      'SELECT id, at, session, message_id, frame FROM outcomes ORDER BY at LIMIT ?',
    );
    this.#keepContent = change(
      db,
      `UPDATE inbox SET answers = NULL, type = o.type, notice_id = o.notice_id, group_id = o.group_id, error = o.error,
       error_string = o.error_string, data = o.data FROM outcomes AS o WHERE inbox.number = ? AND o.id = ?`,
    );
    this.#dropOutcome = change(db, 'DELETE FROM outcomes WHERE id = ?');
    this.#dropId = change(db, 'DELETE FROM ids WHERE session = ? AND message_id = ?');
    this.#frames = select<{ number: number; at: number } & NoticeRow>(
      db,
      `SELECT number, at, type, notice_id, group_id, error, error_string, data FROM inbox
       WHERE number > ? AND number < ? ORDER BY number LIMIT ?`,
    );
    const oldest = (table: string, key: string, order: string, condition = ''): string =>
      `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM ${table} ${condition} ORDER BY ${order} LIMIT ?)`;
    this.#seenBefore = change(db, oldest('seen', 'no', 'at', 'WHERE at < ?'));
    this.#seenOver = change(db, oldest('seen', 'no', 'at'));
    this.#receiptsBefore = change(db, oldest('receipts', 'id', 'expires_at', 'WHERE expires_at < ?'));
    this.#receiptsOver = change(db, oldest('receipts', 'id', 'id'));
    this.#deadOver = change(db, oldest('dead', 'no', 'no'));
    this.#holdsBefore = change(
      db,
      `DELETE FROM holds WHERE (provider, target) IN
       (SELECT provider, target FROM holds WHERE until < ? AND stir = 0 ORDER BY until LIMIT ?)`,
    );
  }

  /** @returns true if there is more to do */
  run(now: number): boolean {
    const { ledger, limits } = this.#context;
    const { seen, receipts, dead } = ledger.state;
    const gone = {
      seen: Number(this.#seenBefore.run(now - limits.upstreamDedupeMs, SWEEP_ROWS).changes),
      receipts: Number(this.#receiptsBefore.run(now, SWEEP_ROWS).changes),
      dead: trim(this.#deadOver, dead - limits.deadLettersMax),
      holds: Number(this.#holdsBefore.run(now, SWEEP_ROWS).changes),
      outcomes: this.#sweepOutcomes(now),
    };
    gone.seen += trim(this.#seenOver, seen - gone.seen - limits.dedupeMax);
    gone.receipts += trim(this.#receiptsOver, receipts - gone.receipts - limits.receiptsMax);
    for (const table of ['seen', 'receipts', 'dead', 'holds', 'outcomes'] as const) {
      if (gone[table]) ledger.changeState()[table] -= gone[table];
    }
    const framesLeft = this.#sweepInboxes(now);
    const orphansLeft = this.#inbox.adoptOrphans();
    const registrationsLeft = this.#registrations.sweep(now);
    return framesLeft || orphansLeft || registrationsLeft || Object.values(gone).some((count) => count >= SWEEP_ROWS);
  }

  #sweepOutcomes(now: number): number {
    const { ledger, limits } = this.#context;
    let gone = 0;
    for (const { id, at, session, message_id, frame } of this.#outcomes.all(SWEEP_ROWS)) {
      if (at >= now - limits.dedupeWindowMs && ledger.state.outcomes - gone <= limits.dedupeMax) break;
      if (frame !== null) this.#keepContent.run(frame, id);
      this.#dropOutcome.run(id);
      this.#dropId.run(session, message_id);
      gone++;
    }
    return gone;
  }

  #sweepInboxes(now: number): boolean {
    const before = now - this.#context.limits.inboxTtlMs;
    const sessions = [...this.#context.ledger.sessions()];
    const from = this.#nextSession < sessions.length ? this.#nextSession : 0;
    this.#nextSession = from + SWEEP_SESSIONS;
    let room = SWEEP_ROWS;
    for (const { no, name, waiting } of sessions.slice(from, this.#nextSession)) {
      if (waiting === 0) continue;
      if ((this.#inbox.oldestAt(no) ?? before) >= before) continue;
      for (const frame of this.#frames.all(...rangeOf(no), room)) {
        if (frame.at >= before) break;
        this.#inbox.remove(no, frame.number);
        room--;
        // An answer is only dropped: its outcome was remembered long enough.
        if (frame.type === 'upstream' || frame.type === 'receipt') {
          this.#dead.bury(now, 'it waited too long in the inbox', noticeOf(frame), { session: name });
        }
      }
      if (room <= 0) return true;
    }
    return this.#nextSession < sessions.length;
  }
}

function trim(statement: { run(limit: number): { changes: number | bigint } }, excess: number): number {
  return excess > 0 ? Number(statement.run(Math.min(excess, SWEEP_ROWS)).changes) : 0;
}
