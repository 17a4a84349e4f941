import { isVapidKey } from '../webpush/index.ts';
import { NS, type StanzaError, type XmlElement } from '../xmpp/index.ts';
import { isHash, tokenProblem } from './fields.ts';
import { type Dialect, UP_NS } from './names.ts';

/** What a client calls one of its endpoints, in the words of its dialect. */
export type EndpointName =
  | { readonly dialect: 'legacy'; readonly token: string }
  /** Both are base64 of 32 bytes. */
  | { readonly dialect: 'gultsch'; readonly application: string; readonly instance: string };

/** What somebody asks of a push service by `<iq type="get">` or `<iq type="set">`. */
export type Request =
  /** With `vapid` the endpoint takes only what is signed with this key. [RFC 8292 §4] */
  | { readonly kind: 'register'; readonly name: EndpointName; readonly vapid?: string }
  | { readonly kind: 'unregister'; readonly token: string }
  | { readonly kind: 'info' | 'items' | 'ping' }
  /** To be refused for this; `what` is the element of the old dialect that is to carry the refusal too. */
  | { readonly kind: 'bad'; readonly error: StanzaError; readonly what?: LegacyRequest };

export type LegacyRequest = 'register' | 'unregister';

const bad = (text: string): StanzaError => ({ type: 'modify', condition: 'bad-request', text });
const NOT_FOUND: StanzaError = { type: 'cancel', condition: 'item-not-found' };
const UNKNOWN: StanzaError = { type: 'cancel', condition: 'service-unavailable' };

/**
 * Reads a question by its namespace; undefined if it is none, but an answer. Never throws.
 * @param dialects the dialects that are spoken; the others are unknown words
 */
export function readRequest(iq: XmlElement, dialects: readonly Dialect[]): Request | undefined {
  const { type } = iq.attrs;
  if (type !== 'get' && type !== 'set') return undefined;
  const asked = iq.firstElement;
  if (!asked) return { kind: 'bad', error: bad('no child element') };
  if (type === 'get') {
    if (asked.is('ping', NS.ping)) return { kind: 'ping' };
    if (asked.is('query', UP_NS.discoInfo)) return disco(asked, 'info');
    if (asked.is('query', UP_NS.discoItems)) return disco(asked, 'items');
  }
  if (dialects.includes('legacy')) {
    // The original answers both types alike. [unifiedpush.md §1.1]
    if (asked.is('register', UP_NS.legacy)) return legacy(asked, 'register');
    if (asked.is('unregister', UP_NS.legacy)) return legacy(asked, 'unregister');
  }
  if (type === 'set' && dialects.includes('gultsch') && asked.is('register', UP_NS.gultsch)) return gultsch(asked);
  return { kind: 'bad', error: UNKNOWN };
}

function disco(query: XmlElement, kind: 'info' | 'items'): Request {
  return query.attrs.node ? { kind: 'bad', error: NOT_FOUND } : { kind };
}

function legacy(asked: XmlElement, what: LegacyRequest): Request {
  const element = asked.child('token', UP_NS.legacy);
  const token = element?.text ?? '';
  // The words of the original. [unifiedpush.md §1.1]
  const problem = element ? tokenProblem(token) : 'unable decode';
  if (problem !== undefined) return { kind: 'bad', error: bad(problem), what };
  return what === 'register' ? register(asked, { dialect: 'legacy', token }, what) : { kind: what, token };
}

function gultsch(asked: XmlElement): Request {
  const { application = '', instance = '' } = asked.attrs;
  for (const [name, value] of Object.entries({ application, instance })) {
    if (!isHash(value)) return { kind: 'bad', error: bad(`${name}: must be base64 of 32 bytes`) };
  }
  return register(asked, { dialect: 'gultsch', application, instance });
}

function register(asked: XmlElement, name: EndpointName, what?: LegacyRequest): Request {
  const vapid = asked.child('vapid', UP_NS.vapid)?.text.trim();
  if (vapid === undefined) return { kind: 'register', name };
  if (isVapidKey(vapid)) return { kind: 'register', name, vapid };
  const error = bad('vapid: must be an uncompressed P-256 key in base64url, 87 characters');
  return { kind: 'bad', error, ...(what && { what }) };
}
