import type { DatabaseSync } from 'node:sqlite';
import { type Change, change, select } from './sql.ts';
import type { Transaction } from './transaction.ts';

/** Frame numbers leave 2^40 sequences to each session and 13 bits to the sessions; half of those are given away. */
export const SESSIONS_MAX = 4096;

export interface SessionRow {
  readonly no: number;
  readonly name: string;
  last_sequence: number;
  pending: number;
  waiting: number;
}

export interface ProviderRow {
  readonly no: number;
  readonly name: string;
  depth: number;
}

export interface StateRow {
  readonly prefix: string;
  readonly epoch: number;
  last_id: number;
  last_mailbox: number;
  outcomes: number;
  receipts: number;
  seen: number;
  dead: number;
  holds: number;
  registrations: number;
  revoked: number;
}

/**
 * Numbers and counters: kept in memory, written once per transaction by {@link Ledger.flush}, and taken back with it. Take
 * a row through `change…` before changing it.
 */
export class Ledger {
  readonly #transaction: Transaction;
  readonly #sessions = new Map<string, SessionRow>();
  readonly #sessionsByNo = new Map<number, SessionRow>();
  readonly #providers = new Map<string, ProviderRow>();
  readonly #providersByNo = new Map<number, ProviderRow>();
  readonly #state: StateRow;
  /** Rows that this transaction has changed. */
  readonly #dirtySessions = new Set<SessionRow>();
  readonly #dirtyProviders = new Set<ProviderRow>();
  #dirtyState = false;
  readonly #addSession: Change;
  readonly #addProvider: Change;
  readonly #writeSession: Change;
  readonly #writeProvider: Change;
  readonly #writeState: Change;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#addSession = change(db, 'INSERT INTO sessions VALUES (?, ?, 0, 0, 0)');
    this.#addProvider = change(db, 'INSERT INTO providers VALUES (?, ?, 0)');
    this.#writeSession = change(db, 'UPDATE sessions SET last_sequence = ?, pending = ?, waiting = ? WHERE no = ?');
    this.#writeProvider = change(db, 'UPDATE providers SET depth = ? WHERE no = ?');
    this.#writeState = change(
      db,
      `UPDATE state SET last_id = ?, last_mailbox = ?, outcomes = ?, receipts = ?, seen = ?, dead = ?, holds = ?,
       registrations = ?, revoked = ?`,
    );
    for (const row of select<SessionRow>(db, 'SELECT * FROM sessions ORDER BY no').all()) this.#keepSession({ ...row });
    for (const row of select<ProviderRow>(db, 'SELECT * FROM providers ORDER BY no').all()) {
      this.#keepProvider({ ...row });
    }
    const state = select<StateRow>(db, 'SELECT * FROM state').get();
    if (!state) throw new Error('the table "state" is empty');
    this.#state = { ...state };
  }

  get state(): Readonly<StateRow> {
    return this.#state;
  }

  changeState(): StateRow {
    if (!this.#dirtyState) {
      this.#dirtyState = true;
      const before = { ...this.#state };
      this.#transaction.undo(() => Object.assign(this.#state, before));
    }
    return this.#state;
  }

  sessions(): IterableIterator<Readonly<SessionRow>> {
    return this.#sessions.values();
  }

  providers(): IterableIterator<Readonly<ProviderRow>> {
    return this.#providers.values();
  }

  findSession(name: string): Readonly<SessionRow> | undefined {
    return this.#sessions.get(name);
  }

  findProvider(name: string): Readonly<ProviderRow> | undefined {
    return this.#providers.get(name);
  }

  /** The session of this name, made if it is new. */
  session(name: string): Readonly<SessionRow> {
    const found = this.#sessions.get(name);
    if (found) return found;
    const no = this.#sessions.size + 1;
    if (no > SESSIONS_MAX) throw new Error(`the store knows ${SESSIONS_MAX} sessions already: no room for "${name}"`);
    this.#addSession.run(no, name);
    const row = { no, name, last_sequence: 0, pending: 0, waiting: 0 };
    this.#keepSession(row);
    this.#transaction.undo(() => {
      this.#sessions.delete(name);
      this.#sessionsByNo.delete(no);
    });
    return row;
  }

  provider(name: string): Readonly<ProviderRow> {
    const found = this.#providers.get(name);
    if (found) return found;
    const no = this.#providers.size + 1;
    this.#addProvider.run(no, name);
    const row = { no, name, depth: 0 };
    this.#keepProvider(row);
    this.#transaction.undo(() => {
      this.#providers.delete(name);
      this.#providersByNo.delete(no);
    });
    return row;
  }

  sessionByNo(no: number): Readonly<SessionRow> {
    const row = this.#sessionsByNo.get(no);
    if (!row) throw new Error(`no session has the number ${no}`);
    return row;
  }

  providerByNo(no: number): Readonly<ProviderRow> {
    const row = this.#providersByNo.get(no);
    if (!row) throw new Error(`no provider has the number ${no}`);
    return row;
  }

  changeSession(no: number): SessionRow {
    const row = this.sessionByNo(no) as SessionRow;
    if (!this.#dirtySessions.has(row)) {
      this.#dirtySessions.add(row);
      const before = { ...row };
      this.#transaction.undo(() => Object.assign(row, before));
    }
    return row;
  }

  changeProvider(no: number): ProviderRow {
    const row = this.providerByNo(no) as ProviderRow;
    if (!this.#dirtyProviders.has(row)) {
      this.#dirtyProviders.add(row);
      const before = { ...row };
      this.#transaction.undo(() => Object.assign(row, before));
    }
    return row;
  }

  /** Writes what changed, as the last step before the commit. `force` writes the state even if nothing did. */
  flush(force: boolean): void {
    for (const s of this.#dirtySessions) this.#writeSession.run(s.last_sequence, s.pending, s.waiting, s.no);
    for (const p of this.#dirtyProviders) this.#writeProvider.run(p.depth, p.no);
    if (!this.#dirtyState && !force) return;
    const s = this.#state;
    const { registrations, revoked } = s;
    const tables = [s.outcomes, s.receipts, s.seen, s.dead, s.holds, registrations, revoked];
    this.#writeState.run(s.last_id, s.last_mailbox, ...tables);
  }

  /** After the commit: the sessions whose counters changed. */
  committed(): SessionRow[] {
    const changed = [...this.#dirtySessions];
    this.rolledBack();
    return changed;
  }

  rolledBack(): void {
    this.#dirtySessions.clear();
    this.#dirtyProviders.clear();
    this.#dirtyState = false;
  }

  #keepSession(row: SessionRow): void {
    this.#sessions.set(row.name, row);
    this.#sessionsByNo.set(row.no, row);
  }

  #keepProvider(row: ProviderRow): void {
    this.#providers.set(row.name, row);
    this.#providersByNo.set(row.no, row);
  }
}
