import { isDeeper } from '../../lib/depth.ts';
import type { StanzaError, XmlElement } from '../xmpp/index.ts';
import { CCS_NS } from './downstream.ts';
import { type Fields, isObject } from './fields.ts';
import { invalid, isTopic, type Problem, problemOf } from './problems.ts';
import { badRequest, JID_MALFORMED } from './server-stanzas.ts';

/** Levels of the JSON, itself the first. Nobody has recorded what CCS does with more; it has to end somewhere. */
export const MAX_JSON_DEPTH = 64;

/** What an app server says. [fcm.md §1.3, §1.4, §1.8] */
export type AppServerMessage =
  /** No message_id to answer to: the stanza itself is refused. [fcm.md §1.7] */
  | { readonly kind: 'unreadable'; readonly error: StanzaError }
  /** The ack of an upstream message or receipt; without `to` it names nothing. */
  | { readonly kind: 'ack'; readonly to: string | undefined; readonly id: string }
  | {
      readonly kind: 'message';
      /** `to` or `condition`, whichever there is: what answers are from. */
      readonly target: string;
      readonly id: string;
      /** A delivery receipt is asked for, of a message that can have one. */
      readonly receipt: boolean;
      /** What CCS would nack it for. */
      readonly problem: Problem | undefined;
      /** The whole object. */
      readonly fields: Fields;
      /** Its text as it came. */
      readonly json: string;
    };

const unreadable = (text: string) => ({ kind: 'unreadable', error: badRequest(text) }) as const;
const NO_PAYLOAD = unreadable('InvalidJson: missing gcm element');
const NO_JSON = unreadable('InvalidJson: JSON_PARSING_ERROR');
const NO_OBJECT = unreadable('InvalidJson: JSON_PARSING_ERROR : not a JSON object');
const TOO_DEEP = unreadable(`InvalidJson: JSON_PARSING_ERROR : nested deeper than ${MAX_JSON_DEPTH} levels`);
const NO_ID = unreadable('InvalidJson: JSON_PARSING_ERROR : Missing Required Field: message_id');
const NO_TEXT_ID = unreadable('InvalidJson: JSON_TYPE_ERROR : message_id must be a string');
const BAD_ADDRESS = { kind: 'unreadable', error: JID_MALFORMED } as const;

/**
 * Reads a `<message>` of an app server. Knows elements by namespace; never throws.
 * @param domains what the stanza may be addressed to; a token there makes no address [fcm.md §1.3]
 */
export function readAppServerMessage(stanza: XmlElement, domains: readonly string[]): AppServerMessage {
  const { to } = stanza.attrs;
  if (to !== undefined && !domains.includes(to)) return BAD_ADDRESS;
  const text = stanza.child('gcm', CCS_NS)?.text;
  return text === undefined ? NO_PAYLOAD : readText(text);
}

function readText(text: string): AppServerMessage {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return NO_JSON;
  }
  if (!isObject(json)) return NO_OBJECT;
  if (isDeeper(json, MAX_JSON_DEPTH)) return TOO_DEEP;
  const { message_id: id, to, message_type: type } = json;
  if (id === undefined || id === '') return NO_ID;
  if (typeof id !== 'string') return NO_TEXT_ID;
  if (type === 'ack') return { kind: 'ack', to: typeof to === 'string' ? to : undefined, id };
  return {
    kind: 'message',
    target: typeof to === 'string' ? to : typeof json.condition === 'string' ? json.condition : '',
    id,
    receipt: json.delivery_receipt_requested === true && json.dry_run !== true && !isTopic(to),
    problem: type === undefined ? problemOf(json) : invalid('InvalidJson: unknown message_type'),
    fields: json,
    json: text,
  };
}
