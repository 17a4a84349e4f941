import { escapeAttribute, escapeText, type StanzaError, stanzaError } from '../xmpp/index.ts';
import { type Address, type Dialect, UP_NS } from './names.ts';
import type { LegacyRequest } from './requests.ts';
import { stanza } from './write.ts';

/** What a push service answers: pure text, one function an answer. */

/** The endpoint that was asked for. `expiresAt` in milliseconds since the epoch; only the newer dialect has a word for it. */
export function registeredReply(at: Address, dialect: Dialect, endpoint: string, expiresAt?: number): string {
  if (dialect === 'legacy') {
    const register = `<register xmlns="${UP_NS.legacy}"><endpoint>${escapeText(endpoint)}</endpoint></register>`;
    return stanza('iq', at, 'result', register);
  }
  const end = expiresAt === undefined ? '' : ` expiration="${isoSeconds(expiresAt)}"`;
  const registered = `<registered xmlns="${UP_NS.gultsch}" endpoint="${escapeAttribute(endpoint)}"${end}/>`;
  return stanza('iq', at, 'result', registered);
}

/** Whole seconds: not every client reads fractions. */
const isoSeconds = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** The endpoint is no more. [unifiedpush.md §6.3] */
export function unregisteredReply(at: Address, token: string): string {
  const child = `<unregister xmlns="${UP_NS.legacy}"><token>${escapeText(token)}</token><success/></unregister>`;
  return stanza('iq', at, 'result', child);
}

/** A refusal. `what` adds that of the old dialect, whose clients look for nothing else. [unifiedpush.md §1.1] */
export function refusal(at: Address, error: StanzaError, what?: LegacyRequest): string {
  const words = escapeText(error.text ?? error.condition);
  const old = what ? `<${what} xmlns="${UP_NS.legacy}"><error>${words}</error></${what}>` : '';
  return stanza('iq', at, 'error', `${old}${stanzaError(error)}`);
}

/** Yes, and nothing else: to a ping, and to a push that was taken. */
export const emptyReply = (at: Address): string => stanza('iq', at, 'result', '');

/** What the service is and speaks. [XEP-0030 §3] */
export function infoReply(at: Address, name: string, features: readonly string[]): string {
  const identity = `<identity category="pubsub" type="push" name="${escapeAttribute(name)}"/>`;
  const list = features.map((feature) => `<feature var="${escapeAttribute(feature)}"/>`).join('');
  return stanza('iq', at, 'result', `<query xmlns="${UP_NS.discoInfo}">${identity}${list}</query>`);
}

/** It has no parts. [XEP-0030 §4] */
export const itemsReply = (at: Address): string => stanza('iq', at, 'result', `<query xmlns="${UP_NS.discoItems}"/>`);
