import type { Message, Outcome } from '../../core/index.ts';
import { type Backoff, equalJitter, type Random } from '../../lib/backoff.ts';
import { ackReply, nackReply } from '../../protocols/fcm/index.ts';
import { readRetryAfter } from '../../protocols/http/index.ts';
import type { H2Response } from '../../protocols/http2/index.ts';
import { type FcmError, type QuotaViolation, readFcmError, readName } from './fcm-error.ts';

/** Pauses of what is over its rate, if the service names none: a minute at least, twice as long each time. [fcm.md §3.3] */
export const QUOTA_BACKOFF: Backoff = { baseMs: 120_000, capMs: 960_000 };

/** The service can not do its work now. */
interface ServiceError {
  readonly because: string;
  readonly retryAfterMs: number | undefined;
}

/** What an answer means. */
export type Judgement =
  /** The message has its outcome. Without an `error` the service works, whatever it thinks of this message. */
  | { readonly kind: 'outcome'; readonly outcome: Outcome; readonly error?: ServiceError }
  /** The access token is not taken. */
  | { readonly kind: 'unauthenticated'; readonly because: string }
  /** No message gets through: that is for the operator to mend, and nothing is the message's fault. */
  | { readonly kind: 'trouble'; readonly event: string; readonly because: string }
  /** The project has sent too much. */
  | { readonly kind: 'quota'; readonly because: string; readonly retryAfterMs: number | undefined };

/**
 * What becomes of a message whose code is this:
 * `argument` and `quota` depend on the details; `later` is tried again; `gone` forgets the token; `never` is final.
 */
type Rule =
  | { readonly what: 'argument' | 'quota' }
  | { readonly what: 'later' | 'gone' | 'never'; readonly nack: string };

/** The codes of FCM and their names in CCS. [fcm.md §3.3, §3.6] */
export const codeRules: Readonly<Record<string, Rule>> = {
  UNSPECIFIED_ERROR: { what: 'never', nack: 'INTERNAL_SERVER_ERROR' },
  INVALID_ARGUMENT: { what: 'argument' },
  UNREGISTERED: { what: 'gone', nack: 'DEVICE_UNREGISTERED' },
  // Not `gone`: the token lives, in another project.
  SENDER_ID_MISMATCH: { what: 'never', nack: 'BAD_REGISTRATION' },
  QUOTA_EXCEEDED: { what: 'quota' },
  UNAVAILABLE: { what: 'later', nack: 'SERVICE_UNAVAILABLE' },
  INTERNAL: { what: 'later', nack: 'INTERNAL_SERVER_ERROR' },
  THIRD_PARTY_AUTH_ERROR: { what: 'never', nack: 'INVALID_APNS_CREDENTIAL' },
  APNS_AUTH_ERROR: { what: 'never', nack: 'INVALID_APNS_CREDENTIAL' },
};

/** Answers without a code of FCM's: the status alone speaks. 401, 403 and 404 are never about a message. [fcm.md §3.3] */
export const statusRules: Readonly<Record<number, Rule | 'unauthenticated' | 'forbidden' | 'not_found'>> = {
  400: { what: 'argument' },
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  408: { what: 'later', nack: 'SERVICE_UNAVAILABLE' },
  413: { what: 'never', nack: 'INVALID_JSON' },
  429: { what: 'quota' },
  502: { what: 'later', nack: 'SERVICE_UNAVAILABLE' },
  503: { what: 'later', nack: 'SERVICE_UNAVAILABLE' },
  504: { what: 'later', nack: 'SERVICE_UNAVAILABLE' },
};

/**
 * The message after an attempt that came to nothing: tried again, and if that is no use, this is its end.
 * @param delayMs when; without it the core decides
 */
export function unavailable(message: Message, because: string, delayMs?: number): Outcome {
  const code = 'SERVICE_UNAVAILABLE';
  const reply = nackReply(message, code, because);
  return { kind: 'later', scope: 'message', code, because, reply, ...(delayMs !== undefined && { delayMs }) };
}

/**
 * Judges an answer. What can not be read is judged by its status.
 * @param now milliseconds since the epoch, for dates in `Retry-After`
 */
export function judge(response: H2Response, message: Message, now: number, random: Random): Judgement {
  const { status, headers, body } = response;
  if (status >= 200 && status < 300) {
    const name = readName(body);
    return outcome({ kind: 'accepted', reply: ackReply(message, name === undefined ? {} : { name }) });
  }
  const error = readFcmError(body);
  const because = [error.code ?? `HTTP ${status}`, error.message].filter((word) => word !== '').join(': ');
  const waitMs = readRetryAfter(headers['retry-after'], now, random);
  const rule = ruleOf(error, status);
  if (rule === 'unauthenticated') return { kind: rule, because };
  if (typeof rule === 'string') return { kind: 'trouble', event: rule, because };
  const refused = (code: string, words: string): Judgement =>
    outcome({ kind: 'refused', code, because: words, reply: nackReply(message, code, words) });
  switch (rule.what) {
    case 'gone':
      return outcome({ kind: 'gone', code: rule.nack, because, reply: nackReply(message, rule.nack, because) });
    case 'never':
      return refused(rule.nack, because);
    case 'argument':
      return refused(isTokenFault(error) ? 'BAD_REGISTRATION' : 'INVALID_JSON', `${because}${fieldsOf(error)}`);
    case 'quota':
      return overRate(error, because, waitMs, message, random);
    case 'later': {
      const delay = waitMs === undefined ? {} : { delayMs: waitMs };
      const reply = nackReply(message, rule.nack, because);
      const error = status < 500 ? undefined : { because, retryAfterMs: waitMs };
      return outcome({ kind: 'later', scope: 'message', code: rule.nack, because, reply, ...delay }, error);
    }
  }
}

function ruleOf({ code }: FcmError, status: number) {
  const known = code !== undefined && Object.hasOwn(codeRules, code) ? codeRules[code] : undefined;
  if (known) return known;
  const byStatus = statusRules[status];
  if (byStatus && (code === undefined || typeof byStatus !== 'string')) return byStatus;
  if (status >= 500) return { what: 'later', nack: 'INTERNAL_SERVER_ERROR' } as const;
  if (status < 400) return 'redirected' as const;
  return { what: 'never', nack: 'INTERNAL_SERVER_ERROR' } as const;
}

/** The token is at fault only if FCM says so: INVALID_ARGUMENT is said of everything. [fcm.md §3.3] */
const isTokenFault = ({ fields }: FcmError): boolean => fields.some(({ field }) => field === 'message.token');

function fieldsOf({ fields }: FcmError): string {
  return fields.map(({ field, description }) => ` (${field}: ${description})`).join('');
}

/** One device or topic waits alone; if it is the project, or nobody knows, everything waits. [fcm.md §3.6] */
function overRate(
  { quotas }: FcmError,
  because: string,
  waitMs: number | undefined,
  message: Message,
  random: Random,
): Judgement {
  const words = quotas.map(({ subject, description }) => `${subject} ${description}`.trim()).join('; ');
  const told = words === '' ? because : `${because} (${words})`;
  const whose = quotas.map(ownerOf);
  const device = whose.includes('device');
  if (!device && !whose.includes('topic')) return { kind: 'quota', because: told, retryAfterMs: waitMs };
  const code = device ? 'DEVICE_MESSAGE_RATE_EXCEEDED' : 'TOPICS_MESSAGE_RATE_EXCEEDED';
  const delayMs = waitMs ?? equalJitter(message.attempts, QUOTA_BACKOFF, random);
  const reply = nackReply(message, code, told);
  return outcome({ kind: 'later', scope: 'target', code, because: told, reply, delayMs });
}

/** The words decide; if they do not, the kind of the subject, whose name may be anything. */
function ownerOf({ subject, description }: QuotaViolation): 'device' | 'topic' | 'project' {
  if (/\b(?:device|registration)/i.test(description)) return 'device';
  if (/\b(?:topic|condition)/i.test(description)) return 'topic';
  if (/^(?:device|registration|token)/i.test(subject)) return 'device';
  return /^(?:topic|condition)/i.test(subject) ? 'topic' : 'project';
}

function outcome(given: Outcome, error?: ServiceError): Judgement {
  return { kind: 'outcome', outcome: given, ...(error && { error }) };
}
