import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { constants, performServerHandshake } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../../lib/clock.ts';
import type { Carrier } from './carry-out.ts';
import { handle } from './carry-out.ts';
import type { Exchange } from './exchange.ts';
import { StreamExchange } from './exchange.ts';
import type { Conversation, Peer, Request, Service } from './service.ts';
import type { World } from './world.ts';

/** A client that has been told to go away may take so long to do so once its streams are done. */
const LINGER_MS = 1_000;

/** What nghttp2 calls a broken rule of the protocol. */
const PROTOCOL_BROKEN = -505;

/** How a connection stands. */
export interface Http2ConnectionInfo {
  readonly connection: number;
  /** Complete requests. */
  readonly requests: number;
  /** Streams open now, open at most, and allowed. */
  readonly streams: number;
  readonly maxStreams: number;
  readonly limit: number;
  /** It has been told to go away. */
  readonly goneAway: boolean;
}

/** One HTTP/2 connection: its streams, its limits and its end. */
export class Connection implements Carrier, Peer {
  readonly number: number;
  readonly certificate: Peer['certificate'];
  mute = false;
  readonly #world: World;
  readonly #raw: Socket;
  readonly #tls: TLSSocket;
  readonly #onGone: (connection: Connection) => void;
  readonly #session: ServerHttp2Session;
  readonly #answer: Conversation;
  #requests = 0;
  #streams = 0;
  #maxStreams = 0;
  #limit: number;
  /** The first success is what lifts the limit, or time. */
  #raised = false;
  #pings = 0;
  #goneAway = false;
  #idleSince: number;
  readonly #born: number;
  #raising: Timer | undefined;
  #ageing: Timer | undefined;
  #idling: Timer | undefined;

  constructor(
    number: number,
    raw: Socket,
    tls: TLSSocket,
    certificate: Peer['certificate'],
    world: World,
    service: Service,
    onGone: (connection: Connection) => void,
  ) {
    this.number = number;
    this.certificate = certificate;
    this.#world = world;
    this.#raw = raw;
    this.#tls = tls;
    this.#onGone = onGone;
    const { initial_streams, max_streams, raise_after } = world.faults;
    // Who shows a certificate is known before the first push. [fcm.md §4] speaks of tokens only.
    this.#raised = initial_streams === 0 || certificate === 'good';
    this.#limit = this.#raised ? max_streams : initial_streams;
    this.#born = world.clock.monotonic();
    this.#idleSince = this.#born;
    this.#session = performServerHandshake(tls, { settings: { maxConcurrentStreams: this.#limit } });
    this.#answer = service.converse(this);
    this.#session.on('stream', (stream, headers, _flags, raws) => this.#take(stream, headers, raws));
    this.#session.on('ping', () => this.#pinged());
    this.#session.on('error', (error) => this.#failed(error));
    this.#session.on('close', () => this.#forget());
    if (!this.#raised && raise_after > 0) this.#raising = world.clock.after(raise_after, () => this.#raise());
    this.applyFaults();
  }

  get info(): Http2ConnectionInfo {
    return {
      connection: this.number,
      requests: this.#requests,
      streams: this.#streams,
      maxStreams: this.#maxStreams,
      limit: this.#limit,
      goneAway: this.#goneAway,
    };
  }

  /** The faults in effect have changed. */
  applyFaults(): void {
    const { clock, faults } = this.#world;
    if (this.#raised) this.#allow(faults.max_streams);
    this.#ageing?.cancel();
    this.#idling?.cancel();
    if (faults.max_age > 0) {
      const left = faults.max_age - (clock.monotonic() - this.#born);
      this.#ageing = clock.after(left, () => this.#expire('max_age'));
    }
    if (faults.session_timeout > 0) this.#watchIdle();
  }

  goaway(debug: string, code: number = constants.NGHTTP2_NO_ERROR, last = 0): void {
    if (this.#session.destroyed) return;
    this.#world.counters.goaways++;
    this.#goneAway = true;
    this.#session.goaway(code, last, Buffer.from(debug));
    this.#endIfDone(code !== constants.NGHTTP2_NO_ERROR);
  }

  drop(how: 'fin' | 'rst'): void {
    this.#world.counters.drops++;
    if (how === 'rst') this.#raw.resetAndDestroy();
    else this.#raw.destroy();
  }

  succeeded(): void {
    if (!this.#raised && this.#world.faults.raise_after === 0) this.#raise();
  }

  /** Ends it without a count: the emulator stops. */
  end(): void {
    this.#session.destroy();
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const { max_body_bytes } = this.#world.options;
    this.#opened();
    const exchange = new StreamExchange(stream);
    let body = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      if (body.length <= max_body_bytes) body += chunk;
    });
    stream.on('end', () => {
      if (stream.aborted) return; // the client has gone away in the middle of it
      const { ':method': method = '', ':path': path = '' } = headers;
      this.#asked(exchange, { method, path, headers, rawHeaders, body });
    });
    // A stream that the client resets is an error of its own, and no matter.
    stream.on('error', () => {});
    stream.on('close', () => {
      this.#streams--;
      this.#idleSince = this.#world.clock.monotonic();
      this.#endIfDone(false);
    });
  }

  #endIfDone(atOnce: boolean): void {
    if (!this.#goneAway || (!atOnce && this.#streams > 0)) return;
    this.#forget();
    // The library writes its frames when this turn of the loop is over.
    setImmediate(() => this.#end());
  }

  /**
   * Ends the sending side. Not by the session's own `close()`: that sends a second GOAWAY, whose last stream may lie beyond
   * that of the first. [RFC 9113 §6.8] Nor does a session without its sending side notice the client's end: it gets a moment.
   */
  #end(): void {
    if (this.#tls.writableEnded) return;
    this.#tls.end();
    this.#world.clock.after(LINGER_MS, () => this.#session.destroy());
  }

  #forget(): void {
    for (const timer of [this.#raising, this.#ageing, this.#idling]) timer?.cancel();
    this.#onGone(this);
  }

  #opened(): void {
    const { counters } = this.#world;
    this.#pings = 0;
    this.#streams++;
    if (this.#streams <= this.#maxStreams) return;
    this.#maxStreams = this.#streams;
    if (this.#streams > counters.maxStreams) counters.maxStreams = this.#streams;
  }

  #asked(exchange: Exchange, request: Request): void {
    const { goaway_after, drop_after, drop_how } = this.#world.faults;
    this.#requests++;
    if (this.#requests === drop_after) {
      this.drop(drop_how);
      return;
    }
    handle(this.#world, this, exchange, request, this.#answer);
    if (this.#requests === goaway_after) this.goaway('');
  }

  #raise(): void {
    if (this.#raised) return;
    this.#raised = true;
    this.#allow(this.#world.faults.max_streams);
  }

  #allow(streams: number): void {
    if (streams === this.#limit || this.#session.destroyed) return;
    this.#limit = streams;
    this.#session.settings({ maxConcurrentStreams: streams });
  }

  #watchIdle(): void {
    const { clock, faults } = this.#world;
    const idle = this.#streams > 0 ? 0 : clock.monotonic() - this.#idleSince;
    if (idle >= faults.session_timeout) this.#expire('session_timeout');
    else this.#idling = clock.after(faults.session_timeout - idle, () => this.#watchIdle());
  }

  #expire(why: 'max_age' | 'session_timeout'): void {
    if (!this.#goneAway) this.goaway(why);
  }

  #pinged(): void {
    const { max_pings } = this.#world.faults;
    if (++this.#pings === max_pings) this.goaway('too_many_pings', constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /**
   * The library ends a connection whose client opens more streams than the settings that it has acknowledged allow, and says
   * no more than that the protocol was broken. By whom the streams were full, that is what it was.
   */
  #failed(error: NodeJS.ErrnoException): void {
    if (error.errno === PROTOCOL_BROKEN && this.#maxStreams >= this.#limit) this.#world.counters.breaches++;
    this.#world.log.debug('connection failed', { connection: this.number, error });
  }
}
