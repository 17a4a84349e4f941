import type { Socket } from 'node:net';
import { reason } from '../../lib/log.ts';
import {
  type BackendFrame,
  BalError,
  type BridgeFrame,
  decodeBackendFrame,
  detect,
  type Encoding,
  errorCodes,
  FrameDecoder,
} from '../../protocols/bal/index.ts';
import type { DoorDeps } from './door-deps.ts';
import { encodeWithin } from './encode.ts';
import { Identified, type Line } from './identified.ts';
import { farewell, type Gatekeeper, type Identity, type LogonFrame, welcome } from './logon.ts';
import { Peer } from './peer.ts';

/** What the server does for its connections. */
export interface Host {
  readonly gatekeeper: Gatekeeper;
  /** Whether this session may have one more connection; if so, it is counted. */
  admit(session: string): boolean;
  closed(connection: Connection): void;
}

/** One backend's connection: bytes to frames, frames to the conversation, deadlines. */
export class Connection {
  readonly #peer: Peer;
  readonly #deps: DoorDeps;
  readonly #host: Host;
  readonly #decoder: FrameDecoder;
  #encoding: Encoding = 'json';
  /** The conversation, once logged on. */
  #identified: Identified | undefined;
  #session: string | undefined;
  #loggingOn = false;
  #closing = false;
  #gateClosed = false;
  /** The backend has ended its side. */
  #hungUp = false;
  /** Fires when the socket is gone: a logon that waits for its turn is called off. */
  readonly #gone = new AbortController();
  /** Monotonic times: begin, last byte read, last check of the deadlines. */
  #since: number;
  #readAt: number;
  #checkedAt: number;
  /** Monotonic time since when a frame is half here; undefined if none is. */
  #halfSince: number | undefined;

  constructor(socket: Socket, deps: DoorDeps, host: Host) {
    this.#deps = deps;
    this.#host = host;
    this.#decoder = new FrameDecoder(deps.options.max_frame_bytes);
    this.#since = this.#readAt = this.#checkedAt = deps.clock.monotonic();
    this.#peer = new Peer(socket, deps.clock, {
      data: (chunk) => this.#read(chunk),
      drained: () => this.#identified?.resume(),
      ended: () => {
        this.#hungUp = true;
        if (!this.#loggingOn) this.#hangUp();
      },
      closed: (error) => this.#closed(error),
    });
  }

  /** The session that was logged on, if any. */
  get session(): string | undefined {
    return this.#session;
  }

  /** Tells the peer why, and closes. */
  fail(error: BalError): void {
    if (this.#closing) return;
    this.#deps.log.info('closing a BAL connection', { ...this.#facts(), code: error.code, why: error.message });
    this.#send({ message_type: 'ERROR', error: error.code, error_string: error.message });
    this.#end();
  }

  /** Looks at the deadlines; called by the server every now and then. Of the time since then `lost` ms do not count. */
  check(now: number, lost: number): void {
    const { options } = this.#deps;
    const elapsed = Math.max(0, now - lost - this.#checkedAt);
    this.#checkedAt = now;
    if (this.#closing) return;
    if (lost > 0) this.#shift(lost);
    // While nothing is read, the rest of a frame may be here already.
    if (this.#halfSince !== undefined) this.#halfSince += lost + (this.#peer.paused ? elapsed : 0);
    const identified = this.#identified;
    if (!identified) {
      if (!this.#loggingOn && now - this.#since >= options.logon_timeout) {
        this.fail(new BalError('LOGON_TIMEOUT', `no LOGON within ${options.logon_timeout} ms`));
      }
      return;
    }
    // [BAL §Downstream rules] While the bridge pauses a connection, its deadlines stand still.
    if (identified.heldBack(this.#peer.heldBack)) {
      this.#shift(elapsed);
      return;
    }
    const over = (since: number | undefined, limit: number) => since !== undefined && now - since >= limit;
    if (options.idle_timeout > 0 && over(this.#readAt, options.idle_timeout)) {
      this.fail(new BalError('IDLE_TIMEOUT', `nothing received for ${options.idle_timeout} ms`));
    } else if (over(this.#halfSince, options.frame_timeout)) {
      this.fail(new BalError('INVALID_FRAME', `a frame was begun and not complete after ${options.frame_timeout} ms`));
    } else if (over(this.#peer.cloggedSince, options.write_timeout)) {
      this.fail(new BalError('SLOW_CONSUMER', `nothing read for ${options.write_timeout} ms`));
      this.#peer.destroy(); // it does not read the ERROR either
    } else if (over(identified.owingSince, options.ack_timeout)) {
      this.fail(new BalError('SLOW_CONSUMER', `frames to acknowledge and no ACK for ${options.ack_timeout} ms`));
    }
  }

  /** The deadlines stood still for so long, in milliseconds. */
  #shift(ms: number): void {
    this.#since += ms;
    this.#readAt += ms;
    this.#peer.shift(ms);
    this.#identified?.shift(ms);
  }

  /** Takes no more DOWNSTREAM. Resolves when nothing is on its way into the store. */
  async closeGate(): Promise<void> {
    this.#gateClosed = true;
    await this.#identified?.closeGate();
  }

  /** Closes at once. */
  destroy(): void {
    this.#peer.destroy();
  }

  #read(chunk: Buffer): void {
    this.#readAt = this.#deps.clock.monotonic();
    if (this.#closing) return;
    this.#decoder.push(chunk);
    this.#work();
  }

  /** Takes as many frames as may be taken now. */
  #work(): void {
    try {
      while (!this.#loggingOn && !this.#closing) {
        const body = this.#decoder.next();
        if (!body) break;
        this.#halfSince = undefined; // what is left, if anything, is another frame
        this.#take(body);
      }
    } catch (error) {
      this.#identified?.flush(); // what came before the bad frame is still taken
      this.fail(error instanceof BalError ? error : new BalError('INVALID_FRAME', reason(error), { cause: error }));
    }
    if (this.#decoder.buffered > 0) this.#halfSince ??= this.#deps.clock.monotonic();
    this.#identified?.flush();
    if (this.#identified?.overfull) this.#peer.pause('parked');
  }

  #take(body: Buffer): void {
    const encoding = detect(body);
    if (!this.#identified) this.#encoding = encoding;
    else if (encoding !== this.#encoding) {
      throw new BalError('INVALID_FRAME', `a ${encoding} frame on a ${this.#encoding} connection`);
    }
    const frame = decodeBackendFrame(body, encoding);
    this.#deps.telemetry.add('pushbridge_frames_total', { direction: 'in', type: frame.message_type });
    if (this.#identified) this.#handle(this.#identified, frame, body.length);
    else if (frame.message_type === 'LOGON') void this.#logOn(frame);
    else throw new BalError('LOGON_EXPECTED', `message_type: ${frame.message_type} before LOGON`);
  }

  #handle(identified: Identified, frame: BackendFrame, bytes: number): void {
    switch (frame.message_type) {
      case 'DOWNSTREAM':
        identified.downstream(frame, bytes);
        break;
      case 'ACK':
        identified.ack(frame);
        break;
      case 'ENDPOINT_REGISTER':
      case 'ENDPOINT_UNREGISTER':
        identified.endpoint(frame);
        break;
      case 'PING':
        identified.ping(frame);
        break;
      case 'LOGOFF':
        void identified.logoff();
        break;
      case 'LOGON':
        throw new BalError('ALREADY_LOGGED_ON', 'message_type: a second LOGON');
      case 'UNKNOWN':
        identified.unknown(frame);
        break;
    }
  }

  /** [BAL §Framing] Frames behind LOGON may be pipelined: they wait in the decoder, and reading pauses. */
  async #logOn(frame: LogonFrame): Promise<void> {
    this.#loggingOn = true;
    this.#peer.pause('logon');
    try {
      const identity = await this.#host.gatekeeper.identify(frame, this.#peer.address, this.#gone.signal);
      if (this.#closing) return;
      if (!identity) this.#refuse(frame);
      else if (!this.#host.admit(identity.session.id)) {
        this.fail(new BalError('SHUTTING_DOWN', 'max_connections_per_session: too many connections of this session'));
      } else await this.#welcome(identity);
    } catch (error) {
      this.#deps.log.error('logon failed', { ...this.#facts(), error: reason(error) });
      this.fail(new BalError('SHUTTING_DOWN', 'the bridge can not serve this session now'));
    } finally {
      this.#loggingOn = false;
      this.#peer.resume('logon');
      this.#work();
      if (this.#hungUp) this.#hangUp();
    }
  }

  /** The other side is half closed: what it said is still done, what it is owed goes to its other connections. */
  #hangUp(): void {
    if (this.#identified) void this.#identified.hangUp();
    else this.#end();
  }

  #refuse(frame: LogonFrame): void {
    this.#deps.telemetry.add('pushbridge_logons_total', { result: 'failure' });
    this.#deps.log.warn('BAL logon refused', { ...this.#facts(), session: frame.session_id });
    this.#send(farewell(frame.session_id));
    this.#end();
  }

  async #welcome(identity: Identity): Promise<void> {
    this.#session = identity.session.id;
    const line: Line = {
      send: (frame) => this.#send(frame),
      end: () => this.#end(),
      eased: () => {
        if (this.#identified && !this.#identified.overfull) this.#peer.resume('parked');
      },
      ready: () => !this.#closing && !this.#peer.clogged,
    };
    const identified = await Identified.attach(identity, this.#encoding, this.#deps, line);
    if (this.#closing) {
      identified.detach();
      return;
    }
    this.#identified = identified;
    if (this.#gateClosed) void identified.closeGate();
    this.#deps.telemetry.add('pushbridge_logons_total', { result: 'success' });
    const { client, window } = identity;
    this.#deps.log.info('BAL logon', { ...this.#facts(), client, window, encoding: this.#encoding });
    this.#send(welcome(identity, this.#deps.server));
    identified.start();
  }

  #send(frame: BridgeFrame): void {
    this.#deps.telemetry.add('pushbridge_frames_total', { direction: 'out', type: frame.message_type });
    if (frame.message_type === 'ERROR' && frame.error in errorCodes) {
      this.#deps.telemetry.add('pushbridge_rejects_total', { code: frame.error });
    }
    const { bytes, left } = encodeWithin(frame, this.#encoding, this.#deps.options.max_frame_bytes);
    if (left) this.#deps.log.warn('a frame can not be carried whole', { ...this.#facts(), left });
    this.#peer.send(bytes);
  }

  #end(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#identified?.detach(); // frames in flight need not wait for the last byte of the socket
    this.#peer.end();
  }

  #closed(error: Error | undefined): void {
    this.#closing = true;
    this.#gone.abort();
    this.#identified?.detach();
    const why = error ? { error: reason(error) } : {};
    if (this.#session) this.#deps.log.info('BAL connection closed', { ...this.#facts(), ...why });
    this.#host.closed(this);
  }

  #facts(): Record<string, unknown> {
    return { peer: this.#peer.address, session: this.#session };
  }
}
