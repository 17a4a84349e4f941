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
  StoreError,
  StoreLimits,
  StoreStats,
  Submission,
  Work,
} from '../../core/index.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Batcher } from './batcher.ts';
import type { Counts } from './operations.ts';
import { packSettlements, packSubmissions, unpackClaims, unpackFrames } from './packing.ts';

export interface SqliteOptions {
  /** The database file; its folder must exist. */
  readonly path: string;
  readonly limits: StoreLimits;
  readonly log?: Log;
  /** Tells how long the store has been free of trouble. */
  readonly clock?: Pick<Clock, 'monotonic'>;
  /** Upper bound of the file in pages of 4 KiB: beyond it the store is full. Without it the disk decides. */
  readonly maxPages?: number;
}

/**
 * Opens the store of one bridge in an SQLite file, making the file if there is none. All work is done by a thread of its
 * own. See {@link Store} for what it promises.
 * @throws StoreError 'unreadable', 'foreign', 'newer' (the file is left as it is) or 'in-use'
 */
export async function openSqliteStore({ path, limits, log, maxPages, clock }: SqliteOptions): Promise<Store> {
  const counts = new Map<string, Counts>();
  let onWork: (work: Work) => void = () => {};
  let onTrouble: (error: StoreError | undefined) => void = () => {};
  const batcher = await Batcher.start(
    { path, limits, maxPages },
    {
      counts: (changed) => {
        for (const one of changed) counts.set(one.name, one);
      },
      work: (found) => {
        for (const one of found) onWork(one);
      },
      trouble: (error) => onTrouble(error), // who listens logs it
    },
    clock ?? systemClock,
  );
  log?.info('store opened', { path });
  return {
    accept: (batch: readonly Submission[]): Promise<Accepted[]> => batcher.call('accept', packSubmissions(batch)),
    replace: (submission: Submission): Promise<Accepted> => batcher.call('replace', submission),
    cancel: (session: string, messageId: string): Promise<boolean> => batcher.call('cancel', session, messageId),
    outcomeOf: (session: string, messageId: string): Promise<'pending' | Notice | undefined> =>
      batcher.call('outcomeOf', session, messageId),
    claim: async (provider: string, room: number, now: number): Promise<Claimed> => {
      const { claims, nextDueAt } = await batcher.call('claim', provider, room, now);
      return { claims: unpackClaims(claims), ...(nextDueAt !== undefined && { nextDueAt }) };
    },
    claimExpired: (limit: number, now: number): Promise<Claim[]> => batcher.call('claimExpired', limit, now),
    settle: (batch: readonly Settlement[]): Promise<Settled[]> => batcher.call('settle', packSettlements(batch)),
    release: (claims): Promise<void> => batcher.call('release', claims),
    hold: (provider: string, target: string, until: number) => batcher.call('hold', provider, target, until),
    wake: (provider: string, target: string, now: number) => batcher.call('wake', provider, target, now),
    receiptFor: (provider: string, wireId: string): Promise<ReceiptEntry | undefined> =>
      batcher.call('receiptFor', provider, wireId),
    receive: (batch: readonly Incoming[]): Promise<Received[]> => batcher.call('receive', batch),
    register: (batch: readonly NewRegistration[]): Promise<Registered[]> => batcher.call('register', batch),
    registration: (token: string, now: number): Promise<Found> => batcher.call('registration', token, now),
    registrationsOf: (owner: string, after: string | undefined, limit: number, now: number): Promise<Registration[]> =>
      batcher.call('registrationsOf', owner, after, limit, now),
    revoke: (which: readonly RegistrationKey[], now: number): Promise<Registration[]> =>
      batcher.call('revoke', which, now),
    openMailbox: (session: string): Promise<number> => batcher.call('openMailbox', session),
    releaseMailbox: (session: string, mailbox: number) => batcher.call('releaseMailbox', session, mailbox),
    claimInbox: async (session: string, mailboxes: readonly number[], room: number): Promise<InboxFrame[]> =>
      unpackFrames(await batcher.call('claimInbox', session, mailboxes, room)),
    ackInbox: (session: string, sequences: readonly number[]): Promise<Acked[]> =>
      batcher.call('ackInbox', session, sequences),
    releaseInbox: (session: string, sequences: readonly number[]) => batcher.call('releaseInbox', session, sequences),
    sweep: (now: number): Promise<boolean> => batcher.call('sweep', now),
    pending: (session: string): number => counts.get(session)?.pending ?? 0,
    waiting: (session: string): number => counts.get(session)?.waiting ?? 0,
    stats: (): Promise<StoreStats> => batcher.call('stats'),
    onWork: (listener) => {
      onWork = listener;
    },
    onTrouble: (listener) => {
      onTrouble = listener;
    },
    close: () => batcher.close(),
  };
}
