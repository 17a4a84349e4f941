import { ConnectionError } from './codes.ts';
import { FRAME_MAX_BYTES } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

/** What each side takes before it has said anything. [RFC 9113 §6.9.2] */
export const WINDOW_DEFAULT_BYTES = 65_535;
const WINDOW_MAX_BYTES = 0x7fff_ffff;

/** What is left of a body. */
interface Rest {
  bytes: Buffer;
  /** What the server still takes of the stream; below 0 after it changed its mind. [RFC 9113 §6.9.2] */
  window: number;
}

/**
 * Sends bodies as far as the server takes them, the rest when it takes more. The window of a stream matters to us only as
 * long as some of its body waits. [RFC 9113 §5.2]
 */
export class SendWindows {
  readonly #writer: FrameWriter;
  #window = WINDOW_DEFAULT_BYTES;
  #initial = WINDOW_DEFAULT_BYTES;
  /** Bodies that wait for their stream's window, or all for that of the connection; by stream, oldest first. */
  readonly #waiting = new Map<number, Rest>();

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** @param bytes of the body */
  send(streamId: number, body: string, bytes: number): void {
    if (bytes <= Math.min(this.#window, this.#initial, FRAME_MAX_BYTES) || bytes === 0) {
      this.#window -= bytes;
      this.#writer.text(streamId, body, bytes);
      return;
    }
    const rest = { bytes: Buffer.from(body), window: this.#initial };
    this.#waiting.set(streamId, rest);
    this.#advance(streamId, rest);
  }

  /** Nothing more of this stream. @returns whether something was left */
  drop(streamId: number): boolean {
    return this.#waiting.delete(streamId);
  }

  /** The server takes more in all. */
  open(increment: number): void {
    if (increment === 0) throw new ConnectionError('PROTOCOL_ERROR', 'a window that opens by nothing');
    this.#window = widened(this.#window, increment);
    this.#advanceAll();
  }

  /** The server takes more of one stream. @returns false if that is more than may be */
  openStream(streamId: number, increment: number): boolean {
    const rest = this.#waiting.get(streamId);
    if (!rest) return true;
    if (rest.window + increment > WINDOW_MAX_BYTES) return false;
    rest.window += increment;
    this.#advance(streamId, rest);
    return true;
  }

  /** The server changes what it takes of each stream, those included that are open: they may owe it something then. */
  setInitial(bytes: number): void {
    if (bytes > WINDOW_MAX_BYTES) throw new ConnectionError('FLOW_CONTROL_ERROR', `a window of ${bytes} bytes`);
    for (const rest of this.#waiting.values()) rest.window = widened(rest.window, bytes - this.#initial);
    this.#initial = bytes;
    this.#advanceAll();
  }

  #advanceAll(): void {
    for (const [streamId, rest] of this.#waiting) {
      if (this.#window <= 0) return;
      this.#advance(streamId, rest);
    }
  }

  #advance(streamId: number, rest: Rest): void {
    for (;;) {
      const length = Math.min(rest.bytes.length, this.#window, rest.window, FRAME_MAX_BYTES);
      if (length <= 0) return;
      const isLast = length === rest.bytes.length;
      this.#writer.data(streamId, rest.bytes.subarray(0, length), isLast);
      rest.bytes = rest.bytes.subarray(length);
      rest.window -= length;
      this.#window -= length;
      if (isLast) this.#waiting.delete(streamId);
    }
  }
}

function widened(window: number, increment: number): number {
  if (window + increment > WINDOW_MAX_BYTES)
    throw new ConnectionError('FLOW_CONTROL_ERROR', 'a window beyond all bounds');
  return window + increment;
}
