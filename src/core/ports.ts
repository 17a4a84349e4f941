/**
 * The seams of the core: what a store and a provider must offer. Doors call the core itself (see `router.ts` and
 * `sessions.ts`). Both seams have an exported contract suite in `test`.
 */

import type { InboxFrame, Incoming, Message, Notice, Outcome, ReceiptEntry, Submission } from './message.ts';
import type { Found, NewRegistration, Registered, Registration } from './registration.ts';

/** What became of a submission. All of these are answered after the commit. */
export type Accepted =
  | { readonly kind: 'taken'; readonly id: number }
  /** A repeat of a message that has no outcome yet; its answer now belongs to the submitting mailbox. */
  | { readonly kind: 'pending' }
  /**
   * A repeat of a message whose outcome is known: it waits in the inbox under `sequence` (the old number if it was not
   * yet acknowledged, a new one otherwise) and now belongs to the submitting mailbox.
   */
  | { readonly kind: 'repeated'; readonly sequence: number }
  /** The same for `answer: 'connection'` and `'kept'`: the outcome itself. */
  | { readonly kind: 'answered'; readonly notice: Notice }
  /** The id is taken by a message with other content. */
  | { readonly kind: 'conflict' }
  /** Refused, and no trace is left: as many as may wait for this target do. See {@link StoreLimits.sessions}. */
  | { readonly kind: 'full' };

/** A message on loan to the dispatcher. Only its `claim` number may settle it with anything but acceptance. */
export interface Claim {
  readonly claim: number;
  readonly message: Message;
}

export interface Claimed {
  readonly claims: readonly Claim[];
  /** When the next message of this provider falls due, if one waits for its time. */
  readonly nextDueAt?: number;
}

/** How a claim ends. */
export interface Settlement {
  readonly id: number;
  readonly claim: number;
  readonly at: number;
  readonly verdict:
    | {
        readonly kind: 'final';
        /** True if the provider accepted: such a settlement counts even with an old claim. */
        readonly accepted: boolean;
        readonly notice: Notice;
        /** Keep a copy in the dead letters, for this reason. */
        readonly dead?: string;
        /**
         * For `answer: 'connection'`: the outcome is told and not remembered. It may go well another time, so the same id
         * gets a new attempt.
         */
        readonly forget?: true;
      }
    /**
     * Try again at `dueAt`. `answered` says that the provider answered (counts as an attempt); `held`, that the message
     * waits only for its target, so that {@link Store.wake} ends its wait, too.
     */
    | {
        readonly kind: 'retry';
        readonly dueAt: number;
        readonly because: string;
        readonly answered: boolean;
        readonly held?: true;
      };
}

export type Settled =
  /**
   * Outbox row gone, outcome remembered, and for `answer: 'inbox'` a frame put into the inbox: one commit. Without
   * `sequence` there is no frame: the outcome is for the connection that has this mailbox, if it is still there.
   */
  | { readonly kind: 'settled'; readonly session: string; readonly mailbox: number; readonly sequence?: number }
  | { readonly kind: 'scheduled' }
  /** An old claim, or a message settled before: ignored. The first final outcome wins. */
  | { readonly kind: 'stale' };

export type Received =
  | { readonly kind: 'stored'; readonly sequence: number }
  | { readonly kind: 'duplicate' | 'dead' }
  /** Refused, because the inbox is full and the sender will hear of it: no trace is left. */
  | { readonly kind: 'full' };

/** `unknown`: a number that this session was never given. */
export type Acked = 'settled' | 'already' | 'unknown';

/** Something can be claimed that could not be claimed before. */
export type Work =
  | { readonly kind: 'outbox'; readonly provider: string }
  /** Told at most once per commit for each mailbox. */
  | { readonly kind: 'inbox'; readonly session: string; readonly mailbox: number };

/** Which registration is meant. */
export type RegistrationKey =
  /** `registeredAt`: only what was not registered anew since this moment, in milliseconds since the epoch. */
  { readonly token: string; readonly registeredAt?: number } | { readonly owner: string; readonly name: string };

/** How many registrations this owner may have. */
export function registrationsMaxOf(
  { registrationsPerOwner, registrationsOf = {} }: Pick<StoreLimits, 'registrationsPerOwner' | 'registrationsOf'>,
  owner: string,
): number {
  return Object.hasOwn(registrationsOf, owner)
    ? (registrationsOf[owner] ?? registrationsPerOwner)
    : registrationsPerOwner;
}

/** Facts for metrics and health; cheap to ask for. */
export interface StoreStats {
  readonly outbox: readonly { readonly provider: string; readonly depth: number; readonly oldestAt?: number }[];
  readonly inbox: readonly { readonly session: string; readonly depth: number; readonly oldestAt?: number }[];
  readonly deadLetters: number;
  readonly receipts: number;
  readonly registrations: number;
  readonly outcomes: number;
  /** How far back a repeat is recognised, in milliseconds: the configured window, or less when `dedupeMax` bites. */
  readonly dedupeWindowMs: number;
  readonly commits: number;
  readonly operations: number;
}

/** Bounds of the tables. Every one has its default in `storage` options of the configuration. */
export interface StoreLimits {
  /**
   * Outcomes are remembered this long after they were given, and at most so many of them; longer, and beyond that number,
   * only while their frame waits in the inbox.
   */
  readonly dedupeWindowMs: number;
  readonly dedupeMax: number;
  /** Upstream messages and receipts are recognised as duplicates this long; `dedupeMax` bounds them too. */
  readonly upstreamDedupeMs: number;
  readonly receiptsMax: number;
  readonly inboxTtlMs: number;
  readonly deadLettersMax: number;
  /** Registrations in all, and of one owner; beyond that nothing is registered. */
  readonly registrationsMax: number;
  readonly registrationsPerOwner: number;
  /** Those of one owner that may have another number of them, by owner. */
  readonly registrationsOf?: Readonly<Record<string, number>>;
  /** Tokens that were revoked are known as such for so long, and at most as many as there may be registrations. */
  readonly revokedMs: number;
  /** Inbox frames per session; `sessions` overrides it. */
  readonly maxInbox: number;
  /** `maxPerTarget`: opaque messages without an outcome for one target; those beyond it are refused. Absent: not counted. */
  readonly sessions: Readonly<Record<string, { readonly maxInbox?: number; readonly maxPerTarget?: number }>>;
}

/**
 * The durable heart: outbox, inbox, dedupe window, receipt index, dead letters, registrations. Every promise resolves after the commit
 * and rejects with a {@link StoreError}; calls made together are committed together. Nothing returns an unbounded list.
 *
 * Claims live as long as the store: after a reopening everything unsettled can be claimed again. Bounds are enforced by
 * {@link Store.sweep} and, for inboxes, at once: a notice for a full inbox becomes a dead letter, or is refused if its
 * sender hears of it, unless it is an answer (the door stops taking work before: answers always find room).
 */
export interface Store {
  /** Stores new messages and recognises repeats; `(session, messageId)` is unique, the store's key decides. */
  accept(batch: readonly Submission[]): Promise<Accepted[]>;
  /**
   * Like `accept` for one message, and removes in the same commit what it replaces: undelivered, unclaimed messages with
   * the same session, target and collapse key. These are remembered as outcomes without a frame.
   */
  replace(submission: Submission): Promise<Accepted>;
  /** Withdraws a message that is undelivered and unclaimed, and forgets its id. False if there is none. */
  cancel(session: string, messageId: string): Promise<boolean>;

  /**
   * What became of a message: `pending` as long as it has no outcome, the outcome as long as it is remembered, undefined if
   * there is no trace of it.
   */
  outcomeOf(session: string, messageId: string): Promise<'pending' | Notice | undefined>;

  /**
   * Up to `room` due messages of a provider. Sessions take turns, from one call to the next, so that none waits behind the
   * backlog of another; of a session the oldest first, retries whose time has come among them; of a group only its head,
   * and only if no message of the group is claimed. Expired messages and held targets are passed over.
   */
  claim(provider: string, room: number, now: number): Promise<Claimed>;
  /** Claims messages of any provider whose `expiresAt` has passed and which are not in flight. At most `limit`. */
  claimExpired(limit: number, now: number): Promise<Claim[]>;
  /** Ends claims, each in one transaction with what follows from it. */
  settle(batch: readonly Settlement[]): Promise<Settled[]>;
  /** Gives claims back untried: they can be claimed again at once, before newer work. Old claims are ignored. */
  release(claims: readonly { readonly id: number; readonly claim: number }[]): Promise<void>;
  /** Messages to this target wait until then. */
  hold(provider: string, target: string, until: number): Promise<void>;
  /** What waits because its target is held, or was tried and waits for its target, can be claimed again. */
  wake(provider: string, target: string, now: number): Promise<void>;

  /**
   * Who asked for the receipt of this wire id, if it is still in the index. An entry stays for an hour after the TTL of its
   * message, because a receipt may come well after a TTL of 0, and at most 4 weeks after the acceptance.
   */
  receiptFor(provider: string, wireId: string): Promise<ReceiptEntry | undefined>;
  /** Stores upstream messages and receipts, duplicates and dead letters recognised. */
  receive(batch: readonly Incoming[]): Promise<Received[]>;

  /**
   * Stores registrations, one outcome each, in order. `(owner, name)` is unique: with the same `vapid` as before the
   * endpoint keeps its token and everything else becomes as given; with another one, or after its end, it gets the new
   * token and the old one is revoked. [RFC 8292 §4.1] Bounds: {@link StoreLimits.registrationsMax}, `registrationsPerOwner`;
   * what is past its end takes no room.
   */
  register(batch: readonly NewRegistration[]): Promise<Registered[]>;
  /** What this token leads to now. One past its end is revoked. */
  registration(token: string, now: number): Promise<Found>;
  /** Up to `limit` registrations of an owner, ordered by name, those after `after` only. */
  registrationsOf(owner: string, after: string | undefined, limit: number, now: number): Promise<Registration[]>;
  /**
   * Ends registrations, by token, or what an owner has under a name. What was pushed there and is not delivered yet finds
   * no registration any more: what sleeps of it is woken, as by {@link Store.wake}, to learn of it. Answers with those that
   * there were.
   */
  revoke(which: readonly RegistrationKey[], now: number): Promise<Registration[]>;

  /** A new mailbox: the right of one connection to the answers of what it submits. Unique across restarts. */
  openMailbox(session: string): Promise<number>;
  /** Frames and pending answers of this mailbox now belong to mailbox 0, that is to anyone of the session. */
  releaseMailbox(session: string, mailbox: number): Promise<void>;
  /**
   * Up to `room` unclaimed frames of these mailboxes, oldest first; no more of them once they hold {@link CLAIM_BYTES}.
   * Mailbox 0 holds what belongs to no connection.
   */
  claimInbox(session: string, mailboxes: readonly number[], room: number): Promise<InboxFrame[]>;
  /** The backend has these for good. Answers in the order asked. */
  ackInbox(session: string, sequences: readonly number[], now: number): Promise<Acked[]>;
  /** Gives claimed frames back; they can be claimed again under their own numbers. */
  releaseInbox(session: string, sequences: readonly number[]): Promise<void>;

  /** Enforces windows and bounds, a bounded piece at a time. True if there is more to do. */
  sweep(now: number): Promise<boolean>;

  /** Messages of the session without an outcome, as of the last commit. */
  pending(session: string): number;
  /** Frames in the session's inbox, as of the last commit. */
  waiting(session: string): number;
  stats(): Promise<StoreStats>;

  /** Called after a commit that made something claimable, and never from within a call. One listener. */
  onWork(listener: (work: Work) => void): void;
  /**
   * Called when the store can't go on (disk gone or full) and again, with undefined, when it can: with the first commit
   * after 5 s without a refusal, so that trouble does not come and go by the second. Until then calls are served as far
   * as possible, but `claim` lends nothing. With the code 'dead' there is no coming back. One listener.
   */
  onTrouble(listener: (error: StoreError | undefined) => void): void;
  /** Commits what was asked for and closes. Calls afterwards reject. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Why a store can't be opened or can't go on; the message says what to do. 'dead': it can't come back in this process, every
 * call is rejected with this code from now on; what was committed is safe. 'fault': one operation failed by itself, the store
 * is well.
 */
export type StoreErrorCode =
  | 'unreadable'
  | 'foreign'
  | 'newer'
  | 'in-use'
  | 'full'
  | 'failed'
  | 'fault'
  | 'dead'
  | 'closed';

/** Bytes of `data` at which a claim of inbox frames ends: bounds what a backend that does not read keeps in memory. */
export const CLAIM_BYTES = 1_048_576;

/** Pause before a store that refused is asked again, in milliseconds: whoever must not give up asks so often. */
export const STORE_RETRY_MS = 500;

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}

/** Whether a call failed because the store was closed: trying again is useless, what it holds is safe. */
export function isClosed(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'closed' || error.code === 'dead');
}

/** The state of a part, for `/readyz` and for people. */
export interface Health {
  readonly state: 'ok' | 'degraded' | 'down';
  /** What is the matter, in words; absent when all is well. */
  readonly detail?: string;
  readonly facts?: Readonly<Record<string, number | string | boolean>>;
}

/** What a provider hands in. Resolves after the commit: only then may the provider acknowledge to its service. */
export interface Receiver {
  /** An upstream message of the app `session`, which is that of the session itself on the BAL. `data` is the JSON object for `fcm_data`, as text. */
  upstream(incoming: { from: string; id: string; session: string; data: string }): Promise<void>;
  /** A receipt for the message with this wire id; `data` is asked for the JSON text once the sender's own id is known. */
  receipt(incoming: { from: string; id: string; wireId: string; data: (messageId: string) => string }): Promise<void>;
}

/**
 * What became of what a device handed in through a door. `full`: the inbox of its session takes nothing now. `too_large`: no
 * frame can carry it. `unknown`: no session has this app, or no receipt of such a message of that session is awaited.
 */
export type Handed = 'stored' | 'duplicate' | 'full' | 'too_large' | 'unknown';

/**
 * What a door hands in that devices speak to themselves. Answers after the commit, and rejects if the store can't take it.
 * The device hears the answer: nothing becomes a dead letter, and nothing is kept of what is refused.
 */
export interface Intake {
  /** An upstream message of `app`; known again by `app`, `from` and `id`. `data` is the text for `fcm_data`. */
  upstream(incoming: { from: string; id: string; app: string; data: string }): Promise<Handed>;
  /**
   * A receipt for the message that `provider` sent to `app` under `wireId`; known again by `app`, `from` and `id`.
   * `data` is asked for the JSON text once the sender's own id is known.
   */
  receipt(incoming: {
    from: string;
    id: string;
    app: string;
    provider: string;
    wireId: string;
    data: (messageId: string) => string;
  }): Promise<Handed>;
}

/** Why a provider would refuse a message at the door. */
export interface Refusal {
  readonly code: 'INVALID_MESSAGE' | 'PAYLOAD_TOO_LARGE';
  readonly because: string;
}

/** A way to devices. It holds no message longer than an attempt: queues belong to the store. */
export interface Provider {
  readonly name: string;
  /** What would be refused anyway, found before it is taken. Cheap; called once per message. */
  inspect(payload: Submission['payload']): Refusal | undefined;
  /** How many more deliveries it takes right now. */
  room(): number;
  /** Called when room appeared. One listener. */
  onRoom(listener: () => void): void;
  /** One attempt. Called only with room; never rejects for what a service may answer. */
  deliver(message: Message, now: number): Promise<Outcome>;
  /** Begins to connect. Resolves without waiting for a login: an unreachable service is a state, not a failed start. */
  start(receiver: Receiver): Promise<void>;
  /** Takes no more work, lets what is in flight come home for at most `ms`, closes. Safe to call twice. */
  stop(ms: number): Promise<void>;
  health(): Health;
}
