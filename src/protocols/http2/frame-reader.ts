import { ConnectionError } from './codes.ts';

/** Length, kind, flags and stream. [RFC 9113 §4.1] */
export const HEAD_BYTES = 9;
/** Frames may be so large unless their reader allows more, and we do not. [RFC 9113 §4.2] */
export const FRAME_MAX_BYTES = 16_384;

const STREAM_ID_MASK = 0x7fff_ffff;

/** Takes a frame; `payload` is good until it returns, unless it is kept, which keeps all that was read with it. */
export type OnFrame = (kind: number, flags: number, streamId: number, payload: Buffer) => void;

/** Cuts what comes over a connection into frames. */
export class FrameReader {
  readonly #onFrame: OnFrame;
  /** The beginning of a frame. */
  #rest: Buffer | undefined;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** @throws ConnectionError if a frame is larger than it may be, and what `onFrame` throws */
  push(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const length = bytes.readUInt32BE(at) >>> 8;
      if (length > FRAME_MAX_BYTES) throw new ConnectionError('FRAME_SIZE_ERROR', `a frame of ${length} bytes`);
      const from = at + HEAD_BYTES;
      if (bytes.length - from < length) break;
      at = from + length;
      const kind = bytes[from - 6] ?? 0;
      const flags = bytes[from - 5] ?? 0;
      this.#onFrame(kind, flags, bytes.readUInt32BE(from - 4) & STREAM_ID_MASK, bytes.subarray(from, at));
    }
    // A copy: what is left would keep all that was read with it.
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }
}
