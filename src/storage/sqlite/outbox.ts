import type { Claim, Claimed } from '../../core/index.ts';
import type { Claims, Loan } from './claims.ts';
import type { Context } from './context.ts';
import { Holds } from './holds.ts';
import { messageOf, type OutboxRow } from './rows.ts';
import { change, select } from './sql.ts';
import { Turns } from './turns.ts';

/** How many rows one call walks over at most, and how many it reads at once. What is left is announced as work. */
const WALK_ROWS = 2000;
const PAGE_ROWS = 256;

/** One call of {@link Outbox.claim}: what it has, and how many more rows it may look at. */
interface Round {
  readonly provider: number;
  readonly turns: Turns;
  readonly now: number;
  readonly claims: Claim[];
  steps: number;
}

/**
 * Who gets which message when. At each provider sessions take turns. A lane for each of them leads through its rows that
 * are awake (`retry_at` is NULL); those whose time has come are woken on disk first, and then lie behind the cursor or
 * ahead of it like all others.
 */
export class Outbox {
  readonly #context: Context;
  readonly #claims: Claims;
  /** By the number of the provider. */
  readonly #turns = new Map<number, Turns>();
  readonly #holds: Holds;
  readonly #awake;
  readonly #byId;
  readonly #head;
  readonly #due;
  readonly #nextDue;
  readonly #expired;
  readonly #park;

  constructor(context: Context, claims: Claims) {
    const { db } = context;
    this.#context = context;
    this.#claims = claims;
    this.#holds = new Holds(context);
    this.#awake = select<OutboxRow>(
      db,
      'SELECT * FROM outbox WHERE provider = ? AND session = ? AND retry_at IS NULL AND id > ? ORDER BY id LIMIT ?',
    );
    this.#byId = select<OutboxRow>(db, 'SELECT * FROM outbox WHERE id = ?');
    this.#head = select<{ id: number; retry_at: number | null }>(
      db,
      'SELECT id, retry_at FROM outbox WHERE session = ? AND provider = ? AND group_id = ? ORDER BY id LIMIT 1',
    );
    this.#due = select<{ id: number }>(
      db,
      `UPDATE outbox SET retry_at = NULL, held = 0 WHERE id IN
       (SELECT id FROM outbox WHERE provider = ? AND session = ? AND retry_at <= ? ORDER BY retry_at LIMIT ?)
       RETURNING id`,
    );
    this.#nextDue = select<{ retry_at: number }>(
      db,
      'SELECT retry_at FROM outbox WHERE provider = ? AND session = ? AND retry_at >= 0 ORDER BY retry_at LIMIT 1',
    );
    this.#expired = select<{ id: number }>(
      db,
      'SELECT id FROM outbox WHERE expires_at < ? ORDER BY expires_at LIMIT ?',
    );
    this.#park = change(db, 'UPDATE outbox SET retry_at = ?, held = 1 WHERE id = ?');
  }

  /** After a rollback nobody knows which rows were met. */
  reset(): void {
    this.#turns.clear();
  }

  claim(name: string, room: number, now: number): Claimed {
    const provider = this.#context.ledger.findProvider(name);
    if (!provider) return { claims: [] };
    if (now < this.#turnsOf(provider.no).passedAt) this.#turns.delete(provider.no);
    const turns = this.#turnsOf(provider.no);
    const round: Round = { provider: provider.no, turns, now, claims: [], steps: WALK_ROWS };
    if (room > 0 && provider.depth > 0) {
      for (const { session, id } of this.#holds.stir(provider.no, room)) this.#offerAwake(turns, session, id);
      turns.joinDue(now);
      this.#serve(round, room);
    }
    const nextDueAt = turns.joinDue(now);
    return nextDueAt === undefined ? { claims: round.claims } : { claims: round.claims, nextDueAt };
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
      const loan = this.#claims.of(id, claim);
      if (!loan) continue;
      this.#claims.end(id);
      this.#turnsOf(loan.provider).offer(loan.session, id);
      this.announce(loan.provider);
    }
  }

  /** There is a new message. */
  arrived(provider: number, session: number): void {
    this.#turnsOf(provider).join(session);
    this.announce(provider);
  }

  /** A message that was lent sleeps now; whoever waits wants to know until when. */
  sleeps({ provider, session }: Loan, until: number): void {
    this.#turnsOf(provider).sleep(session, until);
    this.announce(provider);
  }

  /** A message of a group is gone: whoever is its head now can go. */
  freeGroup(session: number, provider: number, groupId: string): void {
    const head = this.#head.get(session, provider, groupId);
    if (!head || head.retry_at !== null || this.#claims.has(head.id)) return;
    this.#turnsOf(provider).offer(session, head.id);
    this.announce(provider);
  }

  announce(provider: number): void {
    this.#context.transaction.outboxWork(this.#context.ledger.providerByNo(provider).name);
  }

  hold(name: string, target: string, until: number): void {
    this.#holds.hold(this.#context.ledger.provider(name).no, target, until);
  }

  wake(name: string, target: string): void {
    const provider = this.#context.ledger.findProvider(name);
    if (provider) this.#holds.wake(provider.no, target);
  }

  /** Each in line gets an equal share of the room; what some leave goes to the others in another lap. */
  #serve(round: Round, room: number): void {
    const { turns, claims } = round;
    while (claims.length < room && turns.size > 0) {
      const share = Math.ceil((room - claims.length) / turns.size);
      for (let left = turns.size; left > 0 && claims.length < room; left--) {
        if (round.steps <= 0) {
          this.announce(round.provider);
          return;
        }
        this.#serveNext(round, Math.min(room, claims.length + share));
      }
    }
  }

  /** Serves whose turn it is until there are `end` claims; it stands in line again if there may be more. */
  #serveNext(round: Round, end: number): void {
    const { turns, claims, now } = round;
    const session = turns.next();
    if (session === undefined) return;
    this.#wakeDue(round, session, end - claims.length);
    this.#takeReady(round, session, end);
    if (this.#walk(round, session, end) || turns.isDue(session, now)) turns.join(session);
  }

  /** Wakes up to `wanted` messages whose time has come. */
  #wakeDue(round: Round, session: number, wanted: number): void {
    const { provider, turns, now } = round;
    const limit = wanted - turns.lane(session).readySize;
    if (limit <= 0 || !turns.isDue(session, now)) return;
    const due = this.#due.all(provider, session, now, limit);
    for (const { id } of due) this.#offerAwake(turns, session, id);
    turns.setDue(session, this.#nextDue.get(provider, session)?.retry_at);
    round.steps -= due.length;
  }

  #offerAwake(turns: Turns, session: number, id: number): void {
    if (!this.#claims.has(id)) turns.offer(session, id);
  }

  #takeReady(round: Round, session: number, end: number): void {
    const lane = round.turns.lane(session);
    while (round.claims.length < end) {
      const id = lane.take();
      if (id === undefined) return;
      const row = this.#byId.get(id);
      if (row?.provider === round.provider && row.retry_at === null) this.#consider(round, row);
    }
  }

  /** Goes on with the lane of a session until there are `end` claims. False if it has come to the end of the lane. */
  #walk(round: Round, session: number, end: number): boolean {
    const { provider, turns, claims } = round;
    const lane = turns.lane(session);
    for (let page = end - claims.length; claims.length < end; page = Math.min(PAGE_ROWS, page * 2)) {
      const limit = Math.min(page, round.steps);
      if (limit <= 0) return true;
      const rows = this.#awake.all(provider, session, lane.cursor, limit);
      for (const row of rows) {
        if (claims.length >= end) return true;
        lane.cursor = row.id;
        round.steps--;
        this.#consider(round, row);
      }
      if (rows.length < limit) return false;
    }
    return true;
  }

  /** Lends a row that is awake, if nothing else forbids it. */
  #consider({ turns, now, claims }: Round, row: OutboxRow): void {
    if (this.#claims.has(row.id)) return;
    if (row.expires_at < now) {
      turns.passedAt = Math.max(turns.passedAt, now);
      return;
    }
    if (row.group_id !== null && this.#head.get(row.session, row.provider, row.group_id)?.id !== row.id) return;
    const until = this.#holds.until(row.provider, row.target);
    if (until > now) {
      this.#park.run(until, row.id);
      turns.sleep(row.session, until);
      return;
    }
    claims.push(this.#lend(row));
  }

  #lend(row: OutboxRow): Claim {
    const { ledger } = this.#context;
    const session = ledger.sessionByNo(row.session).name;
    const provider = ledger.providerByNo(row.provider).name;
    const message = messageOf(row, session, provider, ledger.state.prefix);
    return { claim: this.#claims.lend(row.id, row.provider, row.session), message };
  }

  #turnsOf(provider: number): Turns {
    let turns = this.#turns.get(provider);
    if (!turns) {
      const sessions = [...this.#context.ledger.sessions()].filter(({ pending }) => pending > 0);
      turns = new Turns(sessions.map(({ no }) => no));
      this.#turns.set(provider, turns);
    }
    return turns;
  }
}
