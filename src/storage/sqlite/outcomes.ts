import type { AnswerMode, Notice, Settled, Settlement } from '../../core/index.ts';
import type { Claims } from './claims.ts';
import type { Context } from './context.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import { noticeValues } from './rows.ts';
import { change, select } from './sql.ts';

/** What is left of a message when it leaves the outbox. */
export interface Finished {
  readonly provider: number;
  readonly session: number;
  readonly mailbox: number;
  readonly answer: AnswerMode;
  readonly message_id: string;
  readonly group_id: string | null;
  readonly target: string;
  readonly digest: string;
  readonly payload: string | Uint8Array;
}

/** Ends messages: out of the outbox, remembered, and told to the session, in one transaction. */
export class Outcomes {
  readonly #context: Context;
  readonly #claims: Claims;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #dead: DeadLetters;
  readonly #take;
  readonly #takeWhole;
  readonly #retry;
  readonly #add;
  readonly #forgetId;

  constructor(context: Context, claims: Claims, outbox: Outbox, inbox: Inbox, dead: DeadLetters) {
    const { db } = context;
    this.#context = context;
    this.#claims = claims;
    this.#outbox = outbox;
    this.#inbox = inbox;
    this.#dead = dead;
    const take = `DELETE FROM outbox WHERE id = ?
      RETURNING provider, session, mailbox, answer, message_id, group_id, digest`;
    this.#take = select<Finished>(db, take);
    this.#takeWhole = select<Finished>(db, `${take}, target, payload`);
    this.#retry = change(
      db,
      `UPDATE outbox SET retry_at = ?, held = ?, attempts = attempts + ?, last_reason = ?,
       first_answered_at = coalesce(first_answered_at, ?) WHERE id = ?`,
    );
    this.#add = change(db, 'INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#forgetId = change(db, 'DELETE FROM ids WHERE session = ? AND message_id = ?');
  }

  settle({ id, claim, at, verdict }: Settlement): Settled {
    const loan = this.#claims.of(id, claim);
    if (verdict.kind === 'retry') {
      if (!loan) return { kind: 'stale' };
      const { answered, because, held } = verdict;
      const dueAt = Math.max(0, verdict.dueAt);
      this.#retry.run(dueAt, held ? 1 : 0, answered ? 1 : 0, because, answered ? at : null, id);
      this.#claims.end(id);
      this.#outbox.sleeps(loan, dueAt);
      return { kind: 'scheduled' };
    }
    if (!loan && !verdict.accepted) return { kind: 'stale' };
    const row = this.finish(id, verdict.dead !== undefined);
    if (!row) return { kind: 'stale' };
    const session = this.#context.ledger.sessionByNo(row.session).name;
    if (verdict.dead !== undefined) this.#bury(row, at, verdict.dead, verdict.notice);
    const mailbox = this.#inbox.resolve(row.mailbox);
    if (row.answer !== 'inbox') {
      if (verdict.forget) this.forget(row);
      else this.remember(id, row, at, verdict.notice, null);
      return { kind: 'settled', session, mailbox };
    }
    const number = this.#inbox.addAnswer(row.session, mailbox, at, id);
    this.remember(id, row, at, verdict.notice, number);
    return { kind: 'settled', session, mailbox, sequence: this.#inbox.sequenceOf(number) };
  }

  /** Takes a message out of the outbox; undefined if it is not there. */
  finish(id: number, whole = false): Finished | undefined {
    const row = (whole ? this.#takeWhole : this.#take).get(id);
    if (!row) return undefined;
    const { ledger } = this.#context;
    this.#claims.end(id);
    ledger.changeSession(row.session).pending--;
    ledger.changeProvider(row.provider).depth--;
    if (row.group_id !== null) this.#outbox.freeGroup(row.session, row.provider, row.group_id);
    return row;
  }

  /** Keeps the outcome of a message that is finished, or forgets the message if nobody wants one. */
  remember(id: number, row: Finished, at: number, notice: Notice, frame: number | null): void {
    if (row.answer === 'none') {
      this.forget(row);
      return;
    }
    this.#add.run(id, at, row.session, frame, row.answer, row.message_id, row.digest, ...noticeValues(notice));
    this.#context.ledger.changeState().outcomes++;
  }

  /** The id of a message that is finished is free again. */
  forget(row: Finished): void {
    this.#forgetId.run(row.session, row.message_id);
  }

  #bury(row: Finished, at: number, because: string, notice: Notice): void {
    const { ledger } = this.#context;
    this.#dead.bury(at, because, notice, {
      provider: ledger.providerByNo(row.provider).name,
      session: ledger.sessionByNo(row.session).name,
      target: row.target,
      payload: row.payload,
    });
  }
}
