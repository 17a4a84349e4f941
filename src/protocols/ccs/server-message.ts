import { isDeeper } from '../../lib/depth.ts';
import { NS, type XmlElement } from '../xmpp/index.ts';
import { CCS_NS } from './downstream.ts';
import { type Fields, isObject } from './fields.ts';

/** What CCS says. [fcm.md §1.3-1.8] */
export type ServerMessage =
  | { readonly kind: 'ack'; readonly wireId: string; readonly fields: Fields }
  | {
      readonly kind: 'nack';
      readonly wireId: string;
      /** The first word of `error`: a code, or the name that the sentences of 2013 began with. */
      readonly code: string;
      /** `error_description`, or the rest of the sentence. */
      readonly description: string;
      readonly fields: Fields;
    }
  | {
      readonly kind: 'receipt';
      readonly from: string;
      readonly id: string;
      /** The id of the message that it is about. */
      readonly wireId: string;
      readonly fields: Fields;
    }
  | {
      readonly kind: 'upstream';
      readonly from: string;
      readonly id: string;
      /** The app's package name; empty if it is missing. */
      readonly category: string;
      /** The JSON object as it came, unless it is nested too deep. */
      readonly json: string;
    }
  | { readonly kind: 'draining' }
  | {
      readonly kind: 'stanza-error';
      /** The legacy number, derived from the condition if it is missing; 0 if neither is known. */
      readonly code: number;
      /** `modify`, `wait`, `cancel`, `auth`, or empty. [RFC 6120 §8.3.2] */
      readonly type: string;
      readonly condition: string;
      readonly text: string;
      /** Ids that the error may be about: the stanza's, and that of the echoed JSON. */
      readonly ids: readonly string[];
    }
  /** Ignored and counted. [fcm.md §1.3] `reason` is one of a few fixed words. */
  | { readonly kind: 'unknown'; readonly reason: 'no_payload' | 'bad_json' | 'unknown_type' | 'bad_fields' };

/** Legacy numbers of conditions, for servers that send none. [XEP-0086] */
const CODES: Readonly<Record<string, number>> = {
  'bad-request': 400,
  'jid-malformed': 400,
  'not-acceptable': 406,
  'not-authorized': 401,
  forbidden: 403,
  'item-not-found': 404,
  'internal-server-error': 500,
  'resource-constraint': 500,
  'service-unavailable': 503,
};

/**
 * Levels of the JSON, itself the first. It becomes the second level of a frame that backends read, which has 64; and what
 * is nested without end can be parsed but not printed again. Of what is deeper, the values that are not nested count.
 */
export const MAX_DEPTH = 63;

/** Reads a `<message>` of the server. Knows elements by namespace; never throws. */
export function readServerMessage(message: XmlElement): ServerMessage {
  const payload = message.child('gcm', CCS_NS);
  if (message.attrs.type === 'error' || message.child('error', NS.client)) return readError(message, payload);
  if (!payload) return { kind: 'unknown', reason: 'no_payload' };
  const json = payload.text.trim();
  const fields = parseObject(json);
  // The documentation's own example of a draining message misses a comma. [fcm.md §1.3]
  if (!fields) return DRAINING.test(json) ? { kind: 'draining' } : { kind: 'unknown', reason: 'bad_json' };
  if (isDeeper(fields, MAX_DEPTH)) {
    const flat = Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value !== 'object'));
    return readFields(flat, JSON.stringify(flat));
  }
  return readFields(fields, json);
}

const DRAINING = /"control_type"\s*:\s*"CONNECTION_DRAINING"/;

function readFields(fields: Fields, json: string): ServerMessage {
  switch (fields.message_type) {
    case 'ack':
      return { kind: 'ack', wireId: text(fields.message_id), fields };
    case 'nack': {
      const error = text(fields.error).trim();
      const code = /^[\w.-]{1,64}/.exec(error)?.[0] ?? '';
      const rest = error.slice(code.length).replace(/^[\s:]+/, '');
      return {
        kind: 'nack',
        wireId: text(fields.message_id),
        code,
        description: text(fields.error_description) || rest,
        fields,
      };
    }
    case 'receipt':
      return readReceipt(fields);
    case 'control':
      return fields.control_type === 'CONNECTION_DRAINING'
        ? { kind: 'draining' }
        : { kind: 'unknown', reason: 'unknown_type' };
    case undefined: {
      const from = text(fields.from);
      const id = text(fields.message_id);
      if (!from || !id) return { kind: 'unknown', reason: 'bad_fields' };
      return { kind: 'upstream', from, id, category: text(fields.category), json };
    }
    default:
      return { kind: 'unknown', reason: 'unknown_type' };
  }
}

function readReceipt(fields: Fields): ServerMessage {
  const from = text(fields.from);
  const id = text(fields.message_id);
  if (!from || !id) return { kind: 'unknown', reason: 'bad_fields' };
  const original = isObject(fields.data) ? text(fields.data.original_message_id) : '';
  return { kind: 'receipt', from, id, wireId: original || id.replace(/^dr2:/, ''), fields };
}

/** The receipt's JSON with the sender's own id wherever the id towards CCS stood. */
export function receiptJson(fields: Fields, messageId: string): string {
  const data = isObject(fields.data) ? fields.data : {};
  return JSON.stringify({
    ...fields,
    message_id: `dr2:${messageId}`,
    data: { ...data, original_message_id: messageId },
  });
}

/** An ack's or nack's JSON with the sender's own id instead of the id towards CCS. */
export function answerJson(fields: Fields, messageId: string): string {
  return JSON.stringify({ ...fields, message_id: messageId });
}

function readError(message: XmlElement, payload: XmlElement | undefined): ServerMessage {
  const error = message.child('error', NS.client);
  const ids = [message.attrs.id, payload && echoedId(payload.text)].filter((id) => id !== undefined && id !== '');
  let condition = '';
  let words = '';
  for (const child of error?.children ?? []) {
    if (typeof child === 'string') continue;
    if (child.name === 'text') words = child.text.trim();
    else if (child.ns === NS.stanzas) condition = child.name;
  }
  const code = Number(error?.attrs.code) || CODES[condition] || 0;
  return {
    kind: 'stanza-error',
    code,
    type: error?.attrs.type ?? '',
    condition,
    // CCS-13 shows the words directly inside of <error>.
    text: words || error?.text.trim() || condition,
    ids: [...new Set(ids)] as string[],
  };
}

/** The id in echoed JSON, which may be just what was wrong with it. */
function echoedId(json: string): string | undefined {
  const fields = parseObject(json);
  if (fields) return text(fields.message_id);
  const match = /"message_id"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(json);
  try {
    return match?.[1] === undefined ? undefined : text(JSON.parse(match[1]));
  } catch {
    return undefined;
  }
}

function parseObject(json: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Ids are strings; a number is taken as what it would be in text. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
