import type { Duplex } from 'node:stream';
import { Flag, Frame } from './codes.ts';
import { FRAME_MAX_BYTES, HEAD_BYTES } from './frame-reader.ts';

/** Frames are written side by side into pieces of memory of this size, none of which is used twice. */
const SLAB_BYTES = 65_536;

/**
 * Puts frames on a connection: all of one turn of the event loop at once, but never while a frame or a row of them is being
 * made. Whoever hears them may answer before the write returns, and what we say to that stands behind them.
 */
export class FrameWriter {
  readonly #out: Duplex;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** Where in the slab begins what is not written yet, and where it ends. */
  #from = 0;
  #at = 0;
  /** Slabs that are full, before what is in this one. */
  readonly #full: Buffer[] = [];
  #scheduled = false;
  /** Called before each write. */
  readonly #onFlush: () => void;

  constructor(out: Duplex, onFlush: () => void) {
    this.#out = out;
    this.#onFlush = onFlush;
  }

  /** Bytes that do not go away. */
  raw(bytes: Buffer): void {
    const slab = this.#room(bytes.length);
    this.#at += bytes.copy(slab, this.#at);
  }

  /** A frame with this payload, at most {@link FRAME_MAX_BYTES}. */
  frame(kind: number, flags: number, streamId: number, payload: Buffer): void {
    this.#head(payload.length, kind, flags, streamId);
    this.#at += payload.copy(this.#slab, this.#at);
  }

  /** A frame with one number of 32 bits: RST_STREAM, WINDOW_UPDATE. */
  number(kind: number, streamId: number, value: number): void {
    this.#head(4, kind, 0, streamId);
    this.#at = this.#slab.writeUInt32BE(value, this.#at);
  }

  /** A header block, in as many frames as it takes. [RFC 9113 §4.3] */
  headers(streamId: number, block: Buffer): void {
    for (let at = 0; at === 0 || at < block.length; at += FRAME_MAX_BYTES) {
      const isLast = at + FRAME_MAX_BYTES >= block.length;
      const piece = isLast && at === 0 ? block : block.subarray(at, at + FRAME_MAX_BYTES);
      this.frame(at === 0 ? Frame.HEADERS : Frame.CONTINUATION, isLast ? Flag.END_HEADERS : 0, streamId, piece);
    }
  }

  /** A piece of a body, at most {@link FRAME_MAX_BYTES}. */
  data(streamId: number, piece: Buffer, isLast: boolean): void {
    this.frame(Frame.DATA, isLast ? Flag.END_STREAM : 0, streamId, piece);
  }

  /** A text of `bytes` bytes as the whole body, at most {@link FRAME_MAX_BYTES}. */
  text(streamId: number, text: string, bytes: number): void {
    this.#head(bytes, Frame.DATA, Flag.END_STREAM, streamId);
    this.#at += this.#slab.write(text, this.#at, 'utf8');
  }

  /** Writes now what waits; if the connection is over it is dropped. */
  flush(): void {
    const last = this.#slab.subarray(this.#from, this.#at);
    this.#from = this.#at;
    this.#write(last.length > 0 ? [...this.#full.splice(0), last] : this.#full.splice(0));
  }

  /** Writes now what fills slabs: between frames, so that the server begins its work while we still do ours. */
  relieve(): void {
    if (this.#full.length > 0) this.#write(this.#full.splice(0));
  }

  #write(pieces: readonly Buffer[]): void {
    if (pieces.length === 0 || !this.#out.writable) return;
    this.#onFlush();
    for (const piece of pieces) this.#out.write(piece);
  }

  #head(length: number, kind: number, flags: number, streamId: number): void {
    const slab = this.#room(HEAD_BYTES + length);
    const at = this.#at;
    slab[at] = length >>> 16;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    slab[at + 3] = kind;
    slab[at + 4] = flags;
    this.#at = slab.writeUInt32BE(streamId, at + 5);
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > SLAB_BYTES) {
      this.#full.push(this.#slab.subarray(this.#from, this.#at));
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#from = this.#at = 0;
    }
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return this.#slab;
  }
}
