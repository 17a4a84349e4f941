import type { Work } from '../../core/index.ts';

/** What one transaction leaves outside the database: steps to take back if it fails, and work to announce if it holds. */
export class Transaction {
  readonly #steps: (() => void)[] = [];
  readonly #work = new Map<string, Work>();

  /** How to take back a change in memory. */
  undo(step: () => void): void {
    this.#steps.push(step);
  }

  outboxWork(provider: string): void {
    if (!this.#work.has(provider)) this.#work.set(provider, { kind: 'outbox', provider });
  }

  inboxWork(session: string, mailbox: number): void {
    const key = `${mailbox}\0${session}`;
    if (!this.#work.has(key)) this.#work.set(key, { kind: 'inbox', session, mailbox });
  }

  /** After a commit: what to announce. */
  done(): Work[] {
    const work = [...this.#work.values()];
    this.#clear();
    return work;
  }

  /** After a rollback: memory as it was, the last change first. */
  rollback(): void {
    for (const step of this.#steps.reverse()) step();
    this.#clear();
  }

  #clear(): void {
    this.#steps.length = 0;
    this.#work.clear();
  }
}
