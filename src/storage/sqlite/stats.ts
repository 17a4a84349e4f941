import type { StoreStats } from '../../core/index.ts';
import type { Context } from './context.ts';
import type { Inbox } from './inbox.ts';
import { select } from './sql.ts';

/** Facts for metrics: counters, and for ages the first entry of an index. */
export class Stats {
  readonly #context: Context;
  readonly #inbox: Inbox;
  readonly #oldestAwake;
  readonly #oldestAsleep;
  readonly #span;
  commits = 0;
  operations = 0;

  constructor(context: Context, inbox: Inbox) {
    const { db } = context;
    this.#context = context;
    this.#inbox = inbox;
    this.#oldestAwake = select<{ at: number | null }>(
      db,
      `SELECT min((SELECT accepted_at FROM outbox INDEXED BY outbox_awake
       WHERE provider = ? AND session = sessions.no AND retry_at IS NULL ORDER BY id LIMIT 1)) AS at FROM sessions`,
    );
    this.#oldestAsleep = select<{ accepted_at: number }>(
      db,
      `SELECT accepted_at FROM outbox INDEXED BY outbox_asleep WHERE provider = ? AND retry_at IS NOT NULL
       ORDER BY id LIMIT 1`,
    );
    this.#span = select<{ span: number }>(
      db,
      'SELECT (SELECT at FROM outcomes ORDER BY at DESC LIMIT 1) - (SELECT at FROM outcomes ORDER BY at LIMIT 1) AS span',
    );
  }

  read(): StoreStats {
    const { ledger, limits } = this.#context;
    const { dead, receipts, outcomes, registrations } = ledger.state;
    const full = outcomes > 0 && outcomes >= limits.dedupeMax;
    return {
      outbox: Array.from(ledger.providers(), ({ no, name, depth }) => ({
        provider: name,
        depth,
        ...(depth > 0 && { oldestAt: this.#oldestMessageAt(no) }),
      })),
      inbox: Array.from(ledger.sessions(), ({ no, name, waiting }) => {
        const oldestAt = waiting > 0 ? this.#inbox.oldestAt(no) : undefined;
        return { session: name, depth: waiting, ...(oldestAt !== undefined && { oldestAt }) };
      }),
      deadLetters: dead,
      receipts,
      registrations,
      outcomes,
      dedupeWindowMs: full ? Math.min(limits.dedupeWindowMs, this.#span.get()?.span ?? 0) : limits.dedupeWindowMs,
      commits: this.commits,
      operations: this.operations,
    };
  }

  #oldestMessageAt(provider: number): number {
    const awake = this.#oldestAwake.get(provider)?.at ?? Infinity;
    return Math.min(awake, this.#oldestAsleep.get(provider)?.accepted_at ?? Infinity);
  }
}
