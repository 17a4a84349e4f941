import type {
  Accepted,
  Acked,
  Claim,
  Claimed,
  Found,
  InboxFrame,
  Incoming,
  NewRegistration,
  Notice,
  ReceiptEntry,
  Received,
  Registered,
  Registration,
  RegistrationKey,
  Settled,
  Settlement,
  Store,
  StoreLimits,
  StoreStats,
  Submission,
  Work,
} from '../../core/index.ts';
import { StoreError } from '../../core/index.ts';
import { Bell } from './bell.ts';
import { Inbox } from './inbox.ts';
import { type Entry, Outbox, type Outcome } from './outbox.ts';
import { Records, SWEEP_ROWS } from './records.ts';
import { Registrations } from './registrations.ts';

/**
 * A store without a disk, for tests, demos and bridges that may forget. It keeps every promise of {@link Store} but
 * durability, and holds its whole backlog in memory.
 */
export function createMemoryStore(limits: StoreLimits): Store {
  return new MemoryStore(limits);
}

class MemoryStore implements Store {
  readonly #limits: StoreLimits;
  readonly #outbox = new Outbox();
  readonly #inboxes = new Map<string, Inbox>();
  /** Messages without an outcome, by session and message id. */
  readonly #pending = new Map<string, Map<string, Entry>>();
  readonly #records = new Records();
  readonly #registrations: Registrations;
  readonly #bell = new Bell();
  readonly #openMailboxes = new Set<number>();
  #lastMailbox = 0;
  #operations = 0;
  #closed = false;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
    this.#registrations = new Registrations(limits, ({ provider, token }) => this.#wake(provider, token));
  }

  accept(batch: readonly Submission[]): Promise<Accepted[]> {
    return this.#run(() => batch.map((submission) => this.#accept(submission)));
  }

  replace(submission: Submission): Promise<Accepted> {
    return this.#run(() => {
      const olds = this.#outbox.replaceable(submission);
      const accepted = this.#accept(submission, olds.filter(({ message }) => message.payload.kind === 'opaque').length);
      if (accepted.kind !== 'taken') return accepted;
      for (const old of olds) {
        this.#finish(old, submission.acceptedAt, withdrawn(old.message, 'replaced by a newer message'));
      }
      return accepted;
    });
  }

  cancel(session: string, messageId: string): Promise<boolean> {
    return this.#run(() => {
      const entry = this.#pending.get(session)?.get(messageId);
      if (!entry || entry.claim !== undefined) return false;
      this.#drop(entry);
      return true;
    });
  }

  outcomeOf(session: string, messageId: string): Promise<'pending' | Notice | undefined> {
    return this.#run(() => {
      if (this.#pending.get(session)?.has(messageId)) return 'pending';
      return this.#records.outcomes.get(keyOf(session, messageId))?.notice;
    });
  }

  claim(provider: string, room: number, now: number): Promise<Claimed> {
    return this.#run(() => this.#outbox.claim(provider, room, now));
  }

  claimExpired(limit: number, now: number): Promise<Claim[]> {
    return this.#run(() => this.#outbox.claimExpired(limit, now));
  }

  settle(batch: readonly Settlement[]): Promise<Settled[]> {
    return this.#run(() => batch.map((settlement) => this.#settle(settlement)));
  }

  release(claims: readonly { readonly id: number; readonly claim: number }[]): Promise<void> {
    return this.#run(() => {
      for (const { id, claim } of claims) {
        const entry = this.#outbox.get(id);
        if (entry?.claim !== claim) continue;
        entry.claim = undefined;
        this.#bell.outbox(entry.message.provider);
      }
    });
  }

  hold(provider: string, target: string, until: number): Promise<void> {
    return this.#run(() => {
      this.#outbox.hold(provider, target, until);
      this.#bell.outbox(provider);
    });
  }

  wake(provider: string, target: string): Promise<void> {
    return this.#run(() => this.#wake(provider, target));
  }

  receiptFor(provider: string, wireId: string): Promise<ReceiptEntry | undefined> {
    return this.#run(() => {
      const found = this.#records.receipts.get(wireId);
      if (found?.provider !== provider) return undefined;
      const { session, messageId, groupId, mailbox } = found;
      return { session, messageId, ...(groupId !== undefined && { groupId }), mailbox: this.#resolve(mailbox) };
    });
  }

  receive(batch: readonly Incoming[]): Promise<Received[]> {
    return this.#run(() => batch.map((incoming) => this.#receive(incoming)));
  }

  register(batch: readonly NewRegistration[]): Promise<Registered[]> {
    return this.#run(() => batch.map((asked) => this.#registrations.register(asked)));
  }

  registration(token: string, now: number): Promise<Found> {
    return this.#run(() => this.#registrations.find(token, now));
  }

  registrationsOf(owner: string, after: string | undefined, limit: number, now: number): Promise<Registration[]> {
    return this.#run(() => this.#registrations.of(owner, after, limit, now));
  }

  revoke(which: readonly RegistrationKey[], now: number): Promise<Registration[]> {
    return this.#run(() => which.flatMap((key) => this.#registrations.revoke(key, now) ?? []));
  }

  openMailbox(): Promise<number> {
    return this.#run(() => {
      this.#openMailboxes.add(++this.#lastMailbox);
      return this.#lastMailbox;
    });
  }

  releaseMailbox(session: string, mailbox: number): Promise<void> {
    return this.#run(() => {
      this.#openMailboxes.delete(mailbox);
      if (this.#inbox(session).releaseMailbox(mailbox)) this.#bell.inbox(session, 0);
    });
  }

  claimInbox(session: string, mailboxes: readonly number[], room: number): Promise<InboxFrame[]> {
    return this.#run(() => this.#inbox(session).claim(mailboxes, room));
  }

  ackInbox(session: string, sequences: readonly number[]): Promise<Acked[]> {
    return this.#run(() => sequences.map((sequence) => this.#inbox(session).ack(sequence)));
  }

  releaseInbox(session: string, sequences: readonly number[]): Promise<void> {
    return this.#run(() => {
      for (const sequence of sequences) {
        const mailbox = this.#inbox(session).release(sequence);
        if (mailbox !== undefined) this.#bell.inbox(session, mailbox);
      }
    });
  }

  sweep(now: number): Promise<boolean> {
    return this.#run(() => {
      this.#outbox.sweepHolds(now);
      let more = this.#records.sweep(this.#limits, now);
      more = this.#registrations.sweep(now) || more;
      for (const inbox of this.#inboxes.values()) {
        const expired = inbox.expire(now - this.#limits.inboxTtlMs, SWEEP_ROWS);
        for (const notice of expired)
          if (!isAnswer(notice)) this.#records.bury('it waited too long in the inbox', notice);
        more = expired.length === SWEEP_ROWS || more;
      }
      return more;
    });
  }

  pending(session: string): number {
    return this.#pending.get(session)?.size ?? 0;
  }

  waiting(session: string): number {
    return this.#inboxes.get(session)?.size ?? 0;
  }

  stats(): Promise<StoreStats> {
    return this.#run(() => {
      return {
        outbox: this.#outbox.depths(),
        inbox: [...this.#inboxes].map(([session, { size, oldestAt }]) => ({
          session,
          depth: size,
          ...(oldestAt !== undefined && { oldestAt }),
        })),
        ...this.#records.stats(this.#limits),
        registrations: this.#registrations.size,
        commits: this.#operations,
        operations: this.#operations,
      };
    });
  }

  onWork(listener: (work: Work) => void): void {
    this.#bell.listener = listener;
  }

  /** Memory gives no trouble that a process could outlive. */
  onTrouble(): void {}

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Every operation runs here: at once, whole, and never after `close`. */
  async #run<T>(operation: () => T): Promise<T> {
    if (this.#closed) throw new StoreError('closed', 'the store is closed');
    this.#operations++;
    return operation();
  }

  #wake(provider: string, target: string): void {
    this.#outbox.wake(provider, target);
    this.#bell.outbox(provider);
  }

  /** @param leaving messages to the same target that give way to this one */
  #accept(submission: Submission, leaving = 0): Accepted {
    const { session, messageId, mailbox, digest } = submission;
    const pending = this.#pending.get(session)?.get(messageId);
    if (pending) {
      if (pending.message.digest !== digest) return { kind: 'conflict' };
      pending.mailbox = mailbox;
      this.#records.readdress(pending.message.wireId, mailbox);
      return { kind: 'pending' };
    }
    const outcome = this.#records.outcomes.get(keyOf(session, messageId));
    if (outcome) return this.#repeat(submission, outcome);
    if (this.#isFull(submission, leaving)) return { kind: 'full' };
    const entry = this.#outbox.add(submission);
    this.#pending.set(session, (this.#pending.get(session) ?? new Map()).set(messageId, entry));
    if (submission.receipt) this.#records.expect(entry.message.wireId, submission);
    this.#bell.outbox(submission.provider);
    return { kind: 'taken', id: entry.message.id };
  }

  #isFull(submission: Submission, leaving: number): boolean {
    const max = this.#limits.sessions[submission.session]?.maxPerTarget;
    if (max === undefined || submission.payload.kind !== 'opaque') return false;
    return this.#outbox.opaqueFor(submission) >= max + leaving;
  }

  #repeat({ session, digest, mailbox, acceptedAt }: Submission, outcome: Outcome): Accepted {
    if (outcome.digest !== digest) return { kind: 'conflict' };
    if (outcome.answer !== 'inbox') return { kind: 'answered', notice: outcome.notice };
    const inbox = this.#inbox(session);
    const owner = this.#resolve(mailbox);
    if (outcome.sequence === undefined || !inbox.move(outcome.sequence, owner)) {
      outcome.sequence = inbox.add(outcome.notice, owner, acceptedAt);
    }
    this.#bell.inbox(session, owner);
    return { kind: 'repeated', sequence: outcome.sequence };
  }

  #settle({ id, claim, at, verdict }: Settlement): Settled {
    const entry = this.#outbox.get(id);
    if (!entry) return { kind: 'stale' };
    const accepted = verdict.kind === 'final' && verdict.accepted;
    if (entry.claim !== claim && !accepted) return { kind: 'stale' };
    if (verdict.kind === 'retry') {
      this.#outbox.retry(entry, at, verdict);
      this.#bell.outbox(entry.message.provider);
      return { kind: 'scheduled' };
    }
    if (verdict.dead !== undefined) this.#records.bury(verdict.dead, verdict.notice);
    const { session, answer } = entry.message;
    const mailbox = this.#resolve(entry.mailbox);
    if (verdict.forget && answer === 'connection') {
      this.#drop(entry);
      return { kind: 'settled', session, mailbox };
    }
    const outcome = this.#finish(entry, at, verdict.notice);
    if (answer !== 'inbox' || !outcome) return { kind: 'settled', session, mailbox };
    outcome.sequence = this.#inbox(session).add(verdict.notice, mailbox, at);
    this.#bell.inbox(session, mailbox);
    return { kind: 'settled', session, mailbox, sequence: outcome.sequence };
  }

  /** Takes a message out of the outbox and remembers its outcome, without a frame. */
  #finish(entry: Entry, at: number, notice: Notice): Outcome | undefined {
    const { session, messageId, digest, answer } = entry.message;
    this.#drop(entry);
    if (answer === 'none') return undefined;
    const outcome: Outcome = { digest, at, answer, notice, sequence: undefined };
    this.#records.outcomes.set(keyOf(session, messageId), outcome);
    return outcome;
  }

  /** Takes a message out of the outbox; its id is free again. */
  #drop(entry: Entry): void {
    const { session, messageId, provider } = entry.message;
    this.#outbox.remove(entry);
    this.#pending.get(session)?.delete(messageId);
    this.#bell.outbox(provider);
  }

  #receive(incoming: Incoming): Received {
    const { provider, from, id, at, notice, to, refusable } = incoming;
    const key = keyOf(provider, from, id);
    if (!this.#records.see(key, at)) return { kind: 'duplicate' };
    const { sessions, maxInbox } = this.#limits;
    if ('dead' in to) return this.#bury(to.dead, notice);
    const inbox = this.#inbox(to.session);
    if (inbox.size >= (sessions[to.session]?.maxInbox ?? maxInbox)) {
      if (!refusable) return this.#bury('the inbox is full', notice);
      this.#records.unsee(key);
      return { kind: 'full' };
    }
    const mailbox = this.#resolve(to.mailbox);
    this.#bell.inbox(to.session, mailbox);
    return { kind: 'stored', sequence: inbox.add(notice, mailbox, at) };
  }

  #bury(because: string, notice: Notice): Received {
    this.#records.bury(because, notice);
    return { kind: 'dead' };
  }

  #inbox(session: string): Inbox {
    const inbox = this.#inboxes.get(session) ?? new Inbox();
    this.#inboxes.set(session, inbox);
    return inbox;
  }

  #resolve(mailbox: number): number {
    return this.#openMailboxes.has(mailbox) ? mailbox : 0;
  }
}

function withdrawn(message: Submission, because: string): Notice {
  const { messageId, groupId, target } = message;
  const data = JSON.stringify({ message_id: messageId, to: target });
  const told = { type: 'reject', messageId, error: 'EXPIRED', errorString: because, data } as const;
  return groupId === undefined ? told : { ...told, groupId };
}

const isAnswer = (notice: Notice): boolean => notice.type === 'ack' || notice.type === 'reject';
const keyOf = (...parts: string[]): string => parts.join('\0');
