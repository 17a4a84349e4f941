import { BalError } from './frames.ts';

/** Bytes of the length in front of every body. */
export const HEADER_BYTES = 4;

/** What a frame's body may hold unless told otherwise, in bytes. */
export const DEFAULT_MAX_FRAME_BYTES = 65_536;

/** The first piece of memory for a body that comes in parts; it doubles as bytes arrive. */
const FIRST_PIECE_BYTES = 1_024;

/**
 * Cuts a stream of bytes into frame bodies [BAL §Framing]. Knows no sockets: `push` what came in, then take bodies by
 * `next` until it answers undefined. Taking may stop at any body and go on later.
 *
 * A body that lies whole in one chunk is a view of that chunk: it costs nothing, but keeps the chunk alive as long as it
 * lives. A body in parts is gathered in memory that grows with what has really arrived, never with what was promised.
 */
export class FrameDecoder {
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  /** Position in the first chunk. */
  #at = 0;
  #buffered = 0;
  #headerBytes = 0;
  #length = 0;
  #body: Buffer | undefined;
  #filled = 0;
  #error: BalError | undefined;

  /** @param maxFrameBytes the largest body, in bytes */
  constructor(maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES) {
    if (!Number.isInteger(maxFrameBytes) || maxFrameBytes < 1 || maxFrameBytes > 0xffff_ffff) {
      throw new RangeError('maxFrameBytes is a whole number from 1 to 4294967295');
    }
    this.#maxBytes = maxFrameBytes;
  }

  /** Bytes that were pushed and not yet handed out: what this connection holds in memory. */
  get buffered(): number {
    return this.#buffered;
  }

  /** Adds what was read from the connection. The chunk must not be changed afterwards. Behind an error it is dropped. */
  push(chunk: Buffer): void {
    if (chunk.length === 0 || this.#error) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
  }

  /**
   * The next body, or undefined when its bytes are not all here yet.
   * @throws {BalError} FRAME_TOO_LARGE for a length of 0 or beyond the limit, now and at every later call
   */
  next(): Buffer | undefined {
    if (this.#error) throw this.#error;
    for (let chunk = this.#chunks[0]; chunk; chunk = this.#chunks[0]) {
      if (this.#headerBytes < HEADER_BYTES) {
        this.#readHeader(chunk);
      } else {
        const body = this.#readBody(chunk);
        if (body) return body;
      }
    }
    return undefined;
  }

  /** The bodies that are complete. Leaving the loop early loses nothing. */
  *[Symbol.iterator](): Generator<Buffer, void, void> {
    for (let body = this.next(); body; body = this.next()) yield body;
  }

  #readHeader(chunk: Buffer): void {
    if (this.#headerBytes === 0 && chunk.length - this.#at >= HEADER_BYTES) {
      this.#length = chunk.readUInt32BE(this.#at);
      this.#headerBytes = HEADER_BYTES;
      this.#advance(chunk, HEADER_BYTES);
    } else {
      this.#length = this.#length * 256 + chunk.readUInt8(this.#at);
      this.#headerBytes++;
      this.#advance(chunk, 1);
      if (this.#headerBytes < HEADER_BYTES) return;
    }
    if (this.#length === 0) throw this.#fail('a frame of 0 bytes');
    if (this.#length > this.#maxBytes) {
      throw this.#fail(`a frame of ${this.#length} bytes, at most ${this.#maxBytes} are allowed`);
    }
  }

  #readBody(chunk: Buffer): Buffer | undefined {
    const here = chunk.length - this.#at;
    if (this.#filled === 0 && here >= this.#length) {
      const body = chunk.subarray(this.#at, this.#at + this.#length);
      this.#advance(chunk, this.#length);
      return this.#finish(body);
    }
    const take = Math.min(here, this.#length - this.#filled);
    const memory = this.#room(this.#filled + take);
    chunk.copy(memory, this.#filled, this.#at, this.#at + take);
    this.#filled += take;
    this.#advance(chunk, take);
    return this.#filled === this.#length ? this.#finish(memory.subarray(0, this.#length)) : undefined;
  }

  #finish(body: Buffer): Buffer {
    this.#buffered -= HEADER_BYTES + this.#length;
    this.#headerBytes = 0;
    this.#length = 0;
    this.#filled = 0;
    this.#body = undefined;
    return body;
  }

  /** Memory for `bytes` of the body: grown by doubling, so that a body byte by byte costs no quadratic copying. */
  #room(bytes: number): Buffer {
    const old = this.#body;
    if (old && old.length >= bytes) return old;
    const size = Math.min(this.#length, Math.max(bytes, (old?.length ?? 0) * 2, FIRST_PIECE_BYTES));
    const grown = Buffer.allocUnsafeSlow(size);
    old?.copy(grown, 0, 0, this.#filled);
    this.#body = grown;
    return grown;
  }

  #advance(chunk: Buffer, bytes: number): void {
    this.#at += bytes;
    if (this.#at < chunk.length) return;
    this.#chunks.shift();
    this.#at = 0;
  }

  #fail(message: string): BalError {
    this.#error = new BalError('FRAME_TOO_LARGE', message);
    this.#chunks.length = 0;
    this.#buffered = 0;
    return this.#error;
  }
}

/** Header and body in one buffer, so that a frame is one write. */
export function frame(body: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  framed.writeUInt32BE(body.length, 0);
  body.copy(framed, HEADER_BYTES);
  return framed;
}

/** Like {@link frame} for a body of text, written as UTF-8 without a copy in between. */
export function frameText(text: string): Buffer {
  const length = Buffer.byteLength(text, 'utf8');
  const framed = Buffer.allocUnsafe(HEADER_BYTES + length);
  framed.writeUInt32BE(length, 0);
  framed.write(text, HEADER_BYTES, 'utf8');
  return framed;
}
