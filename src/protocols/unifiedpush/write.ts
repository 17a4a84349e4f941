import { escapeAttribute } from '../xmpp/index.ts';
import type { Address } from './names.ts';

/**
 * A stanza as text. It names no namespace of its own: the same words are right on a client's stream and on a component's,
 * and a component that said `jabber:client` would not be heard by Prosody. [unifiedpush.md §0.3]
 */
export function stanza(name: string, { from, to, id }: Address, type: string, children: string): string {
  const kind = type && ` type="${type}"`;
  const number = id === undefined ? '' : ` id="${escapeAttribute(id)}"`;
  const start = `<${name}${kind} from="${escapeAttribute(from)}" to="${escapeAttribute(to)}"${number}`;
  return children ? `${start}>${children}</${name}>` : `${start}/>`;
}

/** The same for a client, whose server knows who it is. */
export function ask(name: string, to: string, id: string, type: string, children: string): string {
  const kind = type && ` type="${type}"`;
  const start = `<${name}${kind} to="${escapeAttribute(to)}"${id && ` id="${escapeAttribute(id)}"`}`;
  return children ? `${start}>${children}</${name}>` : `${start}/>`;
}
