import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Timer } from '../lib/clock.ts';
import { reason } from '../lib/log.ts';
import {
  decodeBridgeFrame,
  type ErrorCode,
  encodeBackendFrame,
  errorCodes,
  FrameDecoder,
  type ReceivedFrame,
  type SentFrame,
} from '../protocols/bal/index.ts';
import { BalClientError } from './errors.ts';
import type { Settings } from './options.ts';

/** How a link tells what happens. `down` comes once and last. */
export interface LinkEvents {
  /** The bridge accepted the LOGON. */
  up(window: number | undefined): void;
  frame(frame: ReceivedFrame): void;
  /** The link has ended; `loggedOn` says whether it ever was up. */
  down(error: BalClientError, loggedOn: boolean): void;
}

/** One connection to the bridge from dialling to its end: LOGON, frames, sign of life. It does not come back. */
export class Link {
  readonly #settings: Settings;
  readonly #events: LinkEvents;
  readonly #socket: Socket;
  readonly #decoder: FrameDecoder;
  #phase: 'logon' | 'up' | 'down' = 'logon';
  #timer: Timer | undefined;
  /** When the bridge was last heard, in milliseconds of the monotonic clock. */
  #heardAt = 0;
  #corked = false;

  /** Starts to dial. */
  constructor(settings: Settings, events: LinkEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#decoder = new FrameDecoder(settings.maxFrameBytes);
    const { host, port, tls } = settings;
    this.#socket = tls
      ? connectTls({ host, port, ...(typeof tls === 'object' && tls) })
      : connectTcp({ host, port, noDelay: true });
    this.#socket.setNoDelay(true).setKeepAlive(true, 60_000);
    this.#socket.once(tls ? 'secureConnect' : 'connect', () => this.#logOn());
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (cause) => this.end(new BalClientError('CONNECTION_LOST', reason(cause), { cause })));
    this.#socket.on('close', () => this.end(new BalClientError('CONNECTION_LOST', 'the bridge closed the connection')));
    this.#timer = settings.clock.after(settings.logonTimeoutMs, () =>
      this.end(new BalClientError('TIMEOUT', `not logged on within ${settings.logonTimeoutMs} ms`)),
    );
  }

  /** Writes a frame; all that is written in one turn of the event loop goes out together. */
  write(frame: Buffer): void {
    if (this.#phase === 'down') return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(frame);
  }

  send(frame: SentFrame): void {
    this.write(encodeBackendFrame(frame, this.#settings.encoding));
  }

  /** Ends the link at once. The first error counts. */
  end(error: BalClientError): void {
    if (this.#phase === 'down') return;
    const loggedOn = this.#phase === 'up';
    this.#phase = 'down';
    this.#timer?.cancel();
    this.#socket.destroy();
    this.#events.down(error, loggedOn);
  }

  #logOn(): void {
    const { session, secret, client, window } = this.#settings;
    this.send({
      message_type: 'LOGON',
      session_id: session,
      ...(secret !== undefined && { secret }),
      ...(client !== undefined && { client }),
      window,
      confirm: true,
    });
  }

  #receive(chunk: Buffer): void {
    this.#heardAt = this.#settings.clock.monotonic();
    this.#decoder.push(chunk);
    try {
      for (let body = this.#next(); body; body = this.#next()) {
        this.#take(decodeBridgeFrame(body, this.#settings.encoding));
      }
    } catch (cause) {
      this.end(cause instanceof BalClientError ? cause : new BalClientError('PROTOCOL', reason(cause), { cause }));
    }
  }

  #next(): Buffer | undefined {
    return this.#phase === 'down' ? undefined : this.#decoder.next();
  }

  #take(frame: ReceivedFrame): void {
    switch (frame.message_type) {
      case 'LOGON_RESPONSE':
        this.#logonAnswered(frame);
        break;
      case 'ERROR':
        this.#bridgeError(frame.error, frame.error_string);
        break;
      case 'PONG': // has counted as a sign of life
        break;
      case 'UNKNOWN':
        this.#settings.log.debug('unknown frame ignored', { type: frame.name });
        break;
      default:
        if (this.#phase !== 'up') throw new BalClientError('PROTOCOL', `${frame.message_type} before LOGON_RESPONSE`);
        this.#events.frame(frame);
    }
  }

  #logonAnswered(frame: Extract<ReceivedFrame, { message_type: 'LOGON_RESPONSE' }>): void {
    if (this.#phase !== 'logon') throw new BalClientError('PROTOCOL', 'a second LOGON_RESPONSE');
    if (frame.status === 'FAILURE') {
      const { error: bridgeCode = 'AUTHENTICATION_FAILED', error_string = bridgeCode } = frame;
      this.end(new BalClientError('LOGON_FAILED', error_string, { bridgeCode }));
      return;
    }
    this.#phase = 'up';
    this.#timer?.cancel();
    this.#watch(this.#settings.pingAfterMs);
    this.#events.up(frame.window);
  }

  #bridgeError(code: string, text: string): void {
    const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : undefined;
    if (known?.closes === false) {
      this.#settings.log.warn('error of the bridge', { code, text });
      return;
    }
    this.end(new BalClientError('BRIDGE_ERROR', text || code, { bridgeCode: code }));
  }

  /** Looks in `ms` milliseconds whether the bridge was heard meanwhile, and asks it if not. */
  #watch(ms: number): void {
    const { clock, pingAfterMs, pongTimeoutMs } = this.#settings;
    this.#timer = clock.after(ms, () => {
      const silence = clock.monotonic() - this.#heardAt;
      if (silence < pingAfterMs) return this.#watch(pingAfterMs - silence);
      const askedAt = clock.monotonic();
      this.send({ message_type: 'PING' });
      this.#timer = clock.after(pongTimeoutMs, () => {
        if (this.#heardAt >= askedAt) return this.#watch(pingAfterMs);
        this.end(new BalClientError('TIMEOUT', `no answer to PING within ${pongTimeoutMs} ms`));
      });
    });
  }
}
