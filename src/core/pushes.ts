import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Notice, Payload } from './message.ts';
import type { Store } from './ports.ts';
import type { Registration } from './registration.ts';
import type { Router } from './router.ts';
import type { Sessions } from './sessions.ts';

/** The session that everything belongs to which is pushed to endpoints. No backend has such a name. */
export const PUSH_SESSION = 'push:';
/** Random bytes of the id of a push: whoever knows it may cancel it. */
const ID_BYTES = 20;
/** A push with a TTL of 0 goes out within this time or not at all, in milliseconds. */
const TTL_0_MS = 1_000;

/** What somebody pushes to an endpoint. [RFC 8030 §5] */
export interface Push {
  readonly body: Uint8Array;
  /** What the provider is told of it: JSON text. */
  readonly headers: string;
  /** Seconds. 0: now or not at all. */
  readonly ttl: number;
  readonly urgency: 'very-low' | 'low' | 'normal' | 'high';
  /** Replaces what is on its way to the same endpoint under the same topic. [RFC 8030 §5.4] */
  readonly topic?: string;
  /** Its outcome is kept for whoever asks for it. */
  readonly receipt: boolean;
}

export interface PushesDeps {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly router: Router;
  readonly clock: Clock;
}

/** What is posted to endpoints, as messages of the outbox. */
export class Pushes {
  readonly #deps: PushesDeps;

  constructor(deps: PushesDeps) {
    this.#deps = deps;
  }

  /** How many more pushes are taken now; zero or less: none. */
  get room(): number {
    return this.#deps.sessions.room(PUSH_SESSION);
  }

  /** Takes a push. Resolves after the commit with its id; rejects with a StoreError if the store can't take it. */
  async push({ provider, token }: Registration, push: Push): Promise<string> {
    const { router, clock } = this.#deps;
    const { body, headers, ttl, urgency, topic, receipt } = push;
    const messageId = randomBytes(ID_BYTES).toString('base64url');
    const acceptedAt = clock.now();
    const payload: Payload = { kind: 'opaque', body, headers };
    await router.submit(PUSH_SESSION, [
      {
        session: PUSH_SESSION,
        messageId,
        provider,
        target: token,
        payload,
        priority: urgency === 'high' || urgency === 'normal' ? 'high' : 'normal',
        acceptedAt,
        expiresAt: acceptedAt + (ttl === 0 ? TTL_0_MS : ttl * 1_000),
        ttl,
        ...(topic !== undefined && { collapseKey: topic }),
        answer: receipt ? 'connection' : 'none',
        mailbox: 0,
        digest: messageId, // an id of ours is never repeated
        receipt: false,
      },
    ]);
    return messageId;
  }

  /**
   * What became of a push whose receipt was asked for: its outcome, as long as it is remembered; undefined if there was no
   * such push, or not lately.
   */
  outcome(id: string): Promise<'pending' | Notice | undefined> {
    return this.#deps.store.outcomeOf(PUSH_SESSION, id);
  }

  /** Takes a push back. False: it is on its way, or was never there. */
  cancel(id: string): Promise<boolean> {
    return this.#deps.router.withdraw(PUSH_SESSION, id);
  }
}
