import { isUtf8 } from 'node:buffer';
import { XmlError } from './xml-error.ts';

/** Attributes by their name as written (`xml:lang`, `xmlns:data`), without a prototype. */
export type Attributes = Readonly<Record<string, string>>;

/** An opening tag, before its prefixes are looked up. */
export interface Tag {
  readonly name: string;
  readonly attrs: Attributes;
  /** How many attributes there are, namespace declarations included. */
  readonly count: number;
  /** Whether an attribute declares a namespace. */
  readonly declares: boolean;
  readonly selfClosing: boolean;
}

const NON_ASCII = /[\x80-\xff]/;
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f]/;
const NONCHARACTER = /[\ufffe\uffff]/;
const SPACE = /[\t\n\r]/;
// Names over bytes: any byte of a multi-byte character passes as a letter, which is wider than [XML §2.3] and harmless.
const QNAME = '[A-Za-z_\\x80-\\xff][-.\\w\\x80-\\xff]*(?::[A-Za-z_\\x80-\\xff][-.\\w\\x80-\\xff]*)?';
const NAME = new RegExp(QNAME, 'y');
const CLOSING = new RegExp(`^(${QNAME})[ \\t\\r\\n]*$`);
const ATTRIBUTE = new RegExp(`[ \\t\\r\\n]+(${QNAME})[ \\t\\r\\n]*=[ \\t\\r\\n]*(?:"([^"<]*)"|'([^'<]*)')`, 'y');
const REST = /[ \t\r\n]*(\/?)$/y;
const REFERENCE = /&([^;&]*)(;?)/g;
const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** Bytes (one per character) as the text that they are in UTF-8. */
function utf8(raw: string): string | XmlError {
  if (!NON_ASCII.test(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  if (!isUtf8(bytes)) return new XmlError('not-well-formed', 'invalid UTF-8');
  const text = bytes.toString('utf8');
  return NONCHARACTER.test(text) ? new XmlError('not-well-formed', 'a character that XML forbids') : text;
}

/** [XML §2.2] */
function isChar(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

function resolve(name: string): string | XmlError {
  const known = PREDEFINED[name];
  if (known !== undefined) return known;
  const match = /^#(?:(\d{1,8})|x([\dA-Fa-f]{1,8}))$/.exec(name);
  // [RFC 6120 §11.1] only the five predefined entities.
  if (!match) return new XmlError(name.startsWith('#') ? 'not-well-formed' : 'restricted-xml', 'an unknown entity');
  const code = match[1] === undefined ? Number.parseInt(match[2] ?? '', 16) : Number(match[1]);
  return isChar(code) ? String.fromCodePoint(code) : new XmlError('not-well-formed', 'a reference to no character');
}

function expand(text: string): string | XmlError {
  let fault: XmlError | undefined;
  const expanded = text.replace(REFERENCE, (all: string, name: string, end: string) => {
    const value = end ? resolve(name) : new XmlError('not-well-formed', 'a bare ampersand');
    if (typeof value === 'string') return value;
    fault ??= value;
    return all;
  });
  return fault ?? expanded;
}

/** The text between two tags from its bytes: references expanded, line ends as `\n` [XML §2.11]. */
export function decodeText(raw: string): string | XmlError {
  if (CONTROL.test(raw)) return new XmlError('not-well-formed', 'a control character');
  const text = utf8(raw);
  if (typeof text !== 'string') return text;
  const lines = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  return lines.includes('&') ? expand(lines) : lines;
}

/** Like {@link decodeText}, for a CDATA section: an ampersand is an ampersand. */
export function decodeCdata(raw: string): string | XmlError {
  if (CONTROL.test(raw)) return new XmlError('not-well-formed', 'a control character');
  const text = utf8(raw);
  return typeof text === 'string' && text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

function decodeAttribute(raw: string): string | XmlError {
  // [XML §3.3.3] white space becomes spaces, one line end one space.
  return decodeText(SPACE.test(raw) ? raw.replace(/\r\n|[\t\n\r]/g, ' ') : raw);
}

/** The name of a closing tag from what stands after the slash. */
export function closingName(raw: string): string | XmlError {
  const name = CLOSING.exec(raw)?.[1];
  return name === undefined ? new XmlError('not-well-formed', 'a bad closing tag') : utf8(name);
}

/**
 * An opening tag from what stands between its angle brackets.
 * @param maxAttributes namespace declarations count
 */
export function parseTag(body: string, maxAttributes: number): Tag | XmlError {
  NAME.lastIndex = 0;
  const rawName = NAME.exec(body)?.[0];
  if (rawName === undefined) return new XmlError('not-well-formed', 'a bad element name');
  const name = utf8(rawName);
  if (typeof name !== 'string') return name;
  const attrs: Record<string, string> = Object.create(null);
  let at = rawName.length;
  let count = 0;
  let declares = false;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const match = ATTRIBUTE.exec(body);
    if (!match) break;
    at = ATTRIBUTE.lastIndex;
    const key = utf8(match[1] ?? '');
    if (typeof key !== 'string') return key;
    const value = decodeAttribute(match[2] ?? match[3] ?? '');
    if (typeof value !== 'string') return value;
    if (attrs[key] !== undefined) return new XmlError('not-well-formed', `attribute ${key} twice`);
    if (++count > maxAttributes) return new XmlError('policy-violation', `more than ${maxAttributes} attributes`);
    attrs[key] = value;
    if (key.startsWith('xmlns') && (key.length === 5 || key[5] === ':')) declares = true;
  }
  REST.lastIndex = at;
  const rest = REST.exec(body);
  if (!rest) return new XmlError('not-well-formed', `a bad tag: ${name}`);
  return { name, attrs, count, declares, selfClosing: rest[1] === '/' };
}

/** Checks what stands between `<` and `>` of an XML declaration. [XML §2.8] */
export function checkDeclaration(body: string): XmlError | undefined {
  const match = /^\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*["']1\.\d+["']([^<>]*)\?$/.exec(body);
  if (!match) return new XmlError('restricted-xml', 'a processing instruction');
  const encoding = /[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["']([^"']*)["']/.exec(match[1] ?? '')?.[1];
  if (encoding === undefined || /^utf-?8$/i.test(encoding)) return undefined;
  return new XmlError('unsupported-encoding', 'only UTF-8 is spoken here');
}
