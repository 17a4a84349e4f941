import type { Notice } from '../../core/index.ts';
import { ackJson, answerStanza, type Fields, nackJson } from '../../protocols/ccs/index.ts';

/** A stanza for the app server, and the code if it is a nack. */
export interface Answer {
  readonly stanza: string;
  readonly code?: string;
}

/** Codes that app servers know. [fcm.md §1.6] */
const KNOWN: ReadonlySet<string> = new Set([
  'INVALID_JSON',
  'BAD_REGISTRATION',
  'DEVICE_UNREGISTERED',
  'BAD_ACK',
  'SERVICE_UNAVAILABLE',
  'INTERNAL_SERVER_ERROR',
  'DEVICE_MESSAGE_RATE_EXCEEDED',
  'TOPICS_MESSAGE_RATE_EXCEEDED',
  'CONNECTION_DRAINING',
  'INVALID_APNS_CREDENTIAL',
]);

/** What they would call the others: codes of the bridge itself, names of 2013 and of the HTTP twin. [fcm.md §1.6] */
export const meant: Readonly<Record<string, string>> = {
  // The bridge's own. [BAL §Error codes]
  INVALID_MESSAGE: 'INVALID_JSON',
  PAYLOAD_TOO_LARGE: 'INVALID_JSON',
  DUPLICATE_MESSAGE_ID: 'INVALID_JSON',
  EXPIRED: 'SERVICE_UNAVAILABLE',
  NO_PROVIDER: 'SERVICE_UNAVAILABLE',
  // Of 2013.
  QUOTA_EXCEEDED: 'DEVICE_MESSAGE_RATE_EXCEEDED',
  INVALID_TTL: 'INVALID_JSON',
  JSON_TYPE_ERROR: 'INVALID_JSON',
  JSON_PARSING_ERROR: 'INVALID_JSON',
  InvalidJson: 'INVALID_JSON',
  // Of the HTTP twin.
  MissingRegistration: 'INVALID_JSON',
  MessageTooBig: 'INVALID_JSON',
  InvalidDataKey: 'INVALID_JSON',
  InvalidTtl: 'INVALID_JSON',
  InvalidRegistration: 'BAD_REGISTRATION',
  MismatchSenderId: 'BAD_REGISTRATION',
  NotRegistered: 'DEVICE_UNREGISTERED',
  Unavailable: 'SERVICE_UNAVAILABLE',
  InternalServerError: 'INTERNAL_SERVER_ERROR',
  DeviceMessageRateExceeded: 'DEVICE_MESSAGE_RATE_EXCEEDED',
  TopicsMessageRateExceeded: 'TOPICS_MESSAGE_RATE_EXCEEDED',
  InvalidApnsCredential: 'INVALID_APNS_CREDENTIAL',
};

/** A code in the words of CCS. Of what is not known app servers make INTERNAL_SERVER_ERROR themselves. [fcm.md §1.6] */
export function codeOf(code: string): string {
  if (KNOWN.has(code)) return code;
  return (Object.hasOwn(meant, code) && meant[code]) || 'INTERNAL_SERVER_ERROR';
}

/** A nack of a code of ours or of the provider; a code that CCS does not have stands in the description. */
export function nack(target: string, id: string, code: string, description: string): Answer {
  const told = codeOf(code);
  const words = told === code ? description : description ? `${code}: ${description}` : code;
  return { stanza: answerStanza(nackJson(target, id, told, words)), code: told };
}

/** An outcome in the words of CCS. `target` is the `to` or `condition` of the message. */
export function answerOf(notice: Notice, target: string): Answer {
  const { type, messageId, error = '', errorString = '', data } = notice;
  if (type !== 'ack') return nack(target, messageId, error, errorString);
  return { stanza: answerStanza(withRest(ackJson(target, messageId), data)) };
}

/** What the service said besides, such as a canonical `registration_id` or how many of a group were reached. */
function withRest(ack: string, reply: string): string {
  const { to: _to, from: _from, message_id: _id, message_type: _type, ...rest } = fieldsOf(reply);
  const more = JSON.stringify(rest);
  return more === '{}' ? ack : `${ack.slice(0, -1)},${more.slice(1)}`;
}

/** What is no JSON object says nothing more, and the ack goes out all the same. */
function fieldsOf(reply: string): Fields {
  try {
    const value: unknown = JSON.parse(reply);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
  } catch {
    return {};
  }
}
