import { isIP } from 'node:net';
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Clock, Timer } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import { ConnectionError, codeName, type ErrorName } from './codes.ts';
import { Exchange, type ExchangeHost, type H2Request, type H2Result } from './exchange.ts';
import { ClientSession } from './session.ts';
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
/** Of what the server has not taken yet, in bytes: with more, nothing new is sent to it. */
const BACKLOG_MAX_BYTES = 1_048_576;
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
  /** The server takes more streams. */
  onRoom(): void;
  /** A request is over: a stream more is free. */
  onDone(result: H2Result): void;
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
  readonly #session: ClientSession;
  readonly #socket: TLSSocket;
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
  /** Those who wait for a sign of life. */
  readonly #watches = new Set<{ timer: Timer }>();
  /** Monotonic time when the backlog was last known to be in bounds. */
  #takingAt = 0;
  /** It was open once. */
  opened = false;
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
    const { clock, origin, tls, connectTimeoutMs, maxResponseBytes } = settings;
    const url = new URL(origin);
    const socket = dial(url, tls);
    this.#socket = socket;
    this.#session = new ClientSession(
      socket,
      { authority: url.host, maxResponseBytes },
      {
        onSettings: (maxStreams) => this.#onSettings(maxStreams),
        onGoaway: (code, words) => this.#onGoaway(code, words),
      },
    );
    socket.on('secureConnect', () => {
      if (socket.alpnProtocol === 'h2') this.#session.begin();
      else this.destroy('the server does not speak HTTP/2');
    });
    socket.on('data', (chunk) => this.#onChunk(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('error', (error) => {
      this.because ??= connectionTrouble(error);
    });
    // Whatever we still have to say, nobody would answer it.
    socket.on('end', () => this.destroy('the server closed the connection'));
    socket.on('close', () => this.#closed());
    this.#deadline = clock.after(connectTimeoutMs, () => this.destroy(`not connected within ${connectTimeoutMs} ms`));
  }

  get state(): H2State {
    return this.#state;
  }

  get maxResponseBytes(): number {
    return this.#settings.maxResponseBytes;
  }

  /** Requests in flight. */
  get used(): number {
    return this.#session.exchanges.size;
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
    if (this.#state !== 'open' || this.#socket.destroyed || this.exhausted || this.#isFull) return 0;
    return Math.max(0, this.limit - this.used);
  }

  /** Every number of a stream was used: it takes nothing more. */
  get exhausted(): boolean {
    return this.#session.exhausted;
  }

  /** Sends a request; only with room. */
  post(request: H2Request): Promise<H2Result> {
    const now = this.#settings.clock.monotonic();
    if (this.used === 0) this.#heardAt = now;
    this.#signs = 0;
    return new Promise((resolve) => {
      try {
        this.#session.request(new Exchange(this, now, resolve), request);
      } catch (error) {
        resolve({ kind: 'refused', because: reason(error) });
      }
    });
  }

  /** An exchange says that it is over. */
  ended(exchange: Exchange, result: H2Result, reset: ErrorName | undefined): void {
    this.#session.forget(exchange, reset);
    this.busyAt = this.#settings.clock.monotonic();
    if (result.kind === 'response') {
      this.answeredAt = this.#heardAt = this.busyAt;
      this.useful = true;
      if (result.response.status < 300) this.succeeded = this.#proven = true;
    }
    if (this.#state === 'draining' && this.used === 0) this.#linger();
    this.#events.onDone(result);
  }

  /**
   * Gives up what is overdue. A connection on which nothing was answered in the same time retires: whatever is the matter
   * with it, the next one may be better.
   */
  sweep(now: number): void {
    const { requestTimeoutMs: ms } = this.#settings;
    if (!this.#isFull) this.#takingAt = now;
    else if (now - this.#takingAt >= ms) this.destroy(`the server took nothing for ${ms} ms`);
    if (this.used > 0 && now - this.#heardAt >= SILENCE_MS && this.#signs < SIGNS_MAX) {
      this.#signs++;
      this.#ask(Math.min(ms, SIGN_MS));
    }
    for (const exchange of this.#session.exchanges.values()) {
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
    if (this.used === 0) this.#linger();
  }

  /** Ends at once: what is in flight is cut off. */
  destroy(because: string): void {
    this.because ??= because;
    this.#socket.destroy();
  }

  #ask(ms: number): void {
    const { clock } = this.#settings;
    const over = () => this.destroy(`no answer to a ping within ${ms} ms`);
    // After a standstill of the process the answer may be there, and only not read yet: one more turn for it.
    const later = () => {
      watch.timer = clock.after(1, over);
    };
    const watch = { timer: clock.after(ms, later) };
    this.#watches.add(watch);
    this.#heardAt = this.pingedAt = clock.monotonic();
    this.#session.ping(() => {
      watch.timer.cancel();
      this.#watches.delete(watch);
      this.#heardAt = clock.monotonic();
    });
  }

  /** The server takes less than we have for it. */
  get #isFull(): boolean {
    return this.#socket.writableLength > BACKLOG_MAX_BYTES;
  }

  #onDrain(): void {
    this.#takingAt = this.#settings.clock.monotonic();
    if (this.#state === 'open') this.#events.onRoom();
  }

  /** The first frame of a server tells how many streams it takes. [RFC 9113 §3.4] */
  #onSettings(maxStreams: number): void {
    this.#remoteStreams = maxStreams;
    if (this.#state === 'connecting') {
      this.#opened();
      return;
    }
    this.#proven ||= maxStreams > 1; // a server that raises the limit has nothing against us
    this.#events.onRoom();
  }

  #opened(): void {
    const { clock } = this.#settings;
    this.#deadline.cancel();
    this.#state = 'open';
    this.opened = true;
    this.openedAt = this.busyAt = this.answeredAt = this.pingedAt = clock.monotonic();
    this.#events.onOpen();
  }

  #onGoaway(code: number, words: Buffer): void {
    const text = words.length > 0 ? ` (${words.toString('latin1').slice(0, 100)})` : '';
    this.because ??= `the server is going away: ${codeName(code)}${text}`;
    if (this.#state === 'open') {
      this.#state = 'draining';
      this.#events.onGoaway(this.because);
    }
    // [RFC 9113 §5.4.1] after an error nothing more comes
    if (code !== 0) this.destroy(this.because);
    else if (this.used === 0) this.#linger();
  }

  #onChunk(chunk: Buffer): void {
    try {
      this.#session.push(chunk);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      this.#session.goaway(error.code);
      this.destroy(`the server breaks the rules of HTTP/2: ${error.message}`);
    }
  }

  /** Nothing is in flight any more: the connection closes in order, if the server plays along. */
  #linger(): void {
    if (this.#closing || this.#state === 'gone') return;
    this.#closing = this.#settings.clock.after(CLOSING_MS, () => this.destroy('it does not close'));
    this.#session.goaway('NO_ERROR');
    this.#socket.end();
  }

  #closed(): void {
    if (this.#state === 'gone') return;
    this.retired = this.#state === 'draining';
    this.#state = 'gone';
    this.#deadline.cancel();
    this.#closing?.cancel();
    for (const { timer } of this.#watches) timer.cancel();
    const because = this.because ?? 'the server closed the connection';
    this.#session.end(because);
    this.#events.onGone(this.opened ? because : `${this.#settings.origin}: ${because}`);
  }
}

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
