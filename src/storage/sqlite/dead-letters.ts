import type { Notice } from '../../core/index.ts';
import type { Context } from './context.ts';
import { change } from './sql.ts';

/** Where a dead letter came from, as far as it is known. */
export interface Origin {
  readonly provider?: string;
  readonly session?: string;
  readonly target?: string;
  readonly payload?: string | Uint8Array;
}

/** What could not be delivered to anybody and is kept for people to look at. */
export class DeadLetters {
  readonly #context: Context;
  readonly #add;

  constructor(context: Context) {
    this.#context = context;
    this.#add = change(
      context.db,
      `INSERT INTO dead (at, because, provider, session, target, payload, notice) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  bury(at: number, because: string, notice: Notice, { provider, session, target, payload }: Origin): void {
    const told = JSON.stringify(notice);
    this.#add.run(at, because, provider ?? null, session ?? null, target ?? null, payload ?? null, told);
    this.#context.ledger.changeState().dead++;
  }
}
