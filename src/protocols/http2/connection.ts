import { type ClientHttp2Session, connect } from 'node:http2';
import { isIP } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Clock, Timer } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import { codeName, Exchange, type ExchangeHost, type H2Request, type H2Result } from './exchange.ts';
import { connectionTrouble } from './trouble.ts';

/** TCP looks after a silent peer so often, in milliseconds. */
const KEEP_ALIVE_MS = 60_000;
/**
 * Requests in flight and nothing heard for so long: the server is asked for a sign of life, and has so long to give it, in
 * milliseconds. A reset that meets a write goes unnoticed by Node's TLS: without this all would wait for their deadline.
 */
const SILENCE_MS = 1_000;
const SIGN_MS = 3_000;
/** FCM sends clients away that ping three times without a request. [fcm.md §3.4] */
const SIGNS_MAX = 2;
/** An orderly close of an idle session may take so long, in milliseconds. */
const CLOSING_MS = 1_000;

export interface H2ConnectionSettings {
  readonly clock: Clock;
  /** `https://host:port`. */
  readonly origin: string;
  readonly tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase'>;
  /** Streams at once, at most; the server may allow fewer. */
  readonly maxStreams: number;
  /** One stream until the first success: so APNs wants it. [fcm.md §4] */
  readonly cautious: boolean;
  readonly connectTimeoutMs: number;
  /** A request without a complete answer is given up after so long. */
  readonly requestTimeoutMs: number;
  readonly maxResponseBytes: number;
}

export interface H2ConnectionEvents {
  onOpen(): void;
  /** A stream more, or streams more, are free. */
  onRoom(): void;
  /** The server announced its end; what is in flight may still be answered. */
  onGoaway(because: string): void;
  /** It is gone for good, with nothing in flight any more. Once. */
  onGone(because: string): void;
}

/** `draining`: takes nothing new and ends when its streams have. */
export type H2State = 'connecting' | 'open' | 'draining' | 'gone';

/** One HTTP/2 connection of a client: as many requests at once as both sides allow. */
export class H2Connection implements ExchangeHost {
  /** Counts from 1. */
  readonly id: number;
  readonly #settings: H2ConnectionSettings;
  readonly #events: H2ConnectionEvents;
  readonly #session: ClientHttp2Session;
  readonly #socket: TLSSocket;
  /** Oldest first: the order in which they become overdue. */
  readonly #exchanges = new Set<Exchange>();
  readonly #deadline: Timer;
  #closing: Timer | undefined;
  #state: H2State = 'connecting';
  /** It took nothing new any more before it was gone. */
  retired = false;
  /** It may take as many streams as the server says. */
  #proven: boolean;
  /** The server has answered a request; with success. */
  useful = false;
  succeeded = false;
  #remoteStreams = 0;
  /** Monotonic time of the last sign of life, and how often one was asked for since the last request. */
  #heardAt = 0;
  #signs = 0;
  /** It was open once. */
  opened = false;
  lastStreamId: number | undefined;
  because: string | undefined;
  /** Monotonic times: since when it is open, when an answer last came, when it was last busy, when it was last pinged. */
  openedAt = 0;
  answeredAt = 0;
  busyAt = 0;
  pingedAt = 0;

  constructor(id: number, settings: H2ConnectionSettings, events: H2ConnectionEvents) {
    this.id = id;
    this.#settings = settings;
    this.#events = events;
    this.#proven = !settings.cautious;
    const { clock, origin, tls, connectTimeoutMs } = settings;
    const socket = dial(new URL(origin), tls);
    this.#socket = socket;
    this.#session = connect(origin, { settings: { enablePush: false }, createConnection: () => socket });
    const session = this.#session;
    // The first frame of a server tells how many streams it takes. [RFC 9113 §3.4]
    session.on('remoteSettings', ({ maxConcurrentStreams = Number.POSITIVE_INFINITY }) => {
      this.#remoteStreams = maxConcurrentStreams;
      if (this.#state === 'connecting') this.#opened();
      else {
        this.#proven ||= maxConcurrentStreams > 1; // a server that raises the limit has nothing against us
        this.#events.onRoom();
      }
    });
    session.on('goaway', (code, last, words) => this.#goaway(code, last, words));
    session.on('connect', (_session, socket) => {
      if ((socket as TLSSocket).alpnProtocol !== 'h2') this.destroy('the server does not speak HTTP/2');
    });
    session.on('error', (error) => {
      this.because ??= connectionTrouble(error);
    });
    session.on('close', () => this.#closed());
    this.#deadline = clock.after(connectTimeoutMs, () => this.destroy(`not connected within ${connectTimeoutMs} ms`));
  }

  get state(): H2State {
    return this.#state;
  }

  /** Requests in flight. */
  get used(): number {
    return this.#exchanges.size;
  }

  /** One stream only, until the server has shown that it is content. */
  get careful(): boolean {
    return !this.#proven;
  }

  /** Streams that may be open at once, as it is now. */
  get limit(): number {
    return this.#proven ? Math.min(this.#settings.maxStreams, this.#remoteStreams) : 1;
  }

  /** How many more requests it takes. */
  get room(): number {
    // A session that is over ends its streams first and says so afterwards: their places are no room.
    if (this.#state !== 'open' || this.#session.closed || this.#session.destroyed) return 0;
    return Math.max(0, this.limit - this.#exchanges.size);
  }

  /** Sends a request; only with room. */
  post(request: H2Request): Promise<H2Result> {
    const { clock, maxResponseBytes } = this.#settings;
    const now = clock.monotonic();
    if (this.#exchanges.size === 0) this.#heardAt = now;
    this.#signs = 0;
    return new Promise((resolve) => {
      const exchange = new Exchange(this, now, maxResponseBytes, (done, result) => {
        this.#finished(done, result);
        resolve(result);
      });
      try {
        exchange.begin(this.#session, request);
        this.#exchanges.add(exchange);
      } catch (error) {
        resolve({ kind: 'refused', because: reason(error) });
      }
    });
  }

  /**
   * Gives up what is overdue. A connection on which nothing was answered in the same time retires: whatever is the matter
   * with it, the next one may be better.
   */
  sweep(now: number): void {
    const { requestTimeoutMs: ms } = this.#settings;
    if (this.#exchanges.size > 0 && now - this.#heardAt >= SILENCE_MS && this.#signs < SIGNS_MAX) {
      this.#signs++;
      this.#ask(Math.min(ms, SIGN_MS));
    }
    for (const exchange of this.#exchanges) {
      if (now - exchange.startedAt < ms) break;
      if (now - this.answeredAt >= ms) this.drain(); // first: nothing more must go out on it
      exchange.expire(ms);
    }
  }

  /** Asks the server for a sign of life; without one within the time for a request the connection is destroyed. */
  ping(): void {
    if (this.#state === 'open') this.#ask(this.#settings.requestTimeoutMs);
  }

  /** Takes nothing new; ends when what is in flight has. */
  drain(): void {
    if (this.#state === 'gone' || this.#state === 'draining') return;
    this.#state = 'draining';
    this.#session.close();
    if (this.#exchanges.size === 0) this.#linger();
  }

  /** Ends at once: what is in flight is cut off. */
  destroy(because: string): void {
    this.because ??= because;
    this.#session.destroy();
    this.#socket.destroy(); // a session that has closed in order waits for the peer's end, and that may never come
  }

  #ask(ms: number): void {
    const { clock } = this.#settings;
    const over = () => this.destroy(`no answer to a ping within ${ms} ms`);
    // After a standstill of the process the answer may be there, and only not read yet: one more turn for it.
    let timer = clock.after(ms, () => {
      timer = clock.after(1, over);
    });
    this.#heardAt = this.pingedAt = clock.monotonic();
    const sent = this.#session.ping(() => {
      timer.cancel();
      this.#heardAt = clock.monotonic();
    });
    if (!sent) timer.cancel();
  }

  #opened(): void {
    const { clock } = this.#settings;
    this.#deadline.cancel();
    this.#state = 'open';
    this.opened = true;
    this.openedAt = this.busyAt = this.answeredAt = this.pingedAt = clock.monotonic();
    this.#events.onOpen();
  }

  #goaway(code: number, last: number, words: Uint8Array | undefined): void {
    // [RFC 9113 §6.8] a first GOAWAY may name a stream that never was: the smallest one counts.
    this.lastStreamId = Math.min(last, this.lastStreamId ?? last);
    const text = words && words.length > 0 ? ` (${Buffer.from(words).toString('latin1').slice(0, 100)})` : '';
    this.because ??= `the server is going away: ${codeName(code)}${text}`;
    if (this.#state === 'open') {
      this.#state = 'draining';
      this.#events.onGoaway(this.because);
    }
    if (this.#exchanges.size === 0) this.#linger();
  }

  #finished(exchange: Exchange, result: H2Result): void {
    if (!this.#exchanges.delete(exchange)) return;
    this.busyAt = this.#settings.clock.monotonic();
    if (result.kind === 'response') {
      this.answeredAt = this.#heardAt = this.busyAt;
      this.useful = true;
      if (result.response.status < 300) this.succeeded = this.#proven = true;
    }
    if (this.#state === 'draining' && this.#exchanges.size === 0) this.#linger();
    this.#events.onRoom();
  }

  /** The session closes by itself once it is idle, if the peer plays along. */
  #linger(): void {
    this.#closing ??= this.#settings.clock.after(CLOSING_MS, () => this.destroy('it does not close'));
  }

  #closed(): void {
    if (this.#state === 'gone') return;
    this.retired = this.#state === 'draining';
    this.#state = 'gone';
    this.#deadline.cancel();
    this.#closing?.cancel();
    const because = this.because ?? 'the server closed the connection';
    this.#events.onGone(this.opened ? because : `${this.#settings.origin}: ${because}`);
  }
}

/** The session's own socket can't be told to look after a silent peer: it is made here. */
function dial({ hostname, port }: URL, tls: H2ConnectionSettings['tls']): TLSSocket {
  const host = hostname.replace(/^\[|\]$/g, ''); // [RFC 3986 §3.2.2] brackets belong to the URL
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = tlsConnect({ ...tls, ...name, host, port: Number(port || 443), ALPNProtocols: ['h2'] });
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  // By itself it stays half open after a TLS alert, and its session never ends.
  socket.on('error', () => socket.destroy());
  return socket;
}
