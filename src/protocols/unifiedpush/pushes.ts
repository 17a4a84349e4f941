import { escapeText, NS, type XmlElement } from '../xmpp/index.ts';
import { plainText } from './fields.ts';
import { type Address, UP_NS } from './names.ts';
import type { EndpointName } from './requests.ts';
import { stanza } from './write.ts';

/** Not into an archive, and not to the account's other clients, where it would look like a chat. [XEP-0334, XEP-0280 §6] */
const HINTS = `<no-permanent-store xmlns="${UP_NS.hints}"/><no-copy xmlns="${UP_NS.hints}"/><private xmlns="${UP_NS.carbons}"/>`;

/**
 * What is pushed, as the stanza that brings it to the client. In the old dialect a message without a type, because its
 * clients take no other [unifiedpush.md §0.2]: the body is the text, and if these bytes are no text that XML carries,
 * `<content xmlns="urn:pushbridge:content:0">` beside it holds them in base64.
 */
export function pushStanza(at: Address & { readonly id: string }, name: EndpointName, body: Uint8Array): string {
  if (name.dialect === 'gultsch') {
    const { application, instance } = name;
    const push = `<push xmlns="${UP_NS.gultsch}" application="${application}" instance="${instance}">${base64(body)}</push>`;
    return stanza('iq', at, 'set', push);
  }
  const text = plainText(body);
  const content = text === undefined ? `<content xmlns="${UP_NS.content}">${base64(body)}</content>` : '';
  const children = `<subject>${escapeText(name.token)}</subject><body>${escapeText(text ?? asText(body))}</body>${content}`;
  return stanza('message', at, '', `${children}<request xmlns="${UP_NS.receipts}"/>${HINTS}`);
}

const bytes = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength);
const base64 = (body: Uint8Array): string => bytes(body).toString('base64');
/** What the original would have made of it: a client that knows no better hears at least that there was a push. */
const asText = (body: Uint8Array): string => bytes(body).toString().replaceAll('\r', '\n');

/** What became of a push, as its answer tells. `condition` and `text` are for people. */
export type PushAnswer =
  /** The client has it. */
  | { readonly kind: 'taken' }
  /** The client does not know this endpoint, or pushes at all: it is to be revoked. [unifiedpush.md §3.1] */
  | { readonly kind: 'gone'; readonly condition: string; readonly text: string }
  /** Nobody is there to take it. */
  | { readonly kind: 'away'; readonly condition: string; readonly text: string }
  /** Everything else passes. */
  | { readonly kind: 'trouble'; readonly condition: string; readonly text: string };

/** Said by clients alone; a server that has no such client says one of {@link AWAY}. */
const GONE: readonly string[] = ['item-not-found', 'feature-not-implemented'];
const AWAY: readonly string[] = [
  'gone',
  'recipient-unavailable',
  'remote-server-not-found',
  'remote-server-timeout',
  'service-unavailable',
];

/** Reads the answer to a push, or the bounce of one; undefined if it is neither `result` nor `error`. Never throws. */
export function readPushAnswer(answer: XmlElement): PushAnswer | undefined {
  if (answer.attrs.type === 'result') return { kind: 'taken' };
  if (answer.attrs.type !== 'error') return undefined;
  const { condition, text } = readError(answer);
  if (GONE.includes(condition) && answer.name === 'iq') return { kind: 'gone', condition, text };
  return { kind: AWAY.includes(condition) ? 'away' : 'trouble', condition, text };
}

/** Characters of an error's text that are kept. */
const TEXT_MAX = 200;

/** Condition and text of a stanza error; `undefined-condition` if it names none. [RFC 6120 §8.3] */
export function readError(stanza: XmlElement): {
  readonly condition: string;
  readonly text: string;
  readonly type: string;
} {
  const error = stanza.child('error', stanza.ns);
  let condition = 'undefined-condition';
  let text = '';
  for (const child of error?.children ?? []) {
    if (typeof child === 'string' || child.ns !== NS.stanzas) continue;
    if (child.name === 'text') text = child.text.trim().slice(0, TEXT_MAX);
    else condition = child.name;
  }
  return { condition, text, type: error?.attrs.type ?? '' };
}

/** The id of the message that a client says it has received; undefined if it says no such thing. [XEP-0184 §5] */
export function readReceipt(message: XmlElement): string | undefined {
  return message.child('received', UP_NS.receipts)?.attrs.id;
}
