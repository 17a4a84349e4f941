import type { Message, Outcome } from '../../core/index.ts';
import type { Random } from '../../lib/backoff.ts';
import { ackReply, nackReply } from '../../protocols/fcm/index.ts';
import { readRetryAfter } from '../../protocols/http/index.ts';
import type { H2Response } from '../../protocols/http2/index.ts';
import { adviceOf } from './advice.ts';

/** Requests for patience with new tokens come without a time: so long nothing is asked, in milliseconds. */
export const HOLD_MS = 60_000;
/** Texts of the service are shown up to so many characters. */
const SHOWN_MAX = 200;

/** What an answer means. */
export type Rule =
  | 'accepted'
  /** Never, for this token: it is malformed, of the other environment, or of another app. */
  | 'token'
  /** Never: the request is wrong. */
  | 'request'
  /** Never, and it is our fault. */
  | 'fault'
  /** The token is no more. */
  | 'gone'
  /** This token is over its rate. */
  | 'target'
  /** The message again after a while. */
  | 'error'
  | 'busy'
  /** The message again, over another connection. */
  | 'reconnect'
  /** The provider token is too old. */
  | 'expired'
  /** The connection knows another key: once more over a new one, else trouble. */
  | 'stranger'
  /** All messages would be refused: the queue waits until a try succeeds. */
  | 'trouble'
  /** The same, after a longer pause: whoever asks at once makes it worse. */
  | 'hold';

/** Reasons by name. [fcm.md §4] */
export const reasonRules: Readonly<Record<string, Rule>> = {
  // Not `gone`: a good token of the other environment is refused with the same words.
  BadDeviceToken: 'token',
  DeviceTokenNotForTopic: 'token',
  MissingDeviceToken: 'request',
  PayloadEmpty: 'request',
  BadCollapseId: 'request',
  BadExpirationDate: 'request',
  BadMessageId: 'request',
  BadPriority: 'request',
  BadTopic: 'request',
  MissingTopic: 'request',
  InvalidPushType: 'request',
  DuplicateHeaders: 'request',
  PayloadTooLarge: 'request',
  TopicDisallowed: 'trouble',
  IdleTimeout: 'reconnect',
  ExpiredProviderToken: 'expired',
  InvalidProviderToken: 'trouble',
  MissingProviderToken: 'trouble',
  BadCertificate: 'trouble',
  BadCertificateEnvironment: 'trouble',
  Forbidden: 'trouble',
  BadEnvironmentKeyInToken: 'trouble',
  BadEnvironmentKeyIdInToken: 'trouble',
  UnrelatedKeyIdInToken: 'stranger',
  BadPath: 'fault',
  MethodNotAllowed: 'fault',
  Unregistered: 'gone',
  ExpiredToken: 'gone',
  TooManyRequests: 'target',
  TooManyProviderTokenUpdates: 'hold',
  InternalServerError: 'error',
  ServiceUnavailable: 'busy',
  Shutdown: 'reconnect',
};

/** What a status means whose reason is unknown. */
const statusRules: Readonly<Record<number, Rule>> = {
  400: 'request',
  401: 'trouble',
  403: 'trouble',
  404: 'fault',
  405: 'fault',
  407: 'trouble',
  408: 'busy',
  410: 'gone',
  413: 'request',
  421: 'trouble',
  429: 'target',
  500: 'error',
  502: 'busy',
  503: 'busy',
  504: 'busy',
};

/**
 * Apple gives a reason with every refusal. Whoever says “not here” without one is somebody else, a proxy or another service
 * altogether: that says nothing about the message, let alone that its token is no more.
 */
const STRANGERS_STATUSES = new Set([404, 405, 410]);

/** The rule for an answer. A reason says more than its status. */
export function ruleOf(status: number, reason: string | undefined): Rule {
  if (status >= 200 && status < 300) return 'accepted';
  if (reason !== undefined && Object.hasOwn(reasonRules, reason)) return reasonRules[reason] ?? 'fault';
  if (reason === undefined && STRANGERS_STATUSES.has(status)) return 'trouble';
  const known = statusRules[status];
  if (known) return known;
  if (status >= 500) return 'error';
  // An origin that leads elsewhere does so for all messages.
  return status >= 400 ? 'fault' : 'trouble';
}

/** What the service answered, as far as it can be read. */
export interface Answer {
  readonly rule: Rule;
  readonly status: number;
  /** In words, for people. */
  readonly because: string;
  /** What to look at if it holds the queue. */
  readonly advice?: string;
  /** When Apple knew that the token was no more, in milliseconds since the epoch. */
  readonly timestamp?: number;
  /** How long the service wants to be left alone, in milliseconds. */
  readonly retryAfterMs?: number;
  /** Ids that Apple's tools know the message by; the second one only of the sandbox. */
  readonly ids: { readonly apns_id?: string; readonly apns_unique_id?: string };
}

/**
 * Reads an answer.
 * @param now the wall clock, for a time to retry at that is given as a date
 * @param chosen the sender chose the topic, so that a disallowed one is the fault of this message and no trouble for others
 */
export function readAnswer({ status, headers, body }: H2Response, now: number, random: Random, chosen = false): Answer {
  const { reason, timestamp } = readBody(body);
  const rule = chosen && reason === 'TopicDisallowed' ? 'request' : ruleOf(status, reason);
  const advice = adviceOf(reason, rule === 'trouble');
  const header = (name: string) => [headers[name]].flat()[0];
  const retryAfterMs = readRetryAfter(headers['retry-after'], now, random);
  const id = header('apns-id');
  const uniqueId = header('apns-unique-id');
  return {
    rule,
    status,
    because: reason === undefined ? `status ${status}` : `${reason} (status ${status})`,
    ...(advice !== undefined && { advice }),
    ...(timestamp !== undefined && { timestamp }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ids: {
      ...(id !== undefined && { apns_id: id.slice(0, SHOWN_MAX) }),
      ...(uniqueId !== undefined && { apns_unique_id: uniqueId.slice(0, SHOWN_MAX) }),
    },
  };
}

/**
 * What an answer means for its message, in the vocabulary of CCS. What concerns the provider as a whole leaves the message
 * untried: it waits in the queue.
 */
export function outcomeOf(answer: Answer, message: Message): Outcome {
  const { rule, because } = answer;
  switch (rule) {
    case 'accepted':
      return { kind: 'accepted', reply: ackReply(message, answer.ids) };
    case 'token':
      return refused(answer, message, 'BAD_REGISTRATION', `${because}: not a token of this app and environment`);
    case 'request':
      return refused(answer, message, 'INVALID_JSON', because);
    case 'fault':
      return refused(answer, message, 'INTERNAL_SERVER_ERROR', because);
    case 'gone':
      return gone(answer, message);
    case 'target':
      return later(answer, message, 'target', 'DEVICE_MESSAGE_RATE_EXCEEDED');
    case 'error':
      return later(answer, message, 'message', 'INTERNAL_SERVER_ERROR');
    case 'busy':
      return later(answer, message, 'message', 'SERVICE_UNAVAILABLE');
    case 'reconnect':
    case 'expired':
    case 'stranger':
    case 'trouble':
    case 'hold':
      return { kind: 'unsent', because };
  }
}

/** The message after a request without a complete answer. It may have been taken: it goes out again after a while. */
export function unavailable(message: Message, because: string): Outcome {
  const code = 'SERVICE_UNAVAILABLE';
  return { kind: 'later', scope: 'message', code, because, reply: nackReply(message, code, because) };
}

function refused({ ids }: Answer, message: Message, code: string, because: string): Outcome {
  return { kind: 'refused', code, because, reply: nackReply(message, code, because, ids) };
}

function later(answer: Answer, message: Message, scope: 'message' | 'target', code: string): Outcome {
  const { because, retryAfterMs, ids } = answer;
  const delay = retryAfterMs === undefined ? {} : { delayMs: retryAfterMs };
  return { kind: 'later', scope, code, because, reply: nackReply(message, code, because, ids), ...delay };
}

/**
 * Apple says since when it knows that the token is no more. A device that registered the same token again later has a
 * good one: only who keeps the registrations can tell, so that the moment is handed on, whether it lies before the
 * acceptance of the message or after it.
 */
function gone({ because, timestamp, ids }: Answer, message: Message): Outcome {
  const code = 'DEVICE_UNREGISTERED';
  const unless = timestamp === undefined ? '' : ` unless the device registered it after ${iso(timestamp)}`;
  const words = `${because}: forget the token${unless}`;
  const more = { ...ids, ...(timestamp !== undefined && { timestamp }) };
  return { kind: 'gone', code, because: words, reply: nackReply(message, code, words, more) };
}

const iso = (at: number): string => new Date(at).toISOString();

/** The largest moment that a date can show. [ECMA-262 §21.4.1.1] */
const LAST_MOMENT_MS = 8.64e15;

function readBody(body: string): { reason?: string; timestamp?: number } {
  if (body === '') return {}; // that of a success: to have it fail as JSON costs more than all the rest
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return {};
  }
  if (typeof value !== 'object' || value === null) return {};
  const { reason, timestamp } = value as { reason?: unknown; timestamp?: unknown };
  const moment = typeof timestamp === 'number' && timestamp > 0 && timestamp <= LAST_MOMENT_MS;
  return {
    ...(typeof reason === 'string' && reason !== '' && { reason: reason.slice(0, SHOWN_MAX) }),
    ...(moment && { timestamp: Math.floor(timestamp) }),
  };
}
