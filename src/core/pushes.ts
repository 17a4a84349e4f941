import { randomBytes } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Notice, Payload } from './message.ts';
import type { Store } from './ports.ts';
import type { SessionRules } from './post.ts';
import type { Registration } from './registration.ts';
import type { Router } from './router.ts';
import type { Sessions } from './sessions.ts';

/** The session that everything belongs to which is pushed to endpoints. No backend has such a name. */
export const PUSH_SESSION = 'push:';
/** Pushes without an outcome, at most: those that wait for devices which are away lie on disk. */
const PUSHES_MAX = 1_000_000;
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

/** What the core minds of the session of pushes. No device sends to it, and its outcomes go into no inbox. */
export const pushRules = (maxPending = PUSHES_MAX): SessionRules => ({
  id: PUSH_SESSION,
  apps: [],
  maxPending,
  maxInbox: 1,
});

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

  /**
   * Takes a push. Resolves after the commit with its id, or with undefined if as many as may wait for this endpoint do;
   * rejects with a StoreError if the store can't take it.
   */
  async push({ provider, token }: Registration, push: Push): Promise<string | undefined> {
    const { router, clock } = this.#deps;
    const { body, headers, ttl, urgency, topic, receipt } = push;
    const messageId = randomBytes(ID_BYTES).toString('base64url');
    const acceptedAt = clock.now();
    const payload: Payload = { kind: 'opaque', body, headers };
    const [accepted] = await router.submit(PUSH_SESSION, [
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
        answer: receipt ? 'kept' : 'none',
        mailbox: 0,
        digest: messageId, // an id of ours is never repeated
        receipt: false,
      },
    ]);
    return accepted?.kind === 'full' ? undefined : messageId;
  }

  /**
   * What became of a push: `pending` as long as it has no outcome; then, if a receipt was asked for, its outcome as long as
   * `limits.dedupe_window` says. Undefined if there is no trace of it: also after {@link cancel}.
   */
  outcome(id: string): Promise<'pending' | Notice | undefined> {
    return this.#deps.store.outcomeOf(PUSH_SESSION, id);
  }

  /** Takes a push back. False: it is on its way, or was never there. */
  cancel(id: string): Promise<boolean> {
    return this.#deps.router.withdraw(PUSH_SESSION, id);
  }
}
