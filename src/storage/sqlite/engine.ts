import type { DatabaseSync } from 'node:sqlite';
import type { Claimed, StoreLimits } from '../../core/index.ts';
import { Claims } from './claims.ts';
import type { Context } from './context.ts';
import { DeadLetters } from './dead-letters.ts';
import { isTrouble, troubleOf } from './errors.ts';
import { Inbox } from './inbox.ts';
import { Intake } from './intake.ts';
import { Ledger } from './ledger.ts';
import type { BatchReply, Call, Counts, OperationName, Operations, Trouble } from './operations.ts';
import { Outbox } from './outbox.ts';
import { Outcomes } from './outcomes.ts';
import { packClaims, packFrames, unpackSettlements, unpackSubmissions } from './packing.ts';
import { Registrations } from './registrations.ts';
import { Stats } from './stats.ts';
import { Sweep } from './sweep.ts';
import { Transaction } from './transaction.ts';
import { Upstream } from './upstream.ts';

const NOTHING: Claimed = { claims: [] };

/** Runs batches of operations on an open database. Everything here is synchronous: it lives in a worker. */
export class Engine {
  readonly #db: DatabaseSync;
  readonly #ledger: Ledger;
  readonly #transaction = new Transaction();
  readonly #operations: Operations;
  readonly #stats: Stats;
  readonly #resets: (() => void)[];
  readonly #begin;
  readonly #commit;
  readonly #rollback;
  #troubled = false;
  /** The last batch met trouble of which the other thread may not have known when it sent this one. */
  #justTroubled = false;

  constructor(db: DatabaseSync, limits: StoreLimits) {
    this.#db = db;
    this.#ledger = new Ledger(db, this.#transaction);
    const context: Context = { db, limits, ledger: this.#ledger, transaction: this.#transaction };
    const claims = new Claims(this.#transaction, this.#ledger.state.epoch);
    const outbox = new Outbox(context, claims);
    const inbox = new Inbox(context);
    const dead = new DeadLetters(context);
    const outcomes = new Outcomes(context, claims, outbox, inbox, dead);
    const intake = new Intake(context, claims, outbox, inbox, outcomes);
    const upstream = new Upstream(context, inbox, dead);
    const registrations = new Registrations(context, outbox);
    const sweep = new Sweep(context, inbox, dead, registrations);
    this.#stats = new Stats(context, inbox);
    this.#resets = [() => outbox.reset(), () => inbox.reset()];
    this.#begin = db.prepare('BEGIN');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
    this.#operations = {
      accept: (batch) => unpackSubmissions(batch).map((submission) => intake.accept(submission)),
      replace: (submission) => intake.replace(submission),
      cancel: (session, messageId) => intake.cancel(session, messageId),
      outcomeOf: (session, messageId) => intake.outcomeOf(session, messageId),
      // Who is sent now may have an outcome that finds no room.
      claim: (provider, room, now) => {
        const { claims, nextDueAt } = this.#troubled ? NOTHING : outbox.claim(provider, room, now);
        return { claims: packClaims(claims), nextDueAt };
      },
      claimExpired: (limit, now) => outbox.claimExpired(limit, now),
      settle: (batch) => unpackSettlements(batch).map((settlement) => outcomes.settle(settlement)),
      release: (released) => outbox.release(released),
      hold: (provider, target, until) => outbox.hold(provider, target, until),
      wake: (provider, target) => outbox.wake(provider, target),
      receiptFor: (provider, wireId) => intake.receiptFor(provider, wireId),
      receive: (batch) => batch.map((incoming) => upstream.receive(incoming)),
      register: (batch) => batch.map((asked) => registrations.register(asked)),
      registration: (token, now) => registrations.find(token, now),
      registrationsOf: (owner, after, limit, now) => registrations.of(owner, after, limit, now),
      revoke: (which, now) => which.flatMap((key) => registrations.revoke(key, now) ?? []),
      openMailbox: (session) => inbox.openMailbox(session),
      releaseMailbox: (session, mailbox) => inbox.releaseMailbox(session, mailbox),
      claimInbox: (session, mailboxes, room) => packFrames(inbox.claim(session, mailboxes, room)),
      ackInbox: (session, sequences) => inbox.ack(session, sequences),
      releaseInbox: (session, sequences) => inbox.release(session, sequences),
      sweep: (now) => sweep.run(now),
      stats: () => this.#stats.read(),
    };
  }

  /** The counters of all sessions, for whoever has just opened the store. */
  counts(): Counts[] {
    return Array.from(this.#ledger.sessions(), ({ name, pending, waiting }) => ({ name, pending, waiting }));
  }

  /**
   * All of the calls in one transaction. If one of them fails, all are taken back and each runs in a transaction of its
   * own, so that nobody pays for a neighbour; that path is slow and rare.
   * @param troubled whether the store is in trouble: every transaction writes then, and nothing is lent to be sent
   */
  run(calls: readonly Call[], troubled: boolean): BatchReply {
    this.#troubled = troubled || this.#justTroubled;
    this.#justTroubled = false;
    this.#stats.operations += calls.length;
    const whole = this.#attempt(calls);
    if (!('error' in whole)) return { ...whole, errors: [], trouble: undefined };
    const results: unknown[] = [];
    const errors: { place: number; error: Trouble }[] = [];
    const work: BatchReply['work'][number][] = [];
    const counts: Counts[] = [];
    let trouble: Trouble | undefined;
    for (const [place, call] of calls.entries()) {
      const one = calls.length === 1 ? whole : this.#attempt([call]);
      if ('error' in one) {
        const error = troubleOf(one.error);
        errors.push({ place, error });
        if (isTrouble(one.error)) {
          trouble = error;
          this.#troubled = true;
          this.#justTroubled = true;
        }
        continue;
      }
      results[place] = one.results[0];
      work.push(...one.work);
      counts.push(...one.counts);
    }
    return { results, errors, work, counts, trouble };
  }

  #attempt(calls: readonly Call[]): Pick<BatchReply, 'results' | 'work' | 'counts'> | { readonly error: unknown } {
    try {
      this.#begin.run();
      const results = calls.map((call) => this.#perform(call));
      // While there is trouble every transaction writes: one that only read would prove nothing.
      this.#ledger.flush(this.#troubled);
      this.#commit.run();
      this.#stats.commits++;
      const counts = this.#ledger.committed().map(({ name, pending, waiting }) => ({ name, pending, waiting }));
      return { results, work: this.#transaction.done(), counts };
    } catch (error) {
      this.#takeBack();
      return { error };
    }
  }

  #perform<K extends OperationName>(call: Call & readonly [K, ...unknown[]]): unknown {
    const [name, ...args] = call;
    const operation = this.#operations[name] as (...args: readonly unknown[]) => unknown;
    return operation(...args);
  }

  #takeBack(): void {
    // SQLite has rolled back by itself after some errors of the disk.
    if (this.#db.isTransaction) this.#rollback.run();
    this.#transaction.rollback();
    this.#ledger.rolledBack();
    for (const reset of this.#resets) reset();
  }
}
