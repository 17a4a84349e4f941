import type { Clock } from '../lib/clock.ts';
import { RandomIds } from '../lib/random-ids.ts';
import { RecentSet } from '../lib/recent-set.ts';
import { fcmContent } from './fcm-content.ts';
import type { Message, Notice, Submission } from './message.ts';
import type { Refusal, Store } from './ports.ts';
import type { SessionRules } from './post.ts';
import { fcmMessages, fcmTargetOf } from './push-to-fcm.ts';
import type { FcmTarget, Registration } from './registration.ts';
import type { Router } from './router.ts';
import type { Sessions } from './sessions.ts';

/** The session that everything belongs to which is pushed to endpoints. No backend has such a name. */
export const PUSH_SESSION = 'push:';
/** Pushes without an outcome, at most: those that wait for devices which are away lie on disk. */
const PUSHES_MAX = 1_000_000;
/** FCM tokens that are known to be no more, at most. */
const GONE_MAX = 10_000;
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
  unattended: true,
  maxPending,
  maxInbox: 1,
});

/** What is posted to endpoints, as messages of the outbox. */
export class Pushes {
  readonly #deps: PushesDeps;
  readonly #ids = new RandomIds(ID_BYTES);
  /** FCM tokens that are no more. */
  readonly #gone = new RecentSet(GONE_MAX);

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
  async push(registration: Registration, push: Push): Promise<string | undefined> {
    const { provider, token } = registration;
    const fcm = fcmTargetOf(registration);
    return this.#submit(provider, push, fcm ? overFcm(fcm, push, token) : direct(token, push));
  }

  /**
   * Takes a push to an app that FCM reaches, without an endpoint of ours. Resolves after the commit, or with the reason why
   * the provider would never send it, and then nothing was taken; rejects with a StoreError if the store can't take it.
   */
  async pushToApp(provider: string, fcm: FcmTarget, push: Push): Promise<Refusal | undefined> {
    const { router, clock } = this.#deps;
    const contents = overFcm(fcm, push, fcm.to);
    for (const { payload } of contents(clock.now())) {
      const refusal = router.inspect(provider, payload);
      if (refusal) return refusal;
    }
    await this.#submit(provider, push, contents);
    return undefined;
  }

  /** Whether FCM has said that this token is no more; not remembered for ever. */
  isGone(fcmToken: string): boolean {
    return this.#gone.has(fcmToken);
  }

  /** The service has said that this message's target is no more. */
  noteGone({ payload, target }: Pick<Message, 'payload' | 'target'>): void {
    if (payload.kind === 'fcm') this.#gone.add(target);
  }

  async #submit(
    provider: string,
    { receipt }: Push,
    contents: (now: number) => Content[],
  ): Promise<string | undefined> {
    const { router, clock } = this.#deps;
    const messageId = this.#ids.next();
    const parts = contents(clock.now());
    const last = parts.length - 1;
    const submissions = parts.map((content, i): Submission => {
      // The last part bears the id: when that is delivered, all is.
      const id = i === last ? messageId : firstPartOf(messageId);
      return {
        ...content,
        session: PUSH_SESSION,
        messageId: id,
        provider,
        answer: receipt && i === last ? 'kept' : 'none',
        mailbox: 0,
        digest: id, // an id of ours is never repeated
        receipt: false,
      };
    });
    const accepted = await router.submit(PUSH_SESSION, submissions);
    return accepted.some(({ kind }) => kind === 'full') ? undefined : messageId;
  }

  /**
   * What became of a push: `pending` as long as it has no outcome; then, if a receipt was asked for, its outcome as long as
   * `limits.dedupe_window` says. Undefined if there is no trace of it: also after {@link cancel}.
   */
  outcome(id: string): Promise<'pending' | Notice | undefined> {
    return this.#deps.store.outcomeOf(PUSH_SESSION, id);
  }

  /** Takes a push back. False: it is on its way, or was never there. */
  async cancel(id: string): Promise<boolean> {
    const { router } = this.#deps;
    const gone = await router.withdraw(PUSH_SESSION, id);
    // One that went to FCM in two parts: without the last one the first is of no use.
    if (gone) await router.withdraw(PUSH_SESSION, firstPartOf(id));
    return gone;
  }
}

type Content = Pick<Submission, 'target' | 'payload' | 'priority' | 'acceptedAt' | 'expiresAt' | 'ttl'> &
  Partial<Pick<Submission, 'groupId' | 'collapseKey'>>;

/** The id of the first of two parts. */
const firstPartOf = (id: string): string => `${id}.0`;

const isUrgent = ({ urgency }: Push): boolean => urgency === 'high' || urgency === 'normal';

/** As it is. */
const direct =
  (token: string, push: Push) =>
  (now: number): Content[] => [
    {
      target: token,
      payload: { kind: 'opaque', body: push.body, headers: push.headers },
      priority: isUrgent(push) ? 'high' : 'normal',
      acceptedAt: now,
      expiresAt: now + (push.ttl === 0 ? TTL_0_MS : push.ttl * 1_000),
      ttl: push.ttl,
      ...(push.topic !== undefined && { collapseKey: push.topic }),
    },
  ];

/** As data of FCM messages; of one that takes two, a topic replaces nothing. Their group is the endpoint: parts do not overtake each other, and who is gone is known by it. */
const overFcm =
  (fcm: FcmTarget, push: Push, groupId: string) =>
  (now: number): Content[] =>
    fcmMessages(fcm, push.body, isUrgent(push)).map((fields, _, { length }) => {
      const { receipt, ...content } = fcmContent({ ...fields, time_to_live: push.ttl }, now);
      // An app may have several endpoints, each with topics of its own.
      const topic = length === 1 && push.topic !== undefined ? { collapseKey: `${groupId} ${push.topic}` } : {};
      return { ...content, groupId, ...topic };
    });
