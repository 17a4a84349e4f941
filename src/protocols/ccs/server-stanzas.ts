/** What CCS writes, in the forms that were recorded from it. [fcm.md §1.3] */
import type { StanzaError, XmlElement } from '../xmpp/index.ts';
import { escapeAttribute, escapeJson, NS, stanzaError } from '../xmpp/index.ts';
import { CCS_NS } from './downstream.ts';

/** Where receipts come from and what their acks go to. [fcm.md §1.8] */
export const CCS_DOMAIN = 'gcm.googleapis.com';

/** The two ways to write the element: `data:gcm` is usual for answers, `gcm` for what comes from devices. */
export type PayloadForm = 'data:gcm' | 'gcm';

function payload(json: string, form: PayloadForm): string {
  const open = form === 'gcm' ? `<gcm xmlns="${CCS_NS}">` : `<data:gcm xmlns:data="${CCS_NS}">`;
  return `${open}${escapeJson(json)}</${form}>`;
}

/** An ack, nack or control message: without type and addresses. */
export function answerStanza(json: string, form: PayloadForm = 'data:gcm'): string {
  return `<message>${payload(json, form)}</message>`;
}

/**
 * The object of an ack.
 * @param from the `to` of the message that is answered
 * @param canonical the token that replaces it, if there is one
 */
export function ackJson(from: string, id: string, canonical?: string): string {
  const more = canonical === undefined ? '' : `,"registration_id":${JSON.stringify(canonical)}`;
  return `{"from":${JSON.stringify(from)},"message_id":${JSON.stringify(id)},"message_type":"ack"${more}}`;
}

/** The object of a nack. */
export function nackJson(from: string, id: string, error: string, description: string): string {
  return JSON.stringify({ message_type: 'nack', from, message_id: id, error, error_description: description });
}

/** Says that the connection drains. It carries no message_id. */
export const DRAINING_JSON = '{"message_type":"control","control_type":"CONNECTION_DRAINING"}';

/** The stanza of an upstream message or a receipt. `account` is the bare JID that the app server logged in as. */
export function upstreamStanza(account: string, json: string, form: PayloadForm = 'gcm'): string {
  return `<message to="${escapeAttribute(account)}" from="devices@${CCS_DOMAIN}" type="normal">${payload(json, form)}</message>`;
}

/** The refusal of a stanza, with what it held. [fcm.md §1.7] */
export function refusalStanza(stanza: XmlElement, jid: string, error: StanzaError): string {
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
