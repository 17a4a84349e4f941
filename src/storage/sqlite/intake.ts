import type { Accepted, AnswerMode, Notice, ReceiptEntry, Submission } from '../../core/index.ts';
import type { Claims } from './claims.ts';
import type { Context } from './context.ts';
import type { Inbox } from './inbox.ts';
import type { Outbox } from './outbox.ts';
import type { Outcomes } from './outcomes.ts';
import { idOf, type NoticeRow, noticeOf, type OutboxRow, withdrawn } from './rows.ts';
import { change, select } from './sql.ts';

/** How many messages one replacement pushes out at most: each removes all before it, so there are hardly ever two. */
const REPLACED_MAX = 1000;
/** A receipt may come after the TTL of its message, which may be 0: so long it is waited for, and never longer than … */
const RECEIPT_GRACE_MS = 3_600_000;
/** … this after the acceptance. */
const RECEIPT_MAX_MS = 28 * 24 * 3_600_000;

interface OutcomeRow extends NoticeRow {
  readonly answer: AnswerMode;
  readonly digest: string;
  readonly frame: number | null;
}

/** Takes messages in, recognises repeats, and takes back what was not sent yet. */
export class Intake {
  readonly #context: Context;
  readonly #claims: Claims;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #outcomes: Outcomes;
  readonly #addId;
  readonly #idOf;
  readonly #addMessage;
  readonly #addReceipt;
  readonly #pending;
  readonly #setMailbox;
  readonly #setReceiptMailbox;
  readonly #waiting;
  readonly #outcome;
  readonly #setFrame;
  readonly #replaceable;
  readonly #receipt;

  constructor(context: Context, claims: Claims, outbox: Outbox, inbox: Inbox, outcomes: Outcomes) {
    const { db } = context;
    this.#context = context;
    this.#claims = claims;
    this.#outbox = outbox;
    this.#inbox = inbox;
    this.#outcomes = outcomes;
    this.#addId = change(db, 'INSERT OR IGNORE INTO ids VALUES (?, ?, ?)');
    this.#idOf = select<{ id: number }>(db, 'SELECT id FROM ids WHERE session = ? AND message_id = ?');
    this.#addMessage = change(
      db,
      'INSERT INTO outbox VALUES (?, ?, NULL, 0, ?, ?, ?, ?, 0, NULL, NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#addReceipt = change(db, 'INSERT INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#pending = select<OutboxRow>(db, 'SELECT * FROM outbox WHERE id = ?');
    this.#setMailbox = change(db, 'UPDATE outbox SET mailbox = ? WHERE id = ?');
    this.#setReceiptMailbox = change(db, 'UPDATE receipts SET mailbox = ? WHERE id = ?');
    this.#waiting = select<{ count: number }>(
      db,
      `SELECT count(*) AS count FROM
       (SELECT 1 FROM outbox WHERE session = ? AND target = ? AND headers IS NOT NULL LIMIT ?)`,
    );
    this.#outcome = select<OutcomeRow>(
      db,
      'SELECT answer, digest, frame, type, notice_id, group_id, error, error_string, data FROM outcomes WHERE id = ?',
    );
    this.#setFrame = change(db, 'UPDATE outcomes SET frame = ? WHERE id = ?');
    this.#replaceable = select<OutboxRow>(
      db,
      `SELECT * FROM outbox WHERE session = ? AND target = ? AND collapse_key = ? ORDER BY id LIMIT ${REPLACED_MAX}`,
    );
    this.#receipt = select<{
      provider: number;
      session: number;
      mailbox: number;
      message_id: string;
      group_id: string | null;
    }>(db, 'SELECT provider, session, mailbox, message_id, group_id FROM receipts WHERE id = ?');
  }

  /** @param leaving messages to the same target that give way to this one */
  accept(s: Submission, leaving = 0): Accepted {
    const { ledger } = this.#context;
    const session = ledger.session(s.session).no;
    const id = ledger.state.last_id + 1;
    if (this.#isFull(session, s, leaving) && !this.#idOf.get(session, s.messageId)) return { kind: 'full' };
    // The key decides: one statement both looks and writes.
    if (this.#addId.run(session, s.messageId, id).changes === 0) return this.#repeat(session, s);
    ledger.changeState().last_id = id;
    const provider = ledger.provider(s.provider).no;
    const { payload } = s;
    this.#addMessage.run(
      id,
      provider,
      session,
      s.mailbox,
      s.expiresAt,
      s.acceptedAt,
      s.ttl ?? null,
      s.priority,
      s.answer,
      s.receipt ? 1 : 0,
      s.messageId,
      s.groupId ?? null,
      s.target,
      s.collapseKey ?? null,
      s.digest,
      payload.kind === 'opaque' ? payload.headers : null,
      payload.kind === 'opaque' ? payload.body : payload.json,
    );
    if (s.receipt) {
      const until = Math.min(s.expiresAt + RECEIPT_GRACE_MS, s.acceptedAt + RECEIPT_MAX_MS);
      this.#addReceipt.run(id, provider, session, s.mailbox, until, s.messageId, s.groupId ?? null);
      ledger.changeState().receipts++;
    }
    ledger.changeSession(session).pending++;
    ledger.changeProvider(provider).depth++;
    this.#outbox.arrived(provider, session);
    return { kind: 'taken', id };
  }

  replace(submission: Submission): Accepted {
    const { session, target, collapseKey, acceptedAt } = submission;
    if (collapseKey === undefined) return this.accept(submission);
    const old = this.#replaceable
      .all(this.#context.ledger.session(session).no, target, collapseKey)
      .filter(({ id }) => !this.#claims.has(id));
    const accepted = this.accept(submission, old.filter(({ headers }) => headers !== null).length);
    if (accepted.kind !== 'taken') return accepted;
    for (const row of old) this.#withdraw(row, acceptedAt, withdrawn(row, 'replaced by a newer message'));
    return accepted;
  }

  cancel(name: string, messageId: string): boolean {
    const session = this.#context.ledger.findSession(name);
    const id = session && this.#idOf.get(session.no, messageId)?.id;
    const row = id === undefined || this.#claims.has(id) ? undefined : this.#pending.get(id);
    if (!row) return false;
    const finished = this.#outcomes.finish(row.id);
    if (finished) this.#outcomes.forget(finished);
    return true;
  }

  outcomeOf(name: string, messageId: string): 'pending' | Notice | undefined {
    const session = this.#context.ledger.findSession(name);
    const id = session && this.#idOf.get(session.no, messageId)?.id;
    if (id === undefined) return undefined;
    const outcome = this.#outcome.get(id);
    return outcome ? noticeOf(outcome) : 'pending';
  }

  receiptFor(provider: string, wireId: string): ReceiptEntry | undefined {
    const { ledger } = this.#context;
    const id = idOf(ledger.state.prefix, wireId);
    const row = id === undefined ? undefined : this.#receipt.get(id);
    if (!row || row.provider !== ledger.findProvider(provider)?.no) return undefined;
    return {
      session: ledger.sessionByNo(row.session).name,
      messageId: row.message_id,
      ...(row.group_id !== null && { groupId: row.group_id }),
      mailbox: this.#inbox.resolve(row.mailbox),
    };
  }

  #repeat(session: number, s: Submission): Accepted {
    const id = this.#idOf.get(session, s.messageId)?.id ?? 0;
    const pending = this.#pending.get(id);
    if (pending) {
      if (pending.digest !== s.digest) return { kind: 'conflict' };
      this.#setMailbox.run(s.mailbox, id);
      if (pending.receipt) this.#setReceiptMailbox.run(s.mailbox, id);
      return { kind: 'pending' };
    }
    const outcome = this.#outcome.get(id);
    if (!outcome) throw new Error(`message ${id} has neither a row nor an outcome: the database is damaged`);
    if (outcome.digest !== s.digest) return { kind: 'conflict' };
    if (outcome.answer !== 'inbox') return { kind: 'answered', notice: noticeOf(outcome) };
    const mailbox = this.#inbox.resolve(s.mailbox);
    if (outcome.frame !== null && this.#inbox.move(outcome.frame, mailbox)) {
      return { kind: 'repeated', sequence: this.#inbox.sequenceOf(outcome.frame) };
    }
    const number = this.#inbox.addAnswer(session, mailbox, s.acceptedAt, id);
    this.#setFrame.run(number, id);
    return { kind: 'repeated', sequence: this.#inbox.sequenceOf(number) };
  }

  #isFull(session: number, { session: name, target, payload }: Submission, leaving: number): boolean {
    const max = this.#context.limits.sessions[name]?.maxPerTarget;
    if (max === undefined || payload.kind !== 'opaque') return false;
    const most = max + leaving;
    return (this.#waiting.get(session, target, most)?.count ?? 0) >= most;
  }

  #withdraw(row: OutboxRow, at: number, notice: Notice): void {
    const finished = this.#outcomes.finish(row.id);
    if (finished) this.#outcomes.remember(row.id, finished, at, notice, null);
  }
}
