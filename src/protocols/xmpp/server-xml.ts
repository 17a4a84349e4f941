import type { XmlElement } from './element.ts';
import { NS } from './namespaces.ts';
import { escapeAttribute, escapeText } from './xml.ts';
import type { ParseCondition } from './xml-error.ts';

/** What a server writes: pure text, one function an element. */

/** Conditions of [RFC 6120 §4.9.3] that a stream may end in. */
export type StreamCondition =
  | ParseCondition
  | 'bad-format'
  | 'conflict'
  | 'connection-timeout'
  | 'host-unknown'
  | 'internal-server-error'
  | 'invalid-xml'
  | 'not-authorized'
  | 'reset'
  | 'resource-constraint'
  | 'system-shutdown'
  | 'undefined-condition'
  | 'unsupported-stanza-type'
  | 'unsupported-version';

/** Type and condition of a stanza error. [RFC 6120 §8.3] */
export interface StanzaError {
  readonly type: 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';
  readonly condition: string;
  readonly text?: string;
  /** The number of the days before RFC 3920, which CCS still sends. [XEP-0086] */
  readonly code?: number;
}

export const STREAM_END = '</stream:stream>';
export const SASL_SUCCESS = `<success xmlns="${NS.sasl}"/>`;
export const SASL_CHALLENGE = `<challenge xmlns="${NS.sasl}"/>`;

export function streamHeader(from: string, id: string): string {
  return `<stream:stream from="${escapeAttribute(from)}" id="${escapeAttribute(id)}" version="1.0" xmlns:stream="${NS.stream}" xmlns="${NS.client}">`;
}

export function saslFeatures(mechanisms: readonly string[]): string {
  const list = mechanisms.map((name) => `<mechanism>${escapeText(name)}</mechanism>`).join('');
  return `<stream:features><mechanisms xmlns="${NS.sasl}">${list}</mechanisms></stream:features>`;
}

/** [RFC 6121 §E, RFC 3921 §3] `session` is history, but clients look for it. */
export function bindFeatures(session: boolean): string {
  const more = session ? `<session xmlns="${NS.session}"/>` : '';
  return `<stream:features><bind xmlns="${NS.bind}"/>${more}</stream:features>`;
}

export function saslFailure(condition: string): string {
  return `<failure xmlns="${NS.sasl}"><${condition}/></failure>`;
}

export function streamError(condition: StreamCondition, text?: string): string {
  const why = text === undefined ? '' : `<text xmlns="${NS.streams}">${escapeText(text)}</text>`;
  return `<stream:error><${condition} xmlns="${NS.streams}"/>${why}</stream:error>`;
}

export function stanzaError({ type, condition, text, code }: StanzaError): string {
  const number = code === undefined ? '' : ` code="${code}"`;
  const why = text === undefined ? '' : `<text xmlns="${NS.stanzas}">${escapeText(text)}</text>`;
  return `<error${number} type="${type}"><${condition} xmlns="${NS.stanzas}"/>${why}</error>`;
}

const idOf = (iq: XmlElement): string => (iq.attrs.id === undefined ? '' : ` id="${escapeAttribute(iq.attrs.id)}"`);

/** An answer without an id if the question has none: some clients leave it out. */
export function iqResult(iq: XmlElement, child = ''): string {
  const start = `<iq type="result"${idOf(iq)}`;
  return child ? `${start}>${child}</iq>` : `${start}/>`;
}

/** The refusal of an iq, with what it asked. [RFC 6120 §8.3.1] */
export function iqError(iq: XmlElement, error: StanzaError): string {
  return `<iq type="error"${idOf(iq)}>${iq.firstElement?.toXml() ?? ''}${stanzaError(error)}</iq>`;
}

export function bindResult(jid: string): string {
  return `<bind xmlns="${NS.bind}"><jid>${escapeText(jid)}</jid></bind>`;
}
