/** The XML of a stream seen from the other side: what a stream of bytes must come to, and a peer that reads one. */
import type { TLSSocket } from 'node:tls';
import { NS, StanzaParser, type XmlElement, type XmlLimits } from '../../src/protocols/xmpp/index.ts';

export const STREAM_OPEN = `<stream:stream to="gcm.googleapis.com" version="1.0" xmlns="${NS.client}" xmlns:stream="${NS.stream}">`;

/** [RFC 6120 §4.9.3] */
const STREAM_CONDITIONS: ReadonlySet<string> = new Set([
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-unknown',
  'internal-server-error',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'resource-constraint',
  'restricted-xml',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-stanza-type',
  'unsupported-version',
]);

/** What becomes of a stream: a condition that it ends in, its orderly end, or nothing yet. */
export class XmlModel {
  readonly #parser: StanzaParser;
  /** The condition that a reader must end the stream with. */
  unreadable: string | undefined;
  /** The stream says that it is over. */
  over = false;
  readonly ids = new Set<string>();

  constructor(limits: Partial<XmlLimits> = {}) {
    this.#parser = new StanzaParser(
      {
        onStart: () => {},
        onElement: (element) => {
          if (element.is('error', NS.stream)) this.over = true;
          if (element.name === 'iq') this.ids.add(element.attrs.id ?? '');
        },
        onEnd: () => {
          this.over = true;
        },
        onError: (error) => {
          this.unreadable = error.condition;
        },
      },
      limits,
    );
    this.#parser.write(STREAM_OPEN);
  }

  push(bytes: Uint8Array | string): void {
    this.#parser.write(bytes);
  }

  get open(): boolean {
    return this.unreadable === undefined && !this.over;
  }
}

/** A socket with a stream on it. What the other side writes must be readable, and its stream errors those of the RFC. */
export class XmlPeer {
  readonly socket: TLSSocket;
  readonly #parser: StanzaParser;
  readonly #ended = Promise.withResolvers<void>();
  /** After a login that was spoilt the two sides need not agree where a stream begins. */
  lenient = false;
  /** The condition of the other side's stream error, if it sent one. */
  streamError: string | undefined;
  /** Resolves when the socket is gone; rejects if what came is not as it must be. */
  readonly ended: Promise<void> = this.#ended.promise;

  constructor(socket: TLSSocket, events: { onStart(): void; onElement(element: XmlElement): void }) {
    this.socket = socket;
    this.ended.catch(() => {});
    this.#parser = new StanzaParser(
      {
        onStart: () => this.#hand(() => events.onStart()),
        onElement: (element) => {
          if (element.is('error', NS.stream)) this.#streamError(element);
          else this.#hand(() => events.onElement(element));
        },
        onEnd: () => {},
        onError: (error) => {
          if (!this.lenient) this.#ended.reject(new Error(`unreadable XML: ${error.condition}, ${error.message}`));
        },
      },
      { stanzaBytes: 2 ** 20, depth: 64 },
    );
    socket.on('data', (chunk: Buffer) => this.#parser.write(chunk));
    socket.on('error', () => {}); // a reset is an end like any other
    socket.on('close', () => this.#ended.resolve());
  }

  write(bytes: Uint8Array | string): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** The other side begins a new stream. */
  restart(): void {
    this.#parser.restart();
  }

  /** What the owner throws is a failure of the other side. */
  #hand(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  #streamError(element: XmlElement): void {
    this.streamError = element.firstElement?.name ?? 'nothing';
    if (!STREAM_CONDITIONS.has(this.streamError)) {
      this.#ended.reject(new Error(`the stream error ${this.streamError} is not one of RFC 6120`));
    }
  }
}
