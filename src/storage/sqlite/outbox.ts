import type { Claim, Claimed } from '../../core/index.ts';
import type { Claims } from './claims.ts';
import type { Context } from './context.ts';
import { type Lane, Lanes } from './lane.ts';
import { messageOf, type OutboxRow } from './rows.ts';
import { change, select } from './sql.ts';

/** How many rows one call walks over at most, and how many it reads at once. What is left is announced as work. */
const WALK_ROWS = 2000;
const PAGE_ROWS = 256;

/**
 * Who gets which message when. A lane for each provider leads through the rows that are awake (`retry_at` is NULL);
 * those whose time has come are woken on disk first, and then lie behind the cursor or ahead of it like all others.
 */
export class Outbox {
  readonly #context: Context;
  readonly #claims: Claims;
  readonly lanes = new Lanes();
  /** Providers with targets whose hold ended early: their rows are woken a piece at a time. */
  readonly #stirring = new Set<number>();
  readonly #awake;
  readonly #byId;
  readonly #head;
  readonly #due;
  readonly #nextDue;
  readonly #expired;
  readonly #holdOf;
  readonly #park;
  readonly #stirred;
  readonly #stirRows;
  readonly #unstir;
  readonly #dropHold;
  readonly #setHold;

  constructor(context: Context, claims: Claims) {
    const { db } = context;
    this.#context = context;
    this.#claims = claims;
    this.#awake = select<OutboxRow>(
      db,
      'SELECT * FROM outbox WHERE provider = ? AND retry_at IS NULL AND id > ? ORDER BY id LIMIT ?',
    );
    this.#byId = select<OutboxRow>(db, 'SELECT * FROM outbox WHERE id = ?');
    this.#head = select<{ id: number; retry_at: number | null }>(
      db,
      'SELECT id, retry_at FROM outbox WHERE session = ? AND provider = ? AND group_id = ? ORDER BY id LIMIT 1',
    );
    this.#due = select<{ id: number }>(
      db,
      `UPDATE outbox SET retry_at = NULL, held = 0 WHERE id IN
       (SELECT id FROM outbox WHERE provider = ? AND retry_at <= ? ORDER BY retry_at LIMIT ?) RETURNING id`,
    );
    this.#nextDue = select<{ retry_at: number }>(
      db,
      'SELECT retry_at FROM outbox WHERE provider = ? AND retry_at >= 0 ORDER BY retry_at LIMIT 1',
    );
    this.#expired = select<{ id: number }>(
      db,
      'SELECT id FROM outbox WHERE expires_at < ? ORDER BY expires_at LIMIT ?',
    );
    this.#holdOf = select<{ until: number }>(db, 'SELECT until FROM holds WHERE provider = ? AND target = ?');
    this.#park = change(db, 'UPDATE outbox SET retry_at = ?, held = 1 WHERE id = ?');
    this.#stirred = select<{ target: string; until: number }>(
      db,
      'SELECT target, until FROM holds WHERE provider = ? AND stir = 1 LIMIT 1',
    );
    this.#stirRows = select<{ id: number }>(
      db,
      `UPDATE outbox SET retry_at = NULL, held = 0 WHERE id IN (SELECT id FROM outbox
       WHERE held = 1 AND provider = ? AND target = ? AND retry_at > ? ORDER BY retry_at LIMIT ?) RETURNING id`,
    );
    this.#unstir = change(db, 'UPDATE holds SET stir = 0 WHERE provider = ? AND target = ?');
    this.#dropHold = change(db, 'DELETE FROM holds WHERE provider = ? AND target = ? AND until = 0');
    this.#setHold = change(db, 'INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?)');
    const stirring = select<{ provider: number }>(db, 'SELECT DISTINCT provider FROM holds WHERE stir = 1').all();
    for (const { provider } of stirring) this.#stirring.add(provider);
  }

  claim(name: string, room: number, now: number): Claimed {
    const provider = this.#context.ledger.findProvider(name);
    if (!provider) return { claims: [] };
    const lane = this.lanes.of(provider.no);
    if (now < lane.passedAt) lane.reset();
    const claims: Claim[] = [];
    if (room > 0 && provider.depth > 0) {
      this.#stir(provider.no, lane, room);
      this.#wakeDue(provider.no, lane, room, now);
      this.#takeReady(provider.no, lane, room, now, claims);
      this.#walk(provider.no, lane, room, now, claims);
    }
    const next = this.#nextDue.get(provider.no);
    return next ? { claims, nextDueAt: next.retry_at } : { claims };
  }

  claimExpired(limit: number, now: number): Claim[] {
    const claims: Claim[] = [];
    // What is in flight stands among the expired until it is settled.
    const most = limit + Math.min(this.#claims.size, WALK_ROWS);
    for (const { id } of this.#expired.all(now, most)) {
      if (claims.length >= limit) break;
      if (this.#claims.has(id)) continue;
      const row = this.#byId.get(id);
      if (row) claims.push(this.#lend(row));
    }
    return claims;
  }

  release(claims: readonly { readonly id: number; readonly claim: number }[]): void {
    for (const { id, claim } of claims) {
      const provider = this.#claims.providerOf(id, claim);
      if (provider === undefined) continue;
      this.#claims.end(id);
      this.lanes.of(provider).offer(id);
      this.announce(provider);
    }
  }

  /** A message of a group is gone: whoever is its head now can go. */
  freeGroup(session: number, provider: number, groupId: string): void {
    const head = this.#head.get(session, provider, groupId);
    if (!head || head.retry_at !== null || this.#claims.has(head.id)) return;
    this.lanes.of(provider).offer(head.id);
    this.announce(provider);
  }

  announce(provider: number): void {
    this.#context.transaction.outboxWork(this.#context.ledger.providerByNo(provider).name);
  }

  /** Rows that already sleep keep their time, unless the new end is earlier: then they are woken to look again. */
  hold(name: string, target: string, until: number): void {
    const { no } = this.#context.ledger.provider(name);
    const old = this.#holdOf.get(no, target);
    this.#writeHold(no, target, until, old !== undefined && until < old.until, old === undefined);
  }

  wake(name: string, target: string): void {
    const provider = this.#context.ledger.findProvider(name);
    if (provider && this.#holdOf.get(provider.no, target)) this.#writeHold(provider.no, target, 0, true, false);
  }

  #writeHold(provider: number, target: string, until: number, stir: boolean, fresh: boolean): void {
    const pending = stir || this.#stirring.has(provider);
    this.#setHold.run(provider, target, until, pending ? 1 : 0);
    if (fresh) this.#context.ledger.changeState().holds++;
    if (!pending) return;
    this.#stirring.add(provider);
    this.announce(provider);
  }

  /** Wakes a piece of what sleeps longer than its hold now lasts. */
  #stir(provider: number, lane: Lane, room: number): void {
    if (!this.#stirring.has(provider)) return;
    for (let left = room; left > 0; ) {
      const hold = this.#stirred.get(provider);
      if (!hold) {
        this.#stirring.delete(provider);
        this.#context.transaction.undo(() => this.#stirring.add(provider));
        return;
      }
      const woken = this.#stirRows.all(provider, hold.target, hold.until, left);
      for (const { id } of woken) this.#offerAwake(lane, id);
      if (woken.length < left) this.#endStir(provider, hold.target, hold.until);
      left -= Math.max(1, woken.length);
    }
    this.announce(provider);
  }

  #endStir(provider: number, target: string, until: number): void {
    if (until > 0) this.#unstir.run(provider, target);
    else if (this.#dropHold.run(provider, target).changes) this.#context.ledger.changeState().holds--;
  }

  #wakeDue(provider: number, lane: Lane, room: number, now: number): void {
    const wanted = room - lane.readySize;
    if (wanted <= 0 || (this.#nextDue.get(provider)?.retry_at ?? Infinity) > now) return;
    for (const { id } of this.#due.all(provider, now, wanted)) this.#offerAwake(lane, id);
  }

  #offerAwake(lane: Lane, id: number): void {
    if (!this.#claims.has(id)) lane.offer(id);
  }

  #takeReady(provider: number, lane: Lane, room: number, now: number, claims: Claim[]): void {
    while (claims.length < room) {
      const id = lane.take();
      if (id === undefined) return;
      const row = this.#byId.get(id);
      if (row?.provider === provider && row.retry_at === null) this.#consider(row, lane, now, claims);
    }
  }

  #walk(provider: number, lane: Lane, room: number, now: number, claims: Claim[]): void {
    let page = room - claims.length;
    for (let walked = 0; claims.length < room; page = Math.min(PAGE_ROWS, page * 2)) {
      if (walked >= WALK_ROWS) {
        this.announce(provider);
        return;
      }
      const rows = this.#awake.all(provider, lane.cursor, Math.min(page, WALK_ROWS - walked));
      if (rows.length === 0) return;
      for (const row of rows) {
        if (claims.length >= room) return;
        lane.cursor = row.id;
        walked++;
        this.#consider(row, lane, now, claims);
      }
    }
  }

  /** Lends a row that is awake, if nothing else forbids it. */
  #consider(row: OutboxRow, lane: Lane, now: number, claims: Claim[]): void {
    if (this.#claims.has(row.id)) return;
    if (row.expires_at < now) {
      lane.passedAt = Math.max(lane.passedAt, now);
      return;
    }
    if (row.group_id !== null && this.#head.get(row.session, row.provider, row.group_id)?.id !== row.id) return;
    if (this.#context.ledger.state.holds > 0) {
      const until = this.#holdOf.get(row.provider, row.target)?.until ?? 0;
      if (until > now) {
        this.#park.run(until, row.id);
        return;
      }
    }
    claims.push(this.#lend(row));
  }

  #lend(row: OutboxRow): Claim {
    const { ledger } = this.#context;
    const session = ledger.sessionByNo(row.session).name;
    const provider = ledger.providerByNo(row.provider).name;
    const message = messageOf(row, session, provider, ledger.state.prefix);
    return { claim: this.#claims.lend(row.id, row.provider), message };
  }
}
