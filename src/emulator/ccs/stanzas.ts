import type { StanzaError, XmlElement } from '../../protocols/xmpp/index.ts';
import { escapeAttribute, escapeJson, NS, stanzaError } from '../../protocols/xmpp/index.ts';

/** What CCS writes, in the forms that were recorded from it. [fcm.md §1.3] */

export const GCM = 'google:mobile:data';
/** Where receipts come from and what their acks go to. [fcm.md §1.8] */
export const CCS_DOMAIN = 'gcm.googleapis.com';

const DATA_OPEN = `<data:gcm xmlns:data="${GCM}">`;
const PLAIN_OPEN = `<gcm xmlns="${GCM}">`;

const wrapped = (json: string): string => `${DATA_OPEN}${escapeJson(json)}</data:gcm>`;
const plain = (json: string): string => `${PLAIN_OPEN}${escapeJson(json)}</gcm>`;

/** An ack, nack or control message: without type and addresses. */
const answer = (json: string, swap: boolean): string => `<message>${swap ? plain(json) : wrapped(json)}</message>`;

/** @param from the `to` of the message that is answered */
export function ack(from: string, id: string, canonical: string | undefined, swap: boolean): string {
  const more = canonical === undefined ? '' : `,"registration_id":${JSON.stringify(canonical)}`;
  const json = `{"from":${JSON.stringify(from)},"message_id":${JSON.stringify(id)},"message_type":"ack"${more}}`;
  return answer(json, swap);
}

export function nack(from: string, id: string, error: string, description: string, swap: boolean): string {
  const json = { message_type: 'nack', from, message_id: id, error, error_description: description };
  return answer(JSON.stringify(json), swap);
}

/** Says that the connection drains. It carries no message_id. */
export function draining(broken: boolean, swap: boolean): string {
  const comma = broken ? '' : ',';
  return answer(`{"message_type":"control"${comma}"control_type":"CONNECTION_DRAINING"}`, swap);
}

/** A message of a type that nobody knows: the app server may ignore it. [fcm.md §1.3] */
export function unknownType(id: string, swap: boolean): string {
  return answer(JSON.stringify({ message_type: 'x-emulated', from: CCS_DOMAIN, message_id: id }), swap);
}

/** An upstream message or a receipt. */
export function upstream(sender: string, json: string, swap: boolean): string {
  const to = escapeAttribute(`${sender}@${CCS_DOMAIN}`);
  const body = swap ? wrapped(json) : plain(json);
  return `<message to="${to}" from="devices@${CCS_DOMAIN}" type="normal">${body}</message>`;
}

/** The refusal of a stanza, with what it held. [fcm.md §1.7] */
export function refusal(stanza: XmlElement, jid: string, error: StanzaError): string {
  const id = stanza.attrs.id === undefined ? '' : ` id="${escapeAttribute(stanza.attrs.id)}"`;
  const echo = stanza.children.map((child) => (typeof child === 'string' ? '' : child.toXml(NS.client))).join('');
  return `<message${id} type="error" to="${escapeAttribute(jid)}">${echo}${stanzaError(error)}</message>`;
}

export const badRequest = (text: string): StanzaError => ({
  type: 'modify',
  condition: 'bad-request',
  code: 400,
  text,
});

/** A `to` that holds a token: its colon and slash make no address. [fcm.md §1.3] */
export const JID_MALFORMED: StanzaError = {
  type: 'modify',
  condition: 'jid-malformed',
  code: 400,
  text: 'JID malformed',
};

/** [fcm.md §1.7] number and meaning are recorded; the condition is that of [XEP-0086]. */
export const FOREIGN_ACK: StanzaError = {
  type: 'modify',
  condition: 'not-acceptable',
  code: 406,
  text: 'Received acks for messages not sent over this connection',
};
