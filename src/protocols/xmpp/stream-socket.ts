import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../lib/clock.ts';

/** The limits of a socket that carries a stream. */
export interface StreamSocketOptions {
  readonly clock: Clock;
  /** A peer that reads nothing for so many milliseconds while bytes wait for it is dropped. */
  readonly drainMs: number;
  /** After the last word the peer has so many milliseconds to close its side. */
  readonly lingerMs: number;
  /** Bytes that wait for the peer before we stop reading from it. */
  readonly highWaterBytes: number;
}

export const defaultStreamSocketOptions = {
  drainMs: 30_000,
  lingerMs: 5_000,
  highWaterBytes: 1024 * 1024,
} as const satisfies Omit<StreamSocketOptions, 'clock'>;

/** The way out of a socket. The owner of a stream may put its own in place of the socket's, to shape the bytes. */
export interface Outlet {
  write(xml: string): void;
  /** Ends the socket after all that was written. */
  end(): void;
}

/** What a socket tells its owner. */
export interface StreamSocketEvents {
  onData(chunk: Uint8Array): void;
  /** Once, whatever the reason. */
  onClose(error: Error | undefined): void;
  /** The peer has read what it was behind with: no longer {@link StreamSocket.clogged}. */
  onDrained?(): void;
}

/** Owns the socket below a stream: joins writes, stops reading when the peer does, gives up on a peer that is stuck. */
export class StreamSocket {
  readonly #socket: Duplex;
  readonly #outlet: Outlet;
  readonly #options: StreamSocketOptions;
  readonly #highWater: number;
  #joined = '';
  #paused = false;
  readonly #onDrained: () => void;
  #full = false;
  #ended = false;
  #error: Error | undefined;
  #stuck: Timer | undefined;

  constructor(socket: Duplex, options: StreamSocketOptions, events: StreamSocketEvents, outlet: Outlet = socket) {
    this.#socket = socket;
    this.#outlet = outlet;
    this.#options = options;
    this.#onDrained = () => events.onDrained?.();
    // Below its own mark the socket would not tell when it has drained.
    this.#highWater = Math.max(options.highWaterBytes, socket.writableHighWaterMark);
    socket.on('data', (chunk: Buffer) => {
      events.onData(chunk);
      this.flush();
    });
    socket.on('drain', () => this.#drained());
    // The peer's half is over; ours follows, since a stream without a reader is none.
    socket.on('end', () => this.end());
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => {
      this.#ended = true;
      this.#stuck?.cancel();
      events.onClose(this.#error);
    });
  }

  /** Whether so much waits for the peer that what can wait should not be added. */
  get clogged(): boolean {
    return this.#full || this.#joined.length > this.#highWater;
  }

  /** Writes at once, after what {@link post} has collected. */
  send(xml: string): void {
    this.flush();
    this.#write(xml);
  }

  /** Writes together with all else of this turn of the event loop. */
  post(xml: string): void {
    if (this.#joined === '') setImmediate(() => this.flush());
    this.#joined += xml;
  }

  /** Writes what {@link post} has collected. */
  flush(): void {
    if (this.#joined === '') return;
    const { clogged } = this;
    const joined = this.#joined;
    this.#joined = '';
    this.#write(joined);
    if (clogged && !this.clogged) this.#onDrained();
  }

  /** Stops reading until {@link resume}. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#full) this.#socket.resume();
  }

  /** Writes what is left and closes; the peer has `lingerMs` to do the same. */
  end(): void {
    if (this.#ended) return;
    this.flush();
    this.#ended = true;
    this.#outlet.end();
    this.#socket.resume();
    this.#stuck?.cancel();
    this.#stuck = this.#options.clock.after(this.#options.lingerMs, () => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #write(xml: string): void {
    if (this.#ended || this.#socket.destroyed) return;
    this.#outlet.write(xml);
    if (this.#full || this.#socket.writableLength <= this.#highWater) return;
    this.#full = true;
    this.#socket.pause();
    this.#stuck = this.#options.clock.after(this.#options.drainMs, () => {
      this.#error ??= new Error('the peer does not read');
      this.#socket.destroy();
    });
  }

  #drained(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#stuck?.cancel();
    if (!this.#paused) this.#socket.resume();
    this.#onDrained();
  }
}
