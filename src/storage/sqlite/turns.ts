import { Lane } from './lane.ts';

/**
 * Whose turn it is at one provider. Every session has a lane of its own through its messages; one that may have something
 * to claim stands in line, takes its share, goes to the end of the line, and leaves it when nothing is left. So nobody
 * waits behind the backlog of another, and whoever has nothing to claim costs nothing.
 */
export class Turns {
  readonly #lanes = new Map<number, Lane>();
  /** Sessions that may have something to claim, the next one first. */
  readonly #line: Set<number>;
  /** When the first sleeping message of a session falls due: that time or an earlier one. Without sleepers: none. */
  readonly #dueAt: Map<number, number>;
  /** The latest time at which a row was passed over because it had expired: were the clock set back, it had not. */
  passedAt = 0;

  /** @param sessions those with messages, of which nothing else is known yet */
  constructor(sessions: readonly number[]) {
    this.#line = new Set(sessions);
    this.#dueAt = new Map(sessions.map((session) => [session, 0]));
  }

  /** How many stand in line. */
  get size(): number {
    return this.#line.size;
  }

  lane(session: number): Lane {
    let lane = this.#lanes.get(session);
    if (!lane) {
      lane = new Lane();
      this.#lanes.set(session, lane);
    }
    return lane;
  }

  /** The session may have something to claim. */
  join(session: number): void {
    this.#line.add(session);
  }

  /** A message of the session became claimable. */
  offer(session: number, id: number): void {
    this.lane(session).offer(id);
    this.join(session);
  }

  /** Whose turn it is, taken out of the line. */
  next(): number | undefined {
    const [session] = this.#line;
    if (session !== undefined) this.#line.delete(session);
    return session;
  }

  /** A message of the session sleeps until then. */
  sleep(session: number, until: number): void {
    this.#dueAt.set(session, Math.min(until, this.#dueAt.get(session) ?? Infinity));
  }

  /** Whether sleeping messages of the session fall due by `now`, or nobody has looked yet. */
  isDue(session: number, now: number): boolean {
    return (this.#dueAt.get(session) ?? Infinity) <= now;
  }

  /** Somebody has looked: the first sleeper falls due then, or none sleeps. */
  setDue(session: number, at: number | undefined): void {
    if (at === undefined) this.#dueAt.delete(session);
    else this.#dueAt.set(session, at);
  }

  /** Lets those join whose sleepers fall due by `now`; the next such time after it, if there is one. */
  joinDue(now: number): number | undefined {
    let next = Infinity;
    for (const [session, at] of this.#dueAt) {
      if (at <= now) this.join(session);
      else next = Math.min(next, at);
    }
    return next === Infinity ? undefined : next;
  }
}
