import type { Work } from '../../core/index.ts';

/** Tells the listener of work: once for each kind of it, and not before the call that caused it has returned. */
export class Bell {
  listener: ((work: Work) => void) | undefined;
  readonly #work = new Map<string, Work>();

  outbox(provider: string): void {
    this.#ring(provider, { kind: 'outbox', provider });
  }

  inbox(session: string, mailbox: number): void {
    this.#ring(`${mailbox}\0${session}`, { kind: 'inbox', session, mailbox });
  }

  #ring(key: string, work: Work): void {
    if (this.#work.size === 0) {
      queueMicrotask(() => {
        const due = [...this.#work.values()];
        this.#work.clear();
        for (const one of due) this.listener?.(one);
      });
    }
    this.#work.set(key, work);
  }
}
