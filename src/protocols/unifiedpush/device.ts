import { escapeAttribute, escapeText, type StanzaError, stanzaError, type XmlElement } from '../xmpp/index.ts';
import { BODY_MAX, decodeBody, ENDPOINT_MAX, isHash, tokenProblem } from './fields.ts';
import { UP_NS } from './names.ts';
import { readError } from './pushes.ts';
import type { EndpointName } from './requests.ts';
import { ask } from './write.ts';

/** The other side: what a client asks of a push service, and how it reads what comes. */

/** Asks for the endpoint of this name, for senders with this key alone if there is one: only of a service that knows `UP_NS.vapid`. */
export function registerStanza(to: string, id: string, name: EndpointName, vapid?: string): string {
  const key = vapid === undefined ? '' : `<vapid xmlns="${UP_NS.vapid}">${escapeText(vapid)}</vapid>`;
  const child =
    name.dialect === 'legacy'
      ? `<register xmlns="${UP_NS.legacy}"><token>${escapeText(name.token)}</token>${key}</register>`
      : `<register xmlns="${UP_NS.gultsch}" application="${escapeAttribute(name.application)}" instance="${escapeAttribute(name.instance)}">${key}</register>`;
  return ask('iq', to, id, 'set', child);
}

/** Ends an endpoint. Only the old dialect has words for it; in the other the next push is answered with `item-not-found`. */
export function unregisterStanza(to: string, id: string, token: string): string {
  const child = `<unregister xmlns="${UP_NS.legacy}"><token>${escapeText(token)}</token></unregister>`;
  return ask('iq', to, id, 'set', child);
}

/** "I am here", to one service alone: what waits there comes now. [RFC 6121 §4.6] */
export const presenceStanza = (to: string, present: boolean): string =>
  ask('presence', to, '', present ? '' : 'unavailable', '');

/** The message was received. [XEP-0184 §5.2] */
export const receiptStanza = (to: string, id: string): string =>
  ask('message', to, '', '', `<received xmlns="${UP_NS.receipts}" id="${escapeAttribute(id)}"/>`);

/** The answer to a push of the newer dialect: taken, or the error that says why not. */
export const pushAnswer = (to: string, id: string, error?: StanzaError): string =>
  error ? ask('iq', to, id, 'error', stanzaError(error)) : ask('iq', to, id, 'result', '');

export const infoStanza = (to: string, id: string): string =>
  ask('iq', to, id, 'get', `<query xmlns="${UP_NS.discoInfo}"/>`);

export const itemsStanza = (to: string, id: string): string =>
  ask('iq', to, id, 'get', `<query xmlns="${UP_NS.discoItems}"/>`);

/** What became of a registration. */
export type RegisterResult =
  /** `expiresAt`: milliseconds since the epoch; absent if it does not end by itself. */
  | { readonly kind: 'registered'; readonly endpoint: string; readonly expiresAt?: number }
  /** `condition` is `undefined-condition` from a service that speaks only the old dialect. */
  | { readonly kind: 'refused'; readonly condition: string; readonly text: string };

/** Reads the answer to {@link registerStanza}. Never throws. */
export function readRegisterResult(iq: XmlElement): RegisterResult {
  const old = iq.child('register', UP_NS.legacy);
  if (iq.attrs.type !== 'result') {
    const { condition, text } = readError(iq);
    return { kind: 'refused', condition, text: text || old?.child('error', UP_NS.legacy)?.text || condition };
  }
  const registered = iq.child('registered', UP_NS.gultsch);
  const endpoint = registered?.attrs.endpoint ?? old?.child('endpoint', UP_NS.legacy)?.text.trim() ?? '';
  if (!isEndpoint(endpoint)) return { kind: 'refused', condition: 'undefined-condition', text: 'no usable endpoint' };
  const expiration = registered?.attrs.expiration;
  if (expiration === undefined) return { kind: 'registered', endpoint };
  const expiresAt = ISO.test(expiration) ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAt)) return { kind: 'refused', condition: 'undefined-condition', text: 'a bad expiration' };
  return { kind: 'registered', endpoint, expiresAt };
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

function isEndpoint(text: string): boolean {
  return /^https?:\/\//.test(text) && Buffer.byteLength(text) <= ENDPOINT_MAX && URL.canParse(text);
}

/** A push as it arrives. The sender is not looked at: that is for whoever knows its gateway. */
export type Pushed =
  | { readonly kind: 'push'; readonly name: EndpointName; readonly body: Buffer; readonly id: string | undefined }
  /** A push that can not be used; in the newer dialect it is answered with this. */
  | { readonly kind: 'bad'; readonly error: StanzaError };

const NOT_FOUND: StanzaError = { type: 'cancel', condition: 'item-not-found' };
const bad = (text: string): Pushed => ({ kind: 'bad', error: { type: 'modify', condition: 'bad-request', text } });

/** Reads a push of either dialect; undefined if the stanza is something else. Never throws. */
export function readPush(stanza: XmlElement): Pushed | undefined {
  if (stanza.name === 'message') return readMessage(stanza);
  if (stanza.name !== 'iq' || stanza.attrs.type !== 'set') return undefined;
  const push = stanza.child('push', UP_NS.gultsch);
  if (!push) return undefined;
  const { application = '', instance = '' } = push.attrs;
  if (!isHash(application) || !isHash(instance)) return { kind: 'bad', error: NOT_FOUND };
  const body = decodeBody(push.text);
  if (!body) return bad(`push: must be base64 of 1 to ${BODY_MAX} bytes`);
  return { kind: 'push', name: { dialect: 'gultsch', application, instance }, body, id: stanza.attrs.id };
}

/** Servers may write the default type out: it means the same. [RFC 6121 §5.2.2] */
function readMessage(message: XmlElement): Pushed | undefined {
  const { type = 'normal', id } = message.attrs;
  const token = message.child('subject', message.ns)?.text;
  if (type !== 'normal' || token === undefined) return undefined;
  if (tokenProblem(token) !== undefined) return bad('subject: must be a token');
  const content = message.child('content', UP_NS.content);
  const text = Buffer.from(message.child('body', message.ns)?.text ?? '');
  const body = content ? decodeBody(content.text) : text;
  if (!body || body.length === 0 || body.length > BODY_MAX) return bad(`body: must be 1 to ${BODY_MAX} bytes`);
  return { kind: 'push', name: { dialect: 'legacy', token }, body, id };
}

/** Features that are looked at in an answer. */
const FEATURES_MAX = 1_000;

/** What the asked one can do; empty if the answer is an error. [XEP-0030 §3] */
export function readFeatures(iq: XmlElement): readonly string[] {
  return listed(iq, UP_NS.discoInfo, 'feature', 'var');
}

/** The addresses of the asked one's parts; empty if the answer is an error. [XEP-0030 §4] */
export function readItems(iq: XmlElement): readonly string[] {
  return listed(iq, UP_NS.discoItems, 'item', 'jid');
}

function listed(iq: XmlElement, ns: string, name: string, attribute: string): string[] {
  if (iq.attrs.type !== 'result') return [];
  const found: string[] = [];
  for (const child of iq.child('query', ns)?.children ?? []) {
    if (typeof child === 'string' || !child.is(name, ns)) continue;
    const value = child.attrs[attribute];
    if (value && found.push(value) === FEATURES_MAX) break;
  }
  return found;
}
