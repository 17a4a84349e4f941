/** The nouns that doors, providers and stores share. Ids and times: milliseconds since the epoch unless named otherwise. */

/**
 * What travels. `fcm` is the legacy FCM downstream object, which BAL and CCS speak, as JSON text *without* `message_id`
 * and `time_to_live`: the provider puts its own in front. `opaque` is bytes with headers, which Web Push carries.
 */
export type Payload =
  | { readonly kind: 'fcm'; readonly json: string }
  | { readonly kind: 'opaque'; readonly body: Uint8Array; readonly headers: string };

/**
 * What becomes of the outcome: `inbox` is kept until the backend acknowledges it; `connection` is handed to the
 * submitter once and afterwards only replayed from the dedupe table; `kept` is remembered, whatever it is, for whoever asks
 * (see {@link Store.outcomeOf}); `none` is forgotten.
 */
export type AnswerMode = 'inbox' | 'connection' | 'kept' | 'none';

/** What a door hands in. It is stored before anything else happens. */
export interface Submission {
  readonly session: string;
  /** The sender's own id, unique per session within the dedupe window. */
  readonly messageId: string;
  /** Messages of one `(session, provider, groupId)` are delivered one at a time, in the order of acceptance. */
  readonly groupId?: string;
  /** The name of a configured provider. */
  readonly provider: string;
  /** Token, topic or condition, as text: what a provider slows down when a single target is over its rate. */
  readonly target: string;
  readonly payload: Payload;
  readonly priority: 'normal' | 'high';
  readonly acceptedAt: number;
  /** After this moment no new attempt is made. For a TTL of 0 it lies one second after `acceptedAt`. */
  readonly expiresAt: number;
  /** Time to live in seconds as the sender gave it; absent if it gave none. 0: deliver now or not at all. */
  readonly ttl?: number;
  /** Set only by doors whose messages replace undelivered ones: see {@link Store.replace}. */
  readonly collapseKey?: string;
  readonly answer: AnswerMode;
  /** The mailbox of the connection that submitted it; 0 for none. Its answer goes there. */
  readonly mailbox: number;
  /** SHA-256 in base64 over the content: tells a repeat from another message under the same id. */
  readonly digest: string;
  /** The sender asked for a delivery receipt: the message enters the receipt index. */
  readonly receipt: boolean;
}

/** A message in the outbox. */
export interface Message extends Submission {
  /** The store's own number, never used twice. */
  readonly id: number;
  /** The id towards the provider: given at acceptance, the same in every attempt and after restarts. */
  readonly wireId: string;
  /** Attempts that the provider answered with "later". */
  readonly attempts: number;
  /** When the provider first answered "later"; absent before. `retry.give_up_after` counts from here. */
  readonly firstAnsweredAt?: number;
  /** The last reason for waiting, as `CODE: text`. */
  readonly lastReason?: string;
}

/**
 * Whole seconds left, rounded up; undefined if the sender gave no TTL. Never more than it gave: a wall clock that was set
 * back must not make the longest TTL one that the service refuses.
 */
export function remainingTtl({ ttl, expiresAt }: Submission, now: number): number | undefined {
  if (ttl === undefined || ttl === 0) return ttl;
  return Math.min(ttl, Math.max(0, Math.ceil((expiresAt - now) / 1_000)));
}

/** What a provider answers. Outcomes are values; throwing is for faults of ours. */
export type Outcome =
  /** Taken by the service for good. `reply` is its answer as JSON text, ids already the sender's own. */
  | { readonly kind: 'accepted'; readonly reply: string }
  /** Not now. `scope` says whether the whole target waits (one device or topic over its rate) or this message alone. */
  | {
      readonly kind: 'later';
      readonly scope: 'message' | 'target';
      readonly code: string;
      readonly because: string;
      readonly reply: string;
      /** The service's own wish in milliseconds; without it the core backs off. */
      readonly delayMs?: number;
    }
  /** The target no longer exists: forget the token. */
  | { readonly kind: 'gone'; readonly code: string; readonly because: string; readonly reply: string }
  /** Never. `dead` keeps a copy in the dead letters. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly because: string;
      readonly reply: string;
      readonly dead?: boolean;
    }
  /** The attempt ended without an answer (the connection died): send again, under the same wire id. */
  | { readonly kind: 'unanswered'; readonly because: string }
  /** Not an attempt at all (no room after all, or the connection drains): send elsewhere at once. */
  | { readonly kind: 'unsent'; readonly because: string };

/** What a session is told, kept in its inbox until it acknowledges it. */
export interface Notice {
  readonly type: 'ack' | 'reject' | 'receipt' | 'upstream';
  /** The sender's own id of the original message; for `upstream` the device's id. */
  readonly messageId: string;
  readonly groupId?: string;
  /** For `reject`: a code of the error table, and what it means in words. */
  readonly error?: string;
  readonly errorString?: string;
  /** The JSON object for `fcm_data`, as text. */
  readonly data: string;
}

/** A notice in the inbox, with its number: counted per session from 1, growing, never used twice. */
export interface InboxFrame extends Notice {
  readonly sequence: number;
}

/** What a provider received from a device, on its way to a session. */
export interface Incoming {
  readonly provider: string;
  /** Sender and id as the service gave them: upstream traffic is deduplicated by `(provider, from, id)`. */
  readonly from: string;
  readonly id: string;
  readonly at: number;
  readonly notice: Notice;
  /** Where it belongs; a `dead` one goes to the dead letters for this reason. */
  readonly to: { readonly session: string; readonly mailbox: number } | { readonly dead: string };
  /**
   * Whoever sent it waits for the answer and can send it again: a full inbox refuses it, and nothing of it is kept. Without
   * this it becomes a dead letter there, because the service that brought it would bring it for ever.
   */
  readonly refusable?: boolean;
}

/** Who asked for a receipt. */
export interface ReceiptEntry {
  readonly session: string;
  readonly messageId: string;
  readonly groupId?: string;
  readonly mailbox: number;
}
