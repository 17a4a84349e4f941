import test from 'ava';
import type { Store, StoreLimits } from '../../src/core/index.ts';
import { acceptContract } from './contract-accept.ts';
import { bookkeepingContract } from './contract-bookkeeping.ts';
import { claimContract } from './contract-claim.ts';
import { inboxContract } from './contract-inbox.ts';
import { registrationsContract } from './contract-registrations.ts';
import { reopenContract } from './contract-reopen.ts';
import { settleContract } from './contract-settle.ts';
import { turnsContract } from './contract-turns.ts';
import { LIMITS } from './samples.ts';

export interface OpenOptions {
  readonly limits: StoreLimits;
}

/** A store under test; `reopen` closes it and opens it again, for those that survive that. */
export interface Opened {
  readonly store: Store;
  readonly reopen?: () => Promise<Store>;
}

export type Open = (options: OpenOptions) => Promise<Opened>;

/** Declares one test of the contract: it is given a fresh store, which is closed behind it. */
export type Promised = (
  title: string,
  body: (t: import('ava').ExecutionContext, store: Store, opened: Opened) => Promise<void>,
  limits?: Partial<StoreLimits>,
) => void;

/** Every promise of the `Store` seam, as tests of the store that `open` makes. */
export function storeContract(name: string, open: Open, durable: boolean): void {
  const promised: Promised = (title, body, limits = {}) => {
    test(`${name}: ${title}`, async (t) => {
      const opened = await open({ limits: { ...LIMITS, ...limits } });
      t.teardown(() => opened.store.close());
      await body(t, opened.store, opened);
    });
  };
  acceptContract(promised);
  claimContract(promised);
  turnsContract(promised);
  settleContract(promised);
  inboxContract(promised);
  bookkeepingContract(promised);
  registrationsContract(promised);
  if (durable) reopenContract(promised);
}
