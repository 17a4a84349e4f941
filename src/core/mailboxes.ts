import type { Clock, Timer } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Attachment } from './attachment.ts';
import { isClosed, STORE_RETRY_MS, type Store } from './ports.ts';
import { tellRefusal } from './refusal.ts';

export interface SessionsDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** How long answers wait for the connection of the same client, in milliseconds. */
  readonly ownerGraceMs: number;
}

/** Mailboxes whose connection is gone and whose client may come back. */
interface Orphan {
  readonly client: string;
  readonly mailboxes: readonly number[];
  readonly timer: Timer;
}

/**
 * Who serves which mailbox of a session. [BAL §Sessions and answers] Answers wait for the connection that asked; after it
 * has closed they wait `owner_grace` for one with the same client, then anybody gets them.
 */
export class Mailboxes {
  readonly #session: string;
  readonly #deps: SessionsDeps;
  readonly #orphans = new Set<Orphan>();

  constructor(session: string, deps: SessionsDeps) {
    this.#session = session;
    this.#deps = deps;
  }

  /**
   * The mailboxes of a new connection, its own first: those that connections of the same client left behind, or one that
   * a sibling keeps for its kind, or a new one. Reusing them keeps a client that reconnects often from leaving a trail.
   */
  async take(client: string | undefined, siblings: readonly Attachment[]): Promise<readonly [number, ...number[]]> {
    const [own, ...more] = this.#inherit(client, siblings);
    return [own ?? (await this.#deps.store.openMailbox(this.#session)), ...more];
  }

  /**
   * What becomes of the mailboxes of a connection that is gone: a sibling of the same client serves them from now on, or
   * they wait for one. True if a sibling took them.
   */
  leave(gone: Attachment, siblings: readonly Attachment[]): boolean {
    const { clock, ownerGraceMs } = this.#deps;
    const mailboxes = [gone.mailbox, ...gone.adopted];
    const { client } = gone.outlet;
    const heir = client === undefined ? undefined : siblings.find((a) => a.outlet.client === client);
    if (heir) {
      heir.adopted.push(...mailboxes);
      heir.dirty = true;
    } else if (client === undefined)
      this.#release(mailboxes); // nobody could come back for them
    else {
      const orphan: Orphan = {
        client,
        mailboxes,
        timer: clock.after(ownerGraceMs, () => {
          this.#orphans.delete(orphan);
          this.#release(mailboxes);
        }),
      };
      this.#orphans.add(orphan);
    }
    return heir !== undefined;
  }

  #inherit(client: string | undefined, siblings: readonly Attachment[]): number[] {
    if (client === undefined) return [];
    const inherited: number[] = [];
    for (const orphan of this.#orphans) {
      if (orphan.client !== client) continue;
      orphan.timer.cancel();
      this.#orphans.delete(orphan);
      inherited.push(...orphan.mailboxes);
    }
    if (inherited.length > 0) return inherited;
    const sibling = siblings.find((a) => a.outlet.client === client && a.adopted.length > 0);
    const spare = sibling?.adopted.pop();
    return spare === undefined ? [] : [spare];
  }

  #release(mailboxes: readonly number[]): void {
    const { store, log, clock } = this.#deps;
    for (const mailbox of mailboxes) {
      store.releaseMailbox(this.#session, mailbox).catch((error) => {
        if (isClosed(error)) return;
        tellRefusal(log, 'store refused to release a mailbox, trying again', error, { session: this.#session });
        clock.after(STORE_RETRY_MS, () => this.#release([mailbox]));
      });
    }
  }
}
