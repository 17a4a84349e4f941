import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';

/** Bytes given to the socket at once: progress shows when they are through, so a slow reader is not taken for a dead one. */
const WRITE_BYTES = 262_144;
/** Bytes waiting to be written beyond which the connection takes no more frames of its window. */
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
  readonly #events: PeerEvents;
  readonly #out: Buffer[] = [];
  /** Bytes in `#out` and in the write under way. */
  #waiting = 0;
  /** Monotonic time when the write under way began; undefined if there is none. */
  #writingSince: number | undefined;
  #pauses = new Set<string>();
  #ended = false;

  constructor(socket: Socket, clock: Clock, events: PeerEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.address = socket.remoteAddress ?? 'unknown';
    let failure: Error | undefined;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on('data', (chunk: Buffer) => events.data(chunk));
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('end', () => events.ended());
    socket.on('close', () => events.closed(failure));
  }

  /** The other side is not reading: frames of the window stay where they are. */
  get clogged(): boolean {
    return this.#waiting > CLOGGED_BYTES;
  }

  /** Monotonic time since when the socket has taken nothing, or undefined if it takes bytes. */
  get cloggedSince(): number | undefined {
    return this.#writingSince;
  }

  /** The write deadline stood still for so long, in milliseconds. */
  shift(ms: number): void {
    if (this.#writingSince !== undefined) this.#writingSince += ms;
  }

  /** Writes at the end of this turn, together with everything else that is sent in it. */
  send(bytes: Buffer): void {
    if (this.#ended) return;
    this.#waiting += bytes.length;
    if (this.#out.push(bytes) === 1) setImmediate(() => this.#write());
    // Whoever does not read our answers gets no more of them to cause.
    if (this.clogged) this.pause('clogged');
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

  /** Whether reading stands still, for whatever reason. */
  get paused(): boolean {
    return this.#pauses.size > 0;
  }

  /** Whether reading stands still because of the bridge, not because of the peer. */
  get heldBack(): boolean {
    return this.#pauses.has('parked') || this.#pauses.has('logon');
  }

  /** Writes what was sent, then closes. Safe to call twice. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#out.length > 0) this.#socket.write(Buffer.concat(this.#out.splice(0)));
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

  #write(): void {
    if (this.#writingSince !== undefined || this.#out.length === 0 || this.#ended) return;
    let count = 0;
    let bytes = 0;
    for (const { length } of this.#out) {
      if (count > 0 && bytes + length > WRITE_BYTES) break;
      count++;
      bytes += length;
    }
    this.#writingSince = this.#clock.monotonic();
    this.#socket.write(Buffer.concat(this.#out.splice(0, count), bytes), (error) => {
      if (!error) this.#written(bytes);
    });
  }

  #written(bytes: number): void {
    this.#writingSince = undefined;
    this.#waiting -= bytes;
    this.#write();
    if (this.#waiting > 0 || !this.#pauses.has('clogged')) return;
    this.resume('clogged');
    this.#events.drained();
  }
}
