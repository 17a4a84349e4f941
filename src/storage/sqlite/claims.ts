import type { Transaction } from './transaction.ts';

/** Room for claims of one opening; numbers of different openings never meet. */
const CLAIMS_PER_EPOCH = 2 ** 36;

/** Who has which message; the numbers of its provider and session. */
export interface Loan {
  readonly claim: number;
  readonly provider: number;
  readonly session: number;
}

/** Which messages are on loan. Only in memory: a store that was closed has lent nothing. */
export class Claims {
  readonly #loans = new Map<number, Loan>();
  readonly #transaction: Transaction;
  #last: number;

  constructor(transaction: Transaction, epoch: number) {
    this.#transaction = transaction;
    this.#last = epoch * CLAIMS_PER_EPOCH;
  }

  get size(): number {
    return this.#loans.size;
  }

  has(id: number): boolean {
    return this.#loans.has(id);
  }

  /** The loan, if this claim on the message is the valid one. */
  of(id: number, claim: number): Loan | undefined {
    const loan = this.#loans.get(id);
    return loan?.claim === claim ? loan : undefined;
  }

  lend(id: number, provider: number, session: number): number {
    const claim = ++this.#last;
    this.#loans.set(id, { claim, provider, session });
    this.#transaction.undo(() => this.#loans.delete(id));
    return claim;
  }

  end(id: number): void {
    const loan = this.#loans.get(id);
    if (!loan) return;
    this.#loans.delete(id);
    this.#transaction.undo(() => this.#loans.set(id, loan));
  }
}
