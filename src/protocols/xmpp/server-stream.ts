import type { XmlElement } from './element.ts';
import { NS } from './namespaces.ts';
import type { StreamStart } from './parser.ts';
import { StanzaParser } from './parser.ts';
import type { PlainCredentials, SaslCondition } from './sasl-plain.ts';
import { parsePlain } from './sasl-plain.ts';
import * as out from './server-xml.ts';
import type { XmlLimits } from './tokenizer.ts';

/** How a server presents itself. */
export interface ServerStreamOptions {
  /** `from` of the stream header. */
  readonly domain: string;
  /** Values of `to` that are taken for ours; any if undefined. */
  readonly hosts?: readonly string[];
  /** SASL mechanisms in the order offered. Only PLAIN is understood, the others are refused. */
  readonly mechanisms: readonly string[];
  /** Whether to advertise the session of RFC 3921. */
  readonly session: boolean;
  /** Refused logins after which the stream ends. [RFC 6120 §6.4.5] */
  readonly maxLogins: number;
  readonly limits?: Partial<XmlLimits>;
  /** A fresh stream id. */
  newId(): string;
  /** The resource of a connection that asks for this one, or for none. */
  resource(asked: string | undefined): string;
}

/** Why a stream is over. */
export type StreamEnd =
  | { readonly by: 'peer' }
  | { readonly by: 'us' }
  | { readonly by: 'error'; readonly condition: out.StreamCondition; readonly text: string | undefined };

/** What a stream does to the world around it. */
export interface ServerStreamEvents {
  /** Text for the peer; each call is one write. */
  send(xml: string): void;
  /** Answer with `accept` or `refuse`, now or later. */
  onCredentials(credentials: PlainCredentials): void;
  onBound(jid: string): void;
  /** A message or presence after binding. */
  onStanza(stanza: XmlElement): void;
  /** Any stanza of a peer that is bound, questions to the server included, before it is handled. May end the stream. */
  onAny?(): void;
  onPing?(): void;
  onWhitespace?(): void;
  /** Everything has been said by both, or the peer must be told nothing more: end the socket. */
  onEnd(end: StreamEnd): void;
}

/**
 * - `header`, `restarted`: waits for a stream header, before and after the login
 * - `sasl`, `challenged`: waits for credentials
 * - `deciding`: they are being checked
 * - `binding`, `bound`: logged in
 * - `closing`: our side is closed, the peer's is not
 */
export type StreamState =
  | 'header'
  | 'sasl'
  | 'challenged'
  | 'deciding'
  | 'restarted'
  | 'binding'
  | 'bound'
  | 'closing'
  | 'closed';

const NOT_ALLOWED: out.StanzaError = { type: 'cancel', condition: 'not-allowed' };
const UNAVAILABLE: out.StanzaError = { type: 'cancel', condition: 'service-unavailable' };

/** The server's side of an XMPP stream with SASL PLAIN and resource binding. Owns no socket and no time. */
export class ServerStream {
  readonly #options: ServerStreamOptions;
  readonly #events: ServerStreamEvents;
  readonly #parser: StanzaParser;
  #state: StreamState = 'header';
  /** Whether our header stands: an error needs one before it. [RFC 6120 §4.9.1.2] */
  #opened = false;
  #refused = 0;
  #account = '';

  constructor(options: ServerStreamOptions, events: ServerStreamEvents) {
    this.#options = options;
    this.#events = events;
    this.#parser = new StanzaParser(
      {
        onStart: (start) => this.#start(start),
        onElement: (element) => this.#element(element),
        onWhitespace: () => events.onWhitespace?.(),
        onEnd: () => this.#peerClosed(),
        onError: (error) => this.fail(error.condition, error.message),
      },
      options.limits,
    );
  }

  get state(): StreamState {
    return this.#state;
  }

  /** Bytes of the peer, cut anywhere. */
  write(chunk: Uint8Array | string): void {
    this.#parser.write(chunk);
  }

  /** Lets the peer in. A call when no credentials wait is ignored: the peer may have gone meanwhile. */
  accept(account: string): void {
    if (this.#state !== 'deciding') return;
    this.#account = account;
    this.#state = 'restarted';
    this.#opened = false;
    this.#parser.restart();
    this.#events.send(out.SASL_SUCCESS);
  }

  /** Does not let the peer in; it may try again up to `maxLogins` times. */
  refuse(condition: SaslCondition): void {
    if (this.#state !== 'deciding') return;
    this.#state = 'sasl';
    this.#events.send(out.saslFailure(condition));
    if (++this.#refused >= this.#options.maxLogins) this.fail('policy-violation', 'too many logins');
  }

  /** Closes our side; `onEnd` follows when the peer has closed its own. [RFC 6120 §4.4] */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#header();
    this.#state = 'closing';
    this.#events.send(out.STREAM_END);
  }

  /** Ends the stream with an error; the peer is not listened to any more. */
  fail(condition: out.StreamCondition, text?: string): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'closing') {
      this.#header();
      this.#events.send(out.streamError(condition, text) + out.STREAM_END);
    }
    this.#over({ by: 'error', condition, text });
  }

  /** The socket is gone, or shall be: nothing comes in or goes out any more. No `onEnd` follows. */
  detach(): void {
    this.#state = 'closed';
    this.#parser.stop();
  }

  #over(end: StreamEnd): void {
    this.detach();
    this.#events.onEnd(end);
  }

  #header(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#events.send(out.streamHeader(this.#options.domain, this.#options.newId()));
  }

  #start({ name, ns, attrs, selfClosed }: StreamStart) {
    if (name !== 'stream' || ns !== NS.stream) return this.fail('invalid-namespace');
    if (attrs.xmlns !== NS.client) return this.fail('invalid-namespace');
    this.#header();
    // [fcm.md §1.2] the documentation's own example does this; the server closes at once.
    if (selfClosed) return this.#peerClosed();
    if (!/^[1-9]\d*\.\d+$/.test(attrs.version ?? '')) return this.fail('unsupported-version');
    const { hosts, mechanisms, session } = this.#options;
    if (hosts && attrs.to !== undefined && !hosts.includes(attrs.to)) return this.fail('host-unknown');
    if (this.#state === 'header') {
      this.#state = 'sasl';
      this.#events.send(out.saslFeatures(mechanisms));
    } else if (this.#state === 'restarted') {
      this.#state = 'binding';
      this.#events.send(out.bindFeatures(session));
    }
  }

  #peerClosed(): void {
    const ours = this.#state === 'closing';
    if (!ours) this.#events.send(out.STREAM_END);
    this.#over({ by: ours ? 'us' : 'peer' });
  }

  #element(element: XmlElement) {
    switch (this.#state) {
      case 'sasl':
      case 'challenged':
        return this.#negotiate(element);
      case 'binding':
      case 'bound':
      case 'closing':
        return this.#stanza(element);
      default:
        // Also while credentials are being checked: the peer has to wait for the answer. [RFC 6120 §6.3.3]
        return this.fail('not-authorized');
    }
  }

  #negotiate(element: XmlElement) {
    if (element.ns !== NS.sasl) return this.fail('not-authorized');
    const { name, attrs, text } = element;
    if (name === 'abort') return this.#refuseNow('aborted');
    if (name === 'response' && this.#state === 'challenged') return this.#plain(text);
    if (name !== 'auth') return this.#refuseNow('malformed-request');
    const mechanism = attrs.mechanism ?? '';
    if (!this.#options.mechanisms.includes(mechanism)) return this.#refuseNow('invalid-mechanism');
    if (mechanism !== 'PLAIN') return this.#refuseNow('not-authorized');
    if (text.trim() === '') {
      // [RFC 6120 §6.4.2] no initial response: ask for it.
      this.#state = 'challenged';
      return this.#events.send(out.SASL_CHALLENGE);
    }
    this.#plain(text);
  }

  #plain(text: string) {
    const credentials = parsePlain(text);
    if (typeof credentials === 'string') return this.#refuseNow(credentials);
    this.#state = 'deciding';
    this.#events.onCredentials(credentials);
  }

  #refuseNow(condition: SaslCondition): void {
    this.#state = 'deciding';
    this.refuse(condition);
  }

  #stanza(element: XmlElement) {
    if (this.#state === 'bound') this.#events.onAny?.();
    if (this.state === 'closed') return;
    if (element.ns !== NS.client) return this.fail('unsupported-stanza-type');
    if (element.name === 'iq') return this.#iq(element);
    if (element.name !== 'message' && element.name !== 'presence') return this.fail('unsupported-stanza-type');
    // [RFC 6120 §7.1] no stanzas before binding.
    if (this.#state === 'binding') return this.fail('not-authorized');
    this.#events.onStanza(element);
  }

  #iq(iq: XmlElement) {
    const { type } = iq.attrs;
    if (type === 'result' || type === 'error' || this.#state === 'closing') return;
    if (type === 'set' && iq.child('bind', NS.bind)) return this.#bind(iq);
    if (type === 'set' && iq.child('session', NS.session)) return this.#events.send(out.iqResult(iq));
    if (type === 'get' && iq.child('ping', NS.ping)) {
      this.#events.send(out.iqResult(iq));
      return this.#events.onPing?.();
    }
    this.#events.send(out.iqError(iq, UNAVAILABLE));
  }

  #bind(iq: XmlElement) {
    if (this.#state !== 'binding') return this.#events.send(out.iqError(iq, NOT_ALLOWED));
    const asked = iq.child('bind', NS.bind)?.child('resource', NS.bind)?.text.trim();
    const jid = `${this.#account}/${this.#options.resource(asked || undefined)}`;
    this.#state = 'bound';
    this.#events.send(out.iqResult(iq, out.bindResult(jid)));
    this.#events.onBound(jid);
  }
}
