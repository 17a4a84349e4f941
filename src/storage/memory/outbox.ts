import type { AnswerMode, Claim, Message, Notice, Settlement, Submission } from '../../core/index.ts';

/** A message on its way, and what the store knows about it. Its claim and its due time change, the rest does not. */
export interface Entry {
  readonly message: Message;
  mailbox: number;
  attempts: number;
  firstAnsweredAt: number | undefined;
  lastReason: string | undefined;
  /** Asleep until then; undefined: claimable now. */
  dueAt: number | undefined;
  /** Asleep because its target is held, not for a reason of its own: `wake` finds it. */
  held: boolean;
  /** The number of its claim while it is on loan. */
  claim: number | undefined;
}

/** The messages of one provider by session, each oldest first. The session whose turn it is comes first. */
type Queues = Map<string, Map<number, Entry>>;

/** The messages of all providers. */
export class Outbox {
  readonly #byId = new Map<number, Entry>();
  readonly #byProvider = new Map<string, Queues>();
  readonly #groups = new Map<string, Set<Entry>>();
  /** By session and target. */
  readonly #targets = new Map<string, Set<Entry>>();
  /** Entries with a due time, by provider: what `nextDueAt` looks at. */
  readonly #asleep = new Map<string, Set<Entry>>();
  readonly #holds = new Map<string, number>();
  readonly #prefix = Math.random().toString(36).slice(2, 8).padEnd(6, '0');
  #lastId = 0;
  #lastClaim = 0;

  get(id: number): Entry | undefined {
    return this.#byId.get(id);
  }

  /** Depth and age of every provider that ever had a message. */
  depths(): { provider: string; depth: number; oldestAt?: number }[] {
    return [...this.#byProvider].map(([provider, queues]) => {
      const all = [...queues.values()];
      const depth = all.reduce((sum, { size }) => sum + size, 0);
      const oldestAt = Math.min(...all.flatMap((queue) => queue.values().next().value?.message.acceptedAt ?? []));
      return { provider, depth, ...(depth > 0 && { oldestAt }) };
    });
  }

  add(submission: Submission): Entry {
    const id = ++this.#lastId;
    const entry: Entry = {
      message: { ...submission, id, wireId: `${this.#prefix}-${id.toString(36)}`, attempts: 0 },
      mailbox: submission.mailbox,
      attempts: 0,
      firstAnsweredAt: undefined,
      lastReason: undefined,
      dueAt: undefined,
      held: false,
      claim: undefined,
    };
    this.#byId.set(id, entry);
    queueOf(this.#byProvider, submission).set(id, entry);
    const group = groupOf(submission);
    if (group) setOf(this.#groups, group).add(entry);
    setOf(this.#targets, targetOf(submission)).add(entry);
    return entry;
  }

  remove(entry: Entry): void {
    this.#byId.delete(entry.message.id);
    queueOf(this.#byProvider, entry.message).delete(entry.message.id);
    this.#wakeUp(entry);
    leave(this.#groups, groupOf(entry.message), entry);
    leave(this.#targets, targetOf(entry.message), entry);
  }

  claim(provider: string, room: number, now: number): { claims: Claim[]; nextDueAt?: number } {
    const claims: Claim[] = [];
    const queues: Queues = this.#byProvider.get(provider) ?? new Map();
    const turns = [...queues].map(([session, queue]) => ({ session, queue, ready: this.#ready(queue, now) }));
    for (let turn = turns.shift(); turn && claims.length < room; turn = turns.shift()) {
      const entry = turn.ready.next().value;
      if (!entry) continue;
      claims.push(this.lend(entry));
      queues.delete(turn.session);
      queues.set(turn.session, turn.queue);
      turns.push(turn);
    }
    const nextDueAt = Math.min(...[...(this.#asleep.get(provider) ?? [])].map((entry) => entry.dueAt ?? Infinity));
    return nextDueAt === Infinity ? { claims } : { claims, nextDueAt };
  }

  /** Unclaimed messages whose time is over, at most `limit`, lent out. */
  claimExpired(limit: number, now: number): Claim[] {
    const claims: Claim[] = [];
    for (const entry of this.#byId.values()) {
      if (claims.length >= limit) break;
      if (entry.claim === undefined && entry.message.expiresAt < now) claims.push(this.lend(entry));
    }
    return claims;
  }

  lend(entry: Entry): Claim {
    entry.claim = ++this.#lastClaim;
    return { claim: entry.claim, message: snapshot(entry) };
  }

  retry(entry: Entry, at: number, verdict: Extract<Settlement['verdict'], { kind: 'retry' }>): void {
    entry.claim = undefined;
    entry.lastReason = verdict.because;
    if (verdict.answered) {
      entry.attempts++;
      entry.firstAnsweredAt ??= at;
    }
    this.#sleep(entry, verdict.dueAt, verdict.held === true);
  }

  hold(provider: string, target: string, until: number): void {
    this.#holds.set(`${provider}\0${target}`, until);
    this.#unpark(provider, target, until);
  }

  wake(provider: string, target: string): void {
    this.#holds.delete(`${provider}\0${target}`);
    this.#unpark(provider, target, 0);
  }

  sweepHolds(now: number): void {
    for (const [key, until] of this.#holds) if (until < now) this.#holds.delete(key);
  }

  /** What a replacement pushes out: unclaimed messages of the same session, target and collapse key. */
  replaceable(by: Submission): Entry[] {
    const { collapseKey } = by;
    if (collapseKey === undefined) return [];
    return [...(this.#targets.get(targetOf(by)) ?? [])].filter(
      ({ claim, message }) => claim === undefined && message.collapseKey === collapseKey,
    );
  }

  /** How many opaque messages this session has for this target. */
  opaqueFor(of: Submission): number {
    let count = 0;
    for (const { message } of this.#targets.get(targetOf(of)) ?? []) if (message.payload.kind === 'opaque') count++;
    return count;
  }

  *#ready(queue: ReadonlyMap<number, Entry>, now: number): Generator<Entry, undefined, void> {
    for (const entry of queue.values()) if (this.#claimable(entry, now)) yield entry;
    return undefined;
  }

  #claimable(entry: Entry, now: number): boolean {
    const { message } = entry;
    if (entry.claim !== undefined || message.expiresAt < now) return false;
    if (entry.dueAt !== undefined && entry.dueAt > now) return false;
    const group = groupOf(message);
    if (group && this.#groups.get(group)?.values().next().value !== entry) return false;
    this.#wakeUp(entry);
    const until = this.#holds.get(`${message.provider}\0${message.target}`) ?? 0;
    if (until > now) this.#sleep(entry, until, true);
    return until <= now;
  }

  #unpark(provider: string, target: string, until: number): void {
    for (const entry of this.#asleep.get(provider) ?? []) {
      if (entry.held && entry.message.target === target && (entry.dueAt ?? 0) > until) this.#wakeUp(entry);
    }
  }

  #sleep(entry: Entry, dueAt: number, held: boolean): void {
    entry.dueAt = dueAt;
    entry.held = held;
    setOf(this.#asleep, entry.message.provider).add(entry);
  }

  #wakeUp(entry: Entry): void {
    entry.dueAt = undefined;
    entry.held = false;
    this.#asleep.get(entry.message.provider)?.delete(entry);
  }
}

/** What is remembered of a message after its outcome, to recognise and answer repeats. */
export interface Outcome {
  readonly digest: string;
  readonly at: number;
  readonly answer: AnswerMode;
  readonly notice: Notice;
  /** The frame that carries it, whether still in the inbox or not. */
  sequence: number | undefined;
}

function snapshot(entry: Entry): Message {
  const { message, mailbox, attempts, firstAnsweredAt, lastReason } = entry;
  return {
    ...message,
    mailbox,
    attempts,
    ...(firstAnsweredAt !== undefined && { firstAnsweredAt }),
    ...(lastReason !== undefined && { lastReason }),
  };
}

function groupOf(message: Submission): string | undefined {
  return message.groupId === undefined ? undefined : `${message.session}\0${message.provider}\0${message.groupId}`;
}

const targetOf = ({ session, target }: Submission): string => `${session}\0${target}`;

/** Takes an entry out of the set of this key, which goes with its last one. */
function leave(sets: Map<string, Set<Entry>>, key: string | undefined, entry: Entry): void {
  const set = key === undefined ? undefined : sets.get(key);
  if (!set || key === undefined) return;
  set.delete(entry);
  if (set.size === 0) sets.delete(key);
}

function setOf<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  const found = map.get(key) ?? new Set<T>();
  map.set(key, found);
  return found;
}

function queueOf(map: Map<string, Queues>, { provider, session }: Submission): Map<number, Entry> {
  const queues: Queues = map.get(provider) ?? new Map();
  map.set(provider, queues);
  const queue = queues.get(session) ?? new Map<number, Entry>();
  queues.set(session, queue);
  return queue;
}
