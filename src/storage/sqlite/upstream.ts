import type { Incoming, Received } from '../../core/index.ts';
import type { Context } from './context.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Inbox } from './inbox.ts';
import { change } from './sql.ts';

/** Stores what providers received, each once. */
export class Upstream {
  readonly #context: Context;
  readonly #inbox: Inbox;
  readonly #dead: DeadLetters;
  readonly #see;
  readonly #unsee;

  constructor(context: Context, inbox: Inbox, dead: DeadLetters) {
    this.#context = context;
    this.#inbox = inbox;
    this.#dead = dead;
    this.#see = change(context.db, 'INSERT OR IGNORE INTO seen (at, provider, sender, id) VALUES (?, ?, ?, ?)');
    this.#unsee = change(context.db, 'DELETE FROM seen WHERE provider = ? AND sender = ? AND id = ?');
  }

  receive({ provider, from, id, at, notice, to, refusable }: Incoming): Received {
    const { ledger, limits } = this.#context;
    const { no } = ledger.provider(provider);
    if (this.#see.run(at, no, from, id).changes === 0) return { kind: 'duplicate' };
    ledger.changeState().seen++;
    if ('dead' in to) {
      this.#dead.bury(at, to.dead, notice, { provider });
      return { kind: 'dead' };
    }
    const session = ledger.session(to.session);
    if (session.waiting >= (limits.sessions[to.session]?.maxInbox ?? limits.maxInbox)) {
      if (refusable) {
        this.#unsee.run(no, from, id);
        ledger.changeState().seen--;
        return { kind: 'full' };
      }
      this.#dead.bury(at, 'the inbox is full', notice, { provider, session: to.session });
      return { kind: 'dead' };
    }
    return { kind: 'stored', sequence: this.#inbox.add(session.no, this.#inbox.resolve(to.mailbox), at, notice) };
  }
}
