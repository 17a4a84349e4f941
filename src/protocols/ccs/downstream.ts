import { escapeAttribute, escapeJson, NS } from '../xmpp/index.ts';

/** The namespace by which CCS payloads are known, whatever their prefix. [fcm.md §1.3] */
export const CCS_NS = 'google:mobile:data';

/** A downstream message before it becomes text. */
export interface Downstream {
  /** The id towards CCS. It stands in the stanza too: stanza errors carry no other. [fcm.md §1.7] */
  readonly wireId: string;
  /** The FCM object as JSON text, without `message_id` and `time_to_live`; it is not printed again. */
  readonly json: string;
  /** Seconds left; absent if the sender gave no TTL. */
  readonly ttl?: number;
}

/** The stanza of a downstream message. It has no `to`: a token there is a malformed JID. [fcm.md §1.3] */
export function downstreamStanza({ wireId, json, ttl }: Downstream): string {
  const life = ttl === undefined ? '' : `,"time_to_live":${ttl}`;
  const rest = json.slice(json.indexOf('{') + 1);
  const comma = EMPTY.test(rest) ? '' : ',';
  return stanza(wireId, `{"message_id":${JSON.stringify(wireId)}${life}${comma}${rest}`);
}

/** The ack of an upstream message or receipt; valid only on the connection that brought it. [fcm.md §1.8, §1.10] */
export function ackStanza(to: string, messageId: string): string {
  return stanza('', `{"to":${JSON.stringify(to)},"message_id":${JSON.stringify(messageId)},"message_type":"ack"}`);
}

/** A ping to the server itself: without `to`, so that it never leaves the connection. [XEP-0199 §4.2] */
export function pingStanza(id: string): string {
  return `<iq type="get" id="${escapeAttribute(id)}"><ping xmlns="${NS.ping}"/></iq>`;
}

const EMPTY = /^\s*\}/;

function stanza(id: string, json: string): string {
  return `<message id="${escapeAttribute(id)}"><gcm xmlns="${CCS_NS}">${escapeJson(json)}</gcm></message>`;
}
