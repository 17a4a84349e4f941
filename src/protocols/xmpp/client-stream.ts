import type { Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { XmlElement } from './element.ts';
import { NS } from './namespaces.ts';
import { StanzaParser, type StreamStart } from './parser.ts';
import type { XmlLimits } from './tokenizer.ts';
import type { XmlError } from './xml-error.ts';

/** Why a stream ended. */
export type StreamEnd =
  /** The server said why, and that it is over. [RFC 6120 §4.9] */
  | { readonly kind: 'stream-error'; readonly condition: string; readonly text: string }
  /** The server closed it in order. */
  | { readonly kind: 'closed' }
  /** The network, or what the server sent could not be read: then `error` is an `XmlError`. */
  | { readonly kind: 'failed'; readonly error: Error }
  /** We closed it. */
  | { readonly kind: 'local' };

/** Who listens to a stream. Neither method may throw; what does is handed to `onFault`. */
export interface StreamHandler {
  /** A `<message>`. May come before the login has been reported as done: it can stand behind the bind result. */
  onMessage(message: XmlElement): void;
  /** Called once. Nothing else is called after it. */
  onEnd(end: StreamEnd): void;
  /** A fault of ours while a stanza was handled; the stream goes on. */
  onFault(error: unknown): void;
}

/** The event by which a socket says that it can be used. */
type Ready = 'connect' | 'secureConnect';

/** What the negotiation of a stream sees of it; the login sets it. */
export interface Negotiation {
  onConnect(): void;
  onStart(start: StreamStart): void;
  /** Everything but messages and stream errors. */
  onElement(element: XmlElement): void;
  onEnd(end: StreamEnd): void;
}

export interface StreamSettings {
  readonly clock: Clock;
  /** Bytes of one stanza; a larger one ends the stream. */
  readonly maxStanzaBytes: number;
  /** Other limits; the defaults are for a server that only says what it has to say itself. */
  readonly limits?: Partial<Pick<XmlLimits, 'depth' | 'attributes'>>;
  /** The namespace of stanzas; that of a client's stream if it is absent. */
  readonly ns?: string;
  /** How long a closing stream waits for the server's own close, in milliseconds. */
  readonly closeMs: number;
}

/** Text that is handed to the socket at once instead of at the end of the turn, in characters. */
const BATCH_CHARS = 64 * 1024;

/**
 * The end of an XMPP stream that has opened it: bytes in both directions, limits, closing. What is sent within one turn of
 * the event loop leaves in one write.
 */
export class ClientStream {
  readonly #settings: StreamSettings;
  readonly #handler: StreamHandler;
  readonly #parser: StanzaParser;
  #negotiation: Negotiation | undefined;
  #socket: Socket | undefined;
  #state: 'new' | 'open' | 'closing' | 'ended' = 'new';
  #pending = '';
  #scheduled = false;
  #error: Error | undefined;
  #timer: Timer | undefined;
  readonly #gone = Promise.withResolvers<void>();
  /** When bytes last arrived, on the monotonic clock. */
  lastReadAt = 0;
  /** Resolves when the socket is gone. */
  readonly gone: Promise<void> = this.#gone.promise;

  constructor(settings: StreamSettings, handler: StreamHandler) {
    this.#settings = settings;
    this.#handler = handler;
    this.#parser = new StanzaParser(
      {
        onStart: (start) => {
          this.#guard(() => this.#negotiation?.onStart(start));
          if (start.selfClosed) this.#ended();
        },
        onElement: (element) => this.#element(element),
        onEnd: () => this.#ended(),
        onError: (error) => this.#unreadable(error),
      },
      { ...settings.limits, stanzaBytes: settings.maxStanzaBytes },
    );
  }

  /** False once the stream has ended or is closing: nothing more can be sent. */
  get writable(): boolean {
    return this.#state === 'open';
  }

  /** Bytes and characters that the socket has not yet taken. */
  get backlog(): number {
    return this.#pending.length + (this.#socket?.writableLength ?? 0);
  }

  /**
   * Opens the socket.
   * @param dial makes it; @param ready the event by which it says that it can be used: with TLS, that is agreed by then
   */
  connect(dial: () => Socket, ready: Ready, negotiation: Negotiation): void {
    if (this.#state !== 'new') return;
    this.#open(dial(), ready, negotiation);
  }

  /**
   * TLS over the open connection; `negotiation` begins with it. What stands behind the server's word in the clear is
   * not read: anybody may have put it there. [RFC 6120 §5.4.3.3]
   */
  secure(options: ConnectionOptions, negotiation: Negotiation): void {
    const bare = this.#socket;
    if (this.#state !== 'open' || !bare) return;
    this.#parser.stop();
    bare.removeAllListeners('data').removeAllListeners('close');
    const begun: Negotiation = {
      ...negotiation,
      onConnect: () => {
        this.#parser.restart();
        negotiation.onConnect();
      },
    };
    this.#open(connectTls({ ...options, socket: bare }), 'secureConnect', begun);
  }

  #open(socket: Socket, ready: Ready, negotiation: Negotiation): void {
    this.#state = 'open';
    this.#negotiation = negotiation;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    socket.on(ready, () => this.#guard(() => negotiation.onConnect()));
    socket.on('data', (chunk: Buffer) => {
      this.lastReadAt = this.#settings.clock.monotonic();
      this.#parser.write(chunk);
    });
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => {
      this.#finish(this.#error ? { kind: 'failed', error: this.#error } : { kind: 'closed' });
      this.#timer?.cancel();
      this.#gone.resolve();
    });
  }

  /** Queues text for the end of this turn. False if the stream takes no more. A failing write ends the stream. */
  send(text: string): boolean {
    if (this.#state !== 'open') return false;
    this.#pending += text;
    if (this.#pending.length >= BATCH_CHARS) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return true;
  }

  /** A new stream begins on the same connection with the next byte. [RFC 6120 §4.3.3] */
  restart(): void {
    this.#parser.restart();
  }

  /** Stops reading, so that TCP slows the server down. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Closes the stream in order, and the socket when the server has done so too or its time is over. */
  close(): Promise<void> {
    if (this.#state === 'new') this.destroy();
    if (this.#state !== 'open') return this.gone;
    this.#bye('');
    this.resume();
    return this.gone;
  }

  /** Cuts the connection. */
  destroy(): void {
    if (!this.#socket) this.#gone.resolve();
    this.#finish({ kind: 'local' });
    this.#socket?.destroy();
  }

  #flush(): void {
    if (this.#pending === '' || !this.#socket) return;
    const text = this.#pending;
    this.#pending = '';
    // A failure to write is also an error of the socket, which ends the stream.
    this.#socket.write(text);
  }

  #element(element: XmlElement): void {
    this.#guard(() => {
      if (element.is('message', this.#settings.ns ?? NS.client)) {
        if (this.#state !== 'ended') this.#handler.onMessage(element);
      } else if (element.is('error', NS.stream)) this.#streamError(element);
      else this.#negotiation?.onElement(element);
    });
  }

  #streamError(element: XmlElement): void {
    let condition = 'undefined-condition';
    for (const child of element.children) {
      if (typeof child !== 'string' && child.ns === NS.streams && child.name !== 'text') condition = child.name;
    }
    const text = element.child('text', NS.streams)?.text ?? '';
    this.#finish({ kind: 'stream-error', condition, text });
    this.#bye('');
  }

  /** The server closed the stream: so do we. [RFC 6120 §4.4] */
  #ended(): void {
    this.#finish(this.#state === 'closing' ? { kind: 'local' } : { kind: 'closed' });
    this.#bye('');
    this.#socket?.end();
  }

  #unreadable(error: XmlError): void {
    this.#finish({ kind: 'failed', error });
    this.#bye(`<stream:error><${error.condition} xmlns="${NS.streams}"/></stream:error>`);
    this.#socket?.end();
  }

  /** Says the last words, once, and gives the server a moment to say its own. */
  #bye(words: string): void {
    if (this.#timer) return;
    if (this.#state === 'open') this.#state = 'closing';
    this.#pending += `${words}</stream:stream>`;
    this.#flush();
    this.#timer = this.#settings.clock.after(this.#settings.closeMs, () => this.destroy());
  }

  #finish(end: StreamEnd): void {
    if (this.#state === 'ended') return;
    const closing = this.#state === 'closing';
    this.#state = 'ended';
    const told: StreamEnd = closing && end.kind !== 'stream-error' ? { kind: 'local' } : end;
    this.#guard(() => this.#negotiation?.onEnd(told));
    this.#guard(() => this.#handler.onEnd(told));
  }

  /** Nothing that a stanza leads to may escape into the socket's data handler. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#handler.onFault(error);
    }
  }
}
