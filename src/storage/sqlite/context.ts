import type { DatabaseSync } from 'node:sqlite';
import type { StoreLimits } from '../../core/index.ts';
import type { Ledger } from './ledger.ts';
import type { Transaction } from './transaction.ts';

/** What all parts of the engine share. */
export interface Context {
  readonly db: DatabaseSync;
  readonly limits: StoreLimits;
  readonly ledger: Ledger;
  readonly transaction: Transaction;
}
