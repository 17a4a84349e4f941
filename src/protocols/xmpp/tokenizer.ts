import { checkAttributes, Scope } from './scope.ts';
import type { Attributes } from './tag.ts';
import { checkDeclaration, closingName, decodeCdata, decodeText, parseTag } from './tag.ts';
import { XmlError } from './xml-error.ts';

/** How much of a peer's XML is read before it is too much. */
export interface XmlLimits {
  /** Bytes of the stream header, and of each child of the root with all that is in it. */
  readonly stanzaBytes: number;
  /** Elements inside each other, the root included. */
  readonly depth: number;
  /** Attributes of one element, namespace declarations included. */
  readonly attributes: number;
}

export const defaultXmlLimits: XmlLimits = { stanzaBytes: 64 * 1024, depth: 32, attributes: 32 };

/** What the tokenizer finds. It is safe to call `restart` and `stop` from inside. */
export interface TokenHandler {
  /**
   * An opening tag; a self-closing one is followed by its `onClose` at once.
   * @param name as written, with its prefix
   * @param ns the namespace of the name; empty if it has none
   */
  onOpen(name: string, attrs: Attributes, selfClosing: boolean, ns: string): void;
  /** Text inside a child of the root, decoded; adjacent pieces are separate only where CDATA begins or ends. */
  onText(text: string): void;
  onClose(name: string): void;
  /** White space between the children of the root: a keepalive. As it came, perhaps in pieces. */
  onWhitespace?(text: string): void;
  /** The stream cannot be read any further; nothing is called after this. */
  onError(error: XmlError): void;
}

const GT = 62;
const LT = 60;
const QUOTE = 34;
const APOSTROPHE = 39;
const CDATA = '![CDATA[';
const BLANK = /^[ \t\r\n]*$/;

/**
 * A streaming tokenizer for the XML of RFC 6120 §11: no comments, no processing instructions, no DTD, no entities but the
 * five. Takes chunks cut anywhere, even inside a character: it works on bytes, one per character of a latin1 string, and
 * decodes a text when it is complete. Each byte is looked at once, so single bytes cost no more than a whole.
 */
export class XmlTokenizer {
  readonly #handler: TokenHandler;
  readonly #limits: XmlLimits;
  #mode: 'text' | 'tag' | 'bang' | 'cdata' | 'dead' = 'text';
  /** The token so far, without the part that is in the present chunk. */
  #pending = '';
  /** The quote that the tag is inside of, as a character code. */
  #quote = 0;
  /** How many `]` end the CDATA section so far; two of them and a `>` close it. */
  #brackets = 0;
  #bytes = 0;
  #names: string[] = [];
  #scopes: Scope[] = [];
  #prolog: 'start' | 'declared' | 'root' = 'start';

  constructor(handler: TokenHandler, limits: Partial<XmlLimits> = {}) {
    this.#handler = handler;
    this.#limits = { ...defaultXmlLimits, ...limits };
  }

  /** Elements that are open now: 0 before and after the stream, 1 between stanzas. */
  get depth(): number {
    return this.#names.length;
  }

  /** Begins a new document with the next byte, even in the middle of a chunk. [RFC 6120 §4.3.3] */
  restart(): void {
    this.#mode = 'text';
    this.#pending = '';
    this.#quote = 0;
    this.#bytes = 0;
    this.#names = [];
    this.#scopes = [];
    this.#prolog = 'start';
  }

  /** Ignores all that comes from now on. */
  stop(): void {
    this.#mode = 'dead';
    this.#pending = '';
  }

  /** Reads on. Never throws for what the peer sent; see `onError`. */
  write(chunk: Uint8Array | string): void {
    const data = latin1(chunk);
    let at = 0;
    while (at < data.length && this.#mode !== 'dead') {
      const from = at;
      if (this.#mode === 'text') at = this.#text(data, from);
      else if (this.#mode === 'tag') at = this.#tag(data, from);
      else if (this.#mode === 'cdata') at = this.#cdata(data, from);
      else at = this.#bang(data, from);
    }
  }

  #fail(error: XmlError): void {
    this.stop();
    this.#handler.onError(error);
  }

  /** Counts bytes of the present stanza; false if they are too many. */
  #count(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes <= this.#limits.stanzaBytes) return true;
    this.#fail(new XmlError('policy-violation', `more than ${this.#limits.stanzaBytes} bytes in one stanza`));
    return false;
  }

  #text(data: string, from: number): number {
    const found = data.indexOf('<', from);
    const end = found < 0 ? data.length : found;
    if (this.#names.length > 1) {
      if (end > from && !this.#count(end - from)) return end;
      if (found < 0) {
        this.#pending += data.slice(from);
        return end;
      }
      const raw = this.#pending === '' ? data.slice(from, end) : this.#pending + data.slice(from, end);
      if (raw !== '' && !this.#emitText(decodeText(raw))) return end;
    } else {
      if (end > from && !this.#between(data.slice(from, end))) return end;
      if (found < 0) return end;
      this.#bytes = 0;
    }
    if (!this.#count(1)) return end;
    this.#pending = '';
    this.#mode = 'tag';
    return end + 1;
  }

  #emitText(text: string | XmlError): boolean {
    if (typeof text === 'string') {
      this.#handler.onText(text);
      return this.#mode !== 'dead';
    }
    this.#fail(text);
    return false;
  }

  /** Text outside of stanzas. White space before a declaration is let pass: keepalives may precede a restart. */
  #between(text: string): boolean {
    if (!BLANK.test(text)) {
      this.#fail(new XmlError('not-well-formed', 'text outside of a stanza'));
      return false;
    }
    if (this.#names.length === 1) this.#handler.onWhitespace?.(text);
    return this.#mode === 'text';
  }

  #tag(data: string, from: number): number {
    if (this.#pending === '') {
      const first = data.charCodeAt(from);
      if (first === 33) {
        this.#mode = 'bang';
        return from;
      }
      if (first === 63 && this.#prolog !== 'start') {
        this.#fail(new XmlError('restricted-xml', 'a processing instruction'));
        return from;
      }
    }
    let quote = this.#quote;
    for (let i = from; i < data.length; i++) {
      const code = data.charCodeAt(i);
      if (quote !== 0) {
        if (code === quote) quote = 0;
      } else if (code === GT) {
        this.#quote = 0;
        if (!this.#count(i + 1 - from)) return i;
        const part = data.slice(from, i);
        const body = this.#pending === '' ? part : this.#pending + part;
        this.#pending = '';
        this.#mode = 'text';
        this.#element(body);
        return i + 1;
      } else if (code === QUOTE || code === APOSTROPHE) quote = code;
      else if (code === LT) {
        this.#fail(new XmlError('not-well-formed', 'a tag inside a tag'));
        return i;
      }
    }
    this.#quote = quote;
    if (this.#count(data.length - from)) this.#pending += data.slice(from);
    return data.length;
  }

  #bang(data: string, from: number): number {
    const end = Math.min(data.length, from + CDATA.length - this.#pending.length);
    this.#pending += data.slice(from, end);
    if (!CDATA.startsWith(this.#pending) || this.#names.length < 2) {
      this.#fail(new XmlError('restricted-xml', 'a comment or a document type'));
    } else if (this.#count(end - from) && this.#pending.length === CDATA.length) {
      this.#pending = '';
      this.#brackets = 0;
      this.#mode = 'cdata';
    }
    return end;
  }

  #cdata(data: string, from: number): number {
    let brackets = this.#brackets;
    for (let i = from; i < data.length; i++) {
      const code = data.charCodeAt(i);
      if (code === 93) brackets++;
      else if (code === GT && brackets >= 2) {
        if (!this.#count(i + 1 - from)) return i;
        const raw = (this.#pending + data.slice(from, i)).slice(0, -2);
        this.#pending = '';
        this.#mode = 'text';
        if (raw !== '') this.#emitText(decodeCdata(raw));
        return i + 1;
      } else brackets = 0;
    }
    this.#brackets = brackets;
    if (this.#count(data.length - from)) this.#pending += data.slice(from);
    return data.length;
  }

  #element(body: string): void {
    const first = body.charCodeAt(0);
    const error = first === 47 ? this.#close(body) : first === 63 ? this.#declare(body) : this.#open(body);
    if (error) this.#fail(error);
  }

  #declare(body: string): XmlError | undefined {
    this.#prolog = 'declared';
    return checkDeclaration(body);
  }

  #open(body: string): XmlError | undefined {
    const depth = this.#names.length;
    if (depth === 0 && this.#prolog === 'root') return new XmlError('not-well-formed', 'a second root');
    if (depth >= this.#limits.depth) return new XmlError('policy-violation', `deeper than ${this.#limits.depth}`);
    const tag = parseTag(body, this.#limits.attributes);
    if (tag instanceof XmlError) return tag;
    const outer = this.#scopes[depth - 1] ?? Scope.root;
    const scope = tag.declares ? outer.enter(tag.attrs) : outer;
    if (scope instanceof XmlError) return scope;
    const ns = scope.resolve(tag.name);
    if (ns instanceof XmlError) return ns;
    const wrong = tag.count > 0 ? checkAttributes(tag, scope) : undefined;
    if (wrong) return wrong;
    this.#prolog = 'root';
    const names = this.#names;
    names.push(tag.name);
    this.#scopes.push(scope);
    this.#handler.onOpen(tag.name, tag.attrs, tag.selfClosing, ns);
    // The handler may have restarted or stopped the stream: then this element is no longer ours to close.
    if (!tag.selfClosing || this.#names !== names || this.#mode === 'dead') return undefined;
    return this.#pop(tag.name);
  }

  #close(body: string): XmlError | undefined {
    const name = closingName(body.slice(1));
    if (typeof name !== 'string') return name;
    if (name !== this.#names.at(-1)) return new XmlError('not-well-formed', `a closing tag too many: ${name}`);
    return this.#pop(name);
  }

  #pop(name: string): undefined {
    this.#names.pop();
    this.#scopes.pop();
    this.#handler.onClose(name);
  }
}

function latin1(chunk: Uint8Array | string): string {
  if (typeof chunk === 'string') return Buffer.from(chunk).toString('latin1');
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
}
