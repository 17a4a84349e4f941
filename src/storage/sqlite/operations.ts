import type {
  Accepted,
  Acked,
  Claim,
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
  StoreErrorCode,
  StoreLimits,
  StoreStats,
  Submission,
  Work,
} from '../../core/index.ts';
import type { Packed } from './packing.ts';

/** {@link Claimed} as it travels. */
export interface PackedClaims {
  readonly claims: Packed<Claim>;
  readonly nextDueAt: number | undefined;
}

/** What the worker does: the calls of {@link Store} without their promises, what there is much of packed. */
export interface Operations {
  accept(batch: Packed<Submission>): Accepted[];
  replace(submission: Submission): Accepted;
  cancel(session: string, messageId: string): boolean;
  outcomeOf(session: string, messageId: string): 'pending' | Notice | undefined;
  claim(provider: string, room: number, now: number): PackedClaims;
  claimExpired(limit: number, now: number): Claim[];
  settle(batch: Packed<Settlement>): Settled[];
  release(claims: readonly { readonly id: number; readonly claim: number }[]): void;
  hold(provider: string, target: string, until: number): void;
  wake(provider: string, target: string, now: number): void;
  receiptFor(provider: string, wireId: string): ReceiptEntry | undefined;
  receive(batch: readonly Incoming[]): Received[];
  register(batch: readonly NewRegistration[]): Registered[];
  registration(token: string, now: number): Found;
  registrationsOf(owner: string, after: string | undefined, limit: number, now: number): Registration[];
  revoke(which: readonly RegistrationKey[], now: number): Registration[];
  openMailbox(session: string): number;
  releaseMailbox(session: string, mailbox: number): void;
  claimInbox(session: string, mailboxes: readonly number[], room: number): Packed<InboxFrame>;
  ackInbox(session: string, sequences: readonly number[]): Acked[];
  releaseInbox(session: string, sequences: readonly number[]): void;
  sweep(now: number): boolean;
  stats(): StoreStats;
}

export type OperationName = keyof Operations;

/** One operation on its way to the worker. */
export type Call = { [K in OperationName]: readonly [K, ...Parameters<Operations[K]>] }[OperationName];

/** What the worker is started with. */
export interface WorkerData {
  readonly path: string;
  readonly limits: StoreLimits;
  /** Upper bound of the file in pages, for those who want one. */
  readonly maxPages: number | undefined;
}

export type Request =
  /** `troubled`: the store is in trouble. Then every transaction writes, and nothing is lent to be sent. */
  { readonly kind: 'batch'; readonly calls: readonly Call[]; readonly troubled: boolean } | { readonly kind: 'close' };

/** An error as it travels between threads. */
export interface Trouble {
  readonly code: StoreErrorCode;
  readonly message: string;
}

/** Counters of a session as of a commit. */
export interface Counts {
  readonly name: string;
  readonly pending: number;
  readonly waiting: number;
}

/** What became of a batch; `results` and `errors` by the place of the call in it. */
export interface BatchReply {
  readonly results: readonly unknown[];
  readonly errors: readonly { readonly place: number; readonly error: Trouble }[];
  readonly work: readonly Work[];
  readonly counts: readonly Counts[];
  /** What kept the store from serving a call of this batch, if it was not the call's own fault. */
  readonly trouble: Trouble | undefined;
}

export type Reply =
  | { readonly kind: 'opened'; readonly counts: readonly Counts[] }
  | { readonly kind: 'refused'; readonly error: Trouble }
  | ({ readonly kind: 'done' } & BatchReply)
  | { readonly kind: 'closed'; readonly error: Trouble | undefined };
