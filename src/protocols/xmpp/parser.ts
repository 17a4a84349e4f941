import { XmlElement } from './element.ts';
import type { Attributes } from './tag.ts';
import type { XmlLimits } from './tokenizer.ts';
import { XmlTokenizer } from './tokenizer.ts';
import type { XmlError } from './xml-error.ts';

/** The opening tag of a stream. */
export interface StreamStart {
  readonly name: string;
  readonly ns: string;
  readonly attrs: Attributes;
  /** `<stream:stream …/>`: the peer has closed what it had not begun. */
  readonly selfClosed: boolean;
}

/** What comes out of a stream. It is safe to call `restart` and `stop` from inside. */
export interface StanzaHandler {
  onStart(start: StreamStart): void;
  /** A complete child of the root. */
  onElement(element: XmlElement): void;
  /** White space between stanzas: a keepalive. */
  onWhitespace?(text: string): void;
  /** The peer closed the stream. Not called after a self-closed start. */
  onEnd(): void;
  /** The stream cannot be read any further; nothing is called after this. */
  onError(error: XmlError): void;
}

/** Reads an XMPP stream: bytes in, whole stanzas out, within {@link XmlLimits}. */
export class StanzaParser {
  readonly #tokenizer: XmlTokenizer;
  readonly #handler: StanzaHandler;
  /** Open elements below the root, outermost first. */
  #open: XmlElement[] = [];
  #started = false;

  constructor(handler: StanzaHandler, limits: Partial<XmlLimits> = {}) {
    this.#handler = handler;
    this.#tokenizer = new XmlTokenizer(
      {
        onOpen: (name, attrs, selfClosing, ns) => this.#opened(name, attrs, selfClosing, ns),
        onText: (text) => void this.#open.at(-1)?.children.push(text),
        onClose: () => this.#closed(),
        onWhitespace: (text) => handler.onWhitespace?.(text),
        onError: (error) => handler.onError(error),
      },
      limits,
    );
  }

  /** Takes a chunk cut anywhere. Never throws for what the peer sent. */
  write(chunk: Uint8Array | string): void {
    this.#tokenizer.write(chunk);
  }

  /** A new stream begins with the next byte. [RFC 6120 §4.3.3] */
  restart(): void {
    this.#open = [];
    this.#started = false;
    this.#tokenizer.restart();
  }

  /** Ignores all that comes from now on. */
  stop(): void {
    this.#tokenizer.stop();
  }

  #opened(name: string, attrs: Attributes, selfClosed: boolean, ns: string): void {
    const element = new XmlElement(name, ns, attrs);
    if (this.#started) {
      this.#open.at(-1)?.children.push(element);
      this.#open.push(element);
      return;
    }
    this.#started = true;
    this.#handler.onStart({ name: element.name, ns, attrs, selfClosed });
    if (selfClosed) this.stop();
  }

  #closed(): void {
    const element = this.#open.pop();
    if (!element) this.#handler.onEnd();
    else if (this.#open.length === 0) this.#handler.onElement(element);
  }
}
