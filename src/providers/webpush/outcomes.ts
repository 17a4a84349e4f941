import type { Message, Outcome } from '../../core/index.ts';
import { type Backoff, equalJitter, type Random } from '../../lib/backoff.ts';
import { ackReply, nackReply } from '../../protocols/fcm/index.ts';
import { type OutgoingResult, readRetryAfter } from '../../protocols/http/index.ts';

/** Pauses of an endpoint that is over its rate, if the service names none. */
const RATE_BACKOFF: Backoff = { baseMs: 20_000, capMs: 600_000 };
/** A service that takes no more now is asked again after about so long. */
const FULL_BACKOFF: Backoff = { baseMs: 500, capMs: 4_000 };
/** Of what a service says, so many characters are handed on. */
const WORDS_MAX = 300;
/** Longest URL of a message that is handed on. */
const LOCATION_MAX = 1_024;

type Response = OutgoingResult & { readonly kind: 'response' };

/**
 * What becomes of a message whose status is this: `gone` forgets the endpoint, `rate` lets it wait, `later` the message
 * alone; `never` is final.
 */
type Rule = { readonly what: 'accepted' | 'gone' | 'rate' | 'later' | 'never'; readonly code: string };

/** [RFC 8030 §5, §7.3, §8.4; RFC 8292 §4.2] 404 and 410 are said of subscriptions that are over. */
export const statusRules: Readonly<Record<number, Rule>> = {
  400: { what: 'never', code: 'INVALID_MESSAGE' },
  // Made for another key, or for none: that is between the sender and its subscription.
  401: { what: 'never', code: 'BAD_REGISTRATION' },
  403: { what: 'never', code: 'BAD_REGISTRATION' },
  404: { what: 'gone', code: 'DEVICE_UNREGISTERED' },
  408: { what: 'later', code: 'SERVICE_UNAVAILABLE' },
  410: { what: 'gone', code: 'DEVICE_UNREGISTERED' },
  413: { what: 'never', code: 'PAYLOAD_TOO_LARGE' },
  425: { what: 'later', code: 'SERVICE_UNAVAILABLE' },
  429: { what: 'rate', code: 'DEVICE_MESSAGE_RATE_EXCEEDED' },
};

/** Statuses without a line of their own, by their hundreds. */
const classRules: Readonly<Record<number, Rule>> = {
  2: { what: 'accepted', code: '' },
  3: { what: 'never', code: 'BAD_REGISTRATION' },
  4: { what: 'never', code: 'INVALID_MESSAGE' },
  5: { what: 'later', code: 'SERVICE_UNAVAILABLE' },
};

export function ruleOf(status: number): Rule {
  return statusRules[status] ?? classRules[Math.floor(status / 100)] ?? { what: 'later', code: 'SERVICE_UNAVAILABLE' };
}

/** What an answer means. */
export interface Judgement {
  readonly outcome: Outcome;
  /** The service can not do its work now; `retryAfterMs` is its own wish. */
  readonly error?: { readonly because: string; readonly retryAfterMs: number | undefined };
  /** It was the signature that was refused. */
  readonly unauthorized: boolean;
}

/** @param now milliseconds since the epoch, for dates in `Retry-After` */
export function judge(response: Response, message: Message, now: number, random: Random): Judgement {
  const { status, headers } = response;
  const { what, code } = ruleOf(status);
  const unauthorized = status === 401 || status === 403;
  if (what === 'accepted') {
    const { location } = headers;
    const more = location !== undefined && location.length <= LOCATION_MAX ? { location } : {};
    return { outcome: { kind: 'accepted', reply: ackReply(message, more) }, unauthorized };
  }
  const because = wordsOf(response);
  const reply = nackReply(message, code, because);
  const asked = readRetryAfter(headers['retry-after'], now, random);
  switch (what) {
    case 'gone':
      return { outcome: { kind: 'gone', code, because, reply }, unauthorized };
    case 'never':
      return { outcome: { kind: 'refused', code, because, reply }, unauthorized };
    case 'rate': {
      const delayMs = asked ?? equalJitter(message.attempts, RATE_BACKOFF, random);
      return { outcome: { kind: 'later', scope: 'target', code, because, reply, delayMs }, unauthorized };
    }
    case 'later': {
      const delay = asked === undefined ? {} : { delayMs: asked };
      const outcome: Outcome = { kind: 'later', scope: 'message', code, because, reply, ...delay };
      const error = { because, retryAfterMs: asked };
      return { outcome, unauthorized, ...(status >= 500 && { error }) };
    }
  }
}

/** The service gave no answer, or was not asked because it gives none: tried again when the core thinks it right. */
export function unavailable(message: Message, because: string): Outcome {
  const code = 'SERVICE_UNAVAILABLE';
  return { kind: 'later', scope: 'message', code, because, reply: nackReply(message, code, because) };
}

/** The service has enough to do: the others go first. */
export function putOff(message: Message, because: string, random: Random): Outcome {
  const delayMs = equalJitter(message.attempts, FULL_BACKOFF, random);
  const code = 'SERVICE_UNAVAILABLE';
  return { kind: 'later', scope: 'message', code, because, reply: nackReply(message, code, because), delayMs };
}

/** Never, and no service was asked. */
export function invalid(message: Message, because: string): Outcome {
  const code = 'INVALID_MESSAGE';
  return { kind: 'refused', code, because, reply: nackReply(message, code, because) };
}

/** The status and what the service says, on one line. */
function wordsOf({ status, headers, body }: Response): string {
  const type = headers['content-type'] ?? '';
  const isText = /^(?:text\/plain|application\/(?:[\w.+-]+\+)?json)\b/i.test(type);
  const words = isText
    ? body
        .toString('utf8')
        .replace(/[\s\p{Cc}]+/gu, ' ')
        .trim()
    : '';
  const redirected = status >= 300 && status < 400 ? ': sent elsewhere, which is not followed' : '';
  return `HTTP ${status}${redirected}${words && `: ${words.slice(0, WORDS_MAX).toWellFormed()}`}`;
}
