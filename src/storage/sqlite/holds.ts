import type { Context } from './context.ts';
import { change, select } from './sql.ts';

/** A message that was woken. */
interface Woken {
  readonly id: number;
  readonly session: number;
}

/** Targets whose messages wait. What sleeps because of a hold that ended early is woken a piece at a time. */
export class Holds {
  readonly #context: Context;
  /** Providers with targets whose hold ended early. */
  readonly #stirring = new Set<number>();
  readonly #holdOf;
  readonly #sleeper;
  readonly #stirred;
  readonly #stirRows;
  readonly #unstir;
  readonly #dropHold;
  readonly #setHold;

  constructor(context: Context) {
    const { db } = context;
    this.#context = context;
    this.#holdOf = select<{ until: number }>(db, 'SELECT until FROM holds WHERE provider = ? AND target = ?');
    // Its hold may be over and swept away already.
    this.#sleeper = select<{ id: number }>(
      db,
      'SELECT id FROM outbox WHERE held = 1 AND provider = ? AND target = ? LIMIT 1',
    );
    this.#stirred = select<{ target: string; until: number }>(
      db,
      'SELECT target, until FROM holds WHERE provider = ? AND stir = 1 LIMIT 1',
    );
    this.#stirRows = select<Woken>(
      db,
      `UPDATE outbox SET retry_at = NULL, held = 0 WHERE id IN (SELECT id FROM outbox
       WHERE held = 1 AND provider = ? AND target = ? AND retry_at > ? ORDER BY retry_at LIMIT ?)
       RETURNING id, session`,
    );
    this.#unstir = change(db, 'UPDATE holds SET stir = 0 WHERE provider = ? AND target = ?');
    this.#dropHold = change(db, 'DELETE FROM holds WHERE provider = ? AND target = ? AND until = 0');
    this.#setHold = change(db, 'INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?)');
    const stirring = select<{ provider: number }>(db, 'SELECT DISTINCT provider FROM holds WHERE stir = 1').all();
    for (const { provider } of stirring) this.#stirring.add(provider);
  }

  /** Until when a target is held; 0 if it is not. */
  until(provider: number, target: string): number {
    if (this.#context.ledger.state.holds === 0) return 0;
    return this.#holdOf.get(provider, target)?.until ?? 0;
  }

  /** Rows that already sleep keep their time, unless the new end is earlier: then they are woken to look again. */
  hold(provider: number, target: string, until: number): void {
    const old = this.#holdOf.get(provider, target);
    this.#write(provider, target, until, old !== undefined && until < old.until, old === undefined);
  }

  wake(provider: number, target: string): void {
    const held = this.#holdOf.get(provider, target) !== undefined;
    if (held || this.#sleeper.get(provider, target)) this.#write(provider, target, 0, true, !held);
  }

  /** Wakes at most `limit` of the messages that sleep longer than their hold now lasts. */
  stir(provider: number, limit: number): Woken[] {
    const all: Woken[] = [];
    if (!this.#stirring.has(provider)) return all;
    for (let left = limit; left > 0; ) {
      const hold = this.#stirred.get(provider);
      if (!hold) {
        this.#stirring.delete(provider);
        this.#context.transaction.undo(() => this.#stirring.add(provider));
        return all;
      }
      const woken = this.#stirRows.all(provider, hold.target, hold.until, left);
      all.push(...woken);
      if (woken.length < left) this.#end(provider, hold.target, hold.until);
      left -= Math.max(1, woken.length);
    }
    this.#announce(provider);
    return all;
  }

  #write(provider: number, target: string, until: number, stir: boolean, fresh: boolean): void {
    const pending = stir || this.#stirring.has(provider);
    this.#setHold.run(provider, target, until, pending ? 1 : 0);
    if (fresh) this.#context.ledger.changeState().holds++;
    if (!pending) return;
    this.#stirring.add(provider);
    this.#announce(provider);
  }

  #end(provider: number, target: string, until: number): void {
    if (until > 0) this.#unstir.run(provider, target);
    else if (this.#dropHold.run(provider, target).changes) this.#context.ledger.changeState().holds--;
  }

  #announce(provider: number): void {
    this.#context.transaction.outboxWork(this.#context.ledger.providerByNo(provider).name);
  }
}
