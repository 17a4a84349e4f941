import { bareReply, type Message, type Outcome } from '../../core/index.ts';
import { answerJson, type ServerMessage } from '../../protocols/ccs/index.ts';

type Of<K extends ServerMessage['kind']> = Extract<ServerMessage, { kind: K }>;

/**
 * What a nack means for its message:
 * `message` waits alone, and prefers the connection that it was on; `target` makes the whole token or topic wait;
 * `elsewhere` goes out at once on another connection; `gone` forgets the token; `never` is final.
 */
export type Rule = 'message' | 'target' | 'elsewhere' | 'gone' | 'never';

/** Nack codes. What is not listed is tried again like INTERNAL_SERVER_ERROR. [fcm.md §1.6] */
export const nackRules: Readonly<Record<string, Rule>> = {
  SERVICE_UNAVAILABLE: 'message',
  INTERNAL_SERVER_ERROR: 'message',
  DEVICE_MESSAGE_RATE_EXCEEDED: 'target',
  QUOTA_EXCEEDED: 'target',
  TOPICS_MESSAGE_RATE_EXCEEDED: 'target',
  CONNECTION_DRAINING: 'elsewhere',
  DEVICE_UNREGISTERED: 'gone',
  // Not `gone`: it also says that the token belongs to another sender.
  BAD_REGISTRATION: 'never',
  INVALID_JSON: 'never',
  INVALID_APNS_CREDENTIAL: 'never',
  // Names of 2013, some of them the first word of a sentence.
  AUTHENTICATION_FAILED: 'never',
  INVALID_TTL: 'never',
  JSON_TYPE_ERROR: 'never',
  JSON_PARSING_ERROR: 'never',
  InvalidJson: 'never',
  // Names of the HTTP twin, which emulators and relays let through.
  Unavailable: 'message',
  InternalServerError: 'message',
  DeviceMessageRateExceeded: 'target',
  TopicsMessageRateExceeded: 'target',
  NotRegistered: 'gone',
  InvalidRegistration: 'never',
  MismatchSenderId: 'never',
  MissingRegistration: 'never',
  MessageTooBig: 'never',
  InvalidDataKey: 'never',
  InvalidTtl: 'never',
  InvalidApnsCredential: 'never',
};

/** The rule of a code. */
export function ruleOf(code: string): Rule {
  return Object.hasOwn(nackRules, code) ? (nackRules[code] ?? 'message') : 'message';
}

/** Taken. The ack's own JSON tells the backend of a canonical `registration_id`. */
export function outcomeOfAck(ack: Of<'ack'>, message: Message): Outcome {
  return { kind: 'accepted', reply: answerJson(ack.fields, message.messageId) };
}

export function outcomeOfNack(nack: Of<'nack'>, message: Message): Outcome {
  const code = nack.code || 'INTERNAL_SERVER_ERROR';
  const because = nack.description;
  const answer = { code, because, reply: answerJson(nack.fields, message.messageId) };
  switch (ruleOf(code)) {
    case 'message':
      return { kind: 'later', scope: 'message', ...answer };
    case 'target':
      return { kind: 'later', scope: 'target', ...answer };
    case 'elsewhere':
      return { kind: 'unsent', because: 'the connection drains' };
    case 'gone':
      return { kind: 'gone', ...answer };
    case 'never':
      return { kind: 'refused', ...answer };
  }
}

/** A stanza error has no JSON of its own: the backend is shown the ids that it knows. [fcm.md §1.7] */
export function outcomeOfError(error: Of<'stanza-error'>, message: Message): Outcome {
  const because = error.text || `error ${error.code}`;
  const later = error.type === 'wait' || error.code >= 500;
  const code = !later ? 'INVALID_JSON' : error.code === 503 ? 'SERVICE_UNAVAILABLE' : 'INTERNAL_SERVER_ERROR';
  const reply = JSON.stringify({
    message_id: message.messageId,
    to: message.target,
    error: code,
    error_description: because,
  });
  return later ? { kind: 'later', scope: 'message', code, because, reply } : { kind: 'refused', code, because, reply };
}

/** A message that made the service end the stream again and again. */
export function poisoned(message: Message, condition: string): Outcome {
  const because = `the service ends the connection whenever it gets this message: ${condition}`;
  return { kind: 'refused', code: 'INVALID_MESSAGE', because, reply: bareReply(message), dead: true };
}
