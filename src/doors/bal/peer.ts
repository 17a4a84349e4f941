import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';

/** Bytes waiting in the socket beyond which the connection takes no more frames of its window. */
const CLOGGED_BYTES = 1_048_576;
/** A peer that does not close its side is cut off this long after we closed ours. */
const LINGER_MS = 5_000;
/** [BAL §Sessions and answers] TCP keepalive. */
const KEEPALIVE_MS = 60_000;

export interface PeerEvents {
  /** Bytes arrived. */
  data(chunk: Buffer): void;
  /** The socket takes bytes again. */
  drained(): void;
  /** The other side sends nothing more. */
  ended(): void;
  /** The socket is gone. Called once. */
  closed(error: Error | undefined): void;
}

/**
 * The owner of one socket: it reads, it writes everything of one turn of the event loop in one go, and it knows since
 * when the other side has not been reading. It knows nothing of frames.
 */
export class Peer {
  readonly address: string;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #out: Buffer[] = [];
  #pauses = new Set<string>();
  #ended = false;
  #clogAt: number | undefined;
  #written = 0;

  constructor(socket: Socket, clock: Clock, events: PeerEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.address = socket.remoteAddress ?? 'unknown';
    let failure: Error | undefined;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => events.data(chunk));
    socket.on('drain', () => {
      this.#clogAt = undefined;
      this.resume('clogged');
      events.drained();
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('end', () => events.ended());
    socket.on('close', () => events.closed(failure));
  }

  /** The other side is not reading: frames of the window stay where they are. */
  get clogged(): boolean {
    return this.#socket.writableLength > CLOGGED_BYTES;
  }

  /** Monotonic time since when the socket has taken nothing, or undefined if it takes bytes. */
  get cloggedSince(): number | undefined {
    if (this.#clogAt === undefined) return undefined;
    // Bytes that left the buffer are progress, even if it never ran empty.
    const left = this.#socket.bytesWritten - this.#socket.writableLength;
    if (left > this.#written) {
      this.#written = left;
      this.#clogAt = this.#clock.monotonic();
    }
    return this.#clogAt;
  }

  /** The write deadline stood still for so long, in milliseconds. */
  shift(ms: number): void {
    if (this.#clogAt !== undefined) this.#clogAt += ms;
  }

  /** Writes at the end of this turn, together with everything else that is sent in it. */
  send(bytes: Buffer): void {
    if (this.#ended) return;
    if (this.#out.push(bytes) === 1) setImmediate(() => this.#flush());
  }

  /** Stops reading for a reason; reading goes on when no reason is left. */
  pause(why: 'parked' | 'clogged' | 'logon'): void {
    if (this.#ended) return; // while closing it reads on: the peer's close is only seen while reading
    if (this.#pauses.size === 0) this.#socket.pause();
    this.#pauses.add(why);
  }

  resume(why: 'parked' | 'clogged' | 'logon'): void {
    if (this.#pauses.delete(why) && this.#pauses.size === 0 && !this.#ended) this.#socket.resume();
  }

  /** Whether reading stands still because of the bridge, not because of the peer. */
  get heldBack(): boolean {
    return this.#pauses.has('parked') || this.#pauses.has('logon');
  }

  /** Writes what was sent, then closes. Safe to call twice. */
  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#socket.resume();
    this.#socket.end();
    const timer = this.#clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => timer.cancel());
  }

  /** Closes at once. */
  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  #flush(): void {
    const out = this.#out;
    this.#out = [];
    if (out.length === 0 || this.#ended || this.#socket.destroyed) return;
    const bytes = out.length === 1 ? out[0] : Buffer.concat(out);
    if (!bytes || this.#socket.write(bytes)) return;
    if (this.#clogAt === undefined) {
      this.#clogAt = this.#clock.monotonic();
      this.#written = this.#socket.bytesWritten - this.#socket.writableLength;
    }
    // Whoever does not read our answers gets no more of them to cause.
    if (this.clogged) this.pause('clogged');
  }
}
