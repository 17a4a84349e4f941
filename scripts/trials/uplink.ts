import type { Random } from '../../src/lib/backoff.ts';
import type { Books } from './books.ts';

/** Upstream messages in one request to the service. */
const BURST_MAX = 8;
/** Requests whose messages did not all reach a backend: beyond it devices wait. */
const BURSTS_MAX = 1_000;
/** A service that does not answer by then is as good as dead. */
const REQUEST_MS = 10_000;

interface Burst {
  readonly session: string;
  readonly prefix: string;
  readonly ids: readonly string[];
}

/** The devices of a trial: lets the service send upstream messages, and again after it was killed, as devices do. */
export class Uplink {
  readonly #control: string;
  readonly #sessions: readonly string[];
  readonly #books: Books;
  readonly #random: Random;
  #bursts: Burst[] = [];
  #count = 0;
  offered = 0;

  /** @param control where the service is controlled over HTTP */
  constructor(control: string, sessions: readonly string[], books: Books, random: Random) {
    this.#control = control;
    this.#sessions = sessions;
    this.#books = books;
    this.#random = random;
  }

  /** A few messages for one of the sessions. Never rejects: a service that is away gets them later. */
  async offer(): Promise<void> {
    this.#bursts = this.#bursts.filter(({ ids }) => ids.some((id) => this.#books.upstream.isOpen(id)));
    if (this.#bursts.length >= BURSTS_MAX) return;
    const session = this.#sessions[Math.floor(this.#random() * this.#sessions.length)] ?? '';
    const prefix = `up${++this.#count}`;
    const count = 2 + Math.floor(this.#random() * (BURST_MAX - 1));
    const burst = { session, prefix, ids: Array.from({ length: count }, (_, n) => `${prefix}-${n + 1}`) };
    for (const id of burst.ids) this.#books.offered(session, id);
    this.offered += count;
    this.#bursts.push(burst);
    await this.#send(burst);
  }

  /** Everything that was not acked once more: the service was killed and has forgotten it. */
  async again(): Promise<void> {
    for (const burst of this.#bursts) {
      if (burst.ids.some((id) => this.#books.upstream.isOpen(id))) await this.#send(burst);
    }
  }

  async #send({ session, prefix, ids }: Burst): Promise<void> {
    await fetch(`${this.#control}/upstream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        sender: '1',
        count: ids.length,
        category: session,
        from: `device-of-${session}`,
        message_id: prefix,
      }),
      signal: AbortSignal.timeout(REQUEST_MS),
    }).catch(() => {});
  }
}
