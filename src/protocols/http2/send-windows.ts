import { ConnectionError } from './codes.ts';
import type { Exchange } from './exchange.ts';
import { FRAME_MAX_BYTES } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

/** What each side takes before it has said anything. [RFC 9113 §6.9.2] */
export const WINDOW_DEFAULT_BYTES = 65_535;
const WINDOW_MAX_BYTES = 0x7fff_ffff;

/** What is left of a body. */
interface Rest {
  readonly exchange: Exchange;
  bytes: Buffer;
}

/** Sends bodies as far as the server takes them, the rest when it takes more. [RFC 9113 §5.2] */
export class SendWindows {
  readonly #writer: FrameWriter;
  #window = WINDOW_DEFAULT_BYTES;
  #initial = WINDOW_DEFAULT_BYTES;
  /** Bodies that wait, by stream, oldest first. */
  readonly #waiting = new Map<number, Rest>();

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** @param bytes of the body */
  send(exchange: Exchange, body: string, bytes: number): void {
    exchange.sendWindow = this.#initial;
    const isFree = this.#waiting.size === 0 && bytes <= Math.min(this.#window, this.#initial, FRAME_MAX_BYTES);
    if (isFree || bytes === 0) {
      exchange.sendWindow -= bytes;
      this.#window -= bytes;
      this.#writer.text(exchange.streamId, body, bytes);
      return;
    }
    this.#waiting.set(exchange.streamId, { exchange, bytes: Buffer.from(body) });
    this.#advance();
  }

  /** Nothing more of this stream. @returns whether something was left */
  drop(streamId: number): boolean {
    return this.#waiting.delete(streamId);
  }

  /** The server takes more in all. */
  open(increment: number): void {
    if (increment === 0) throw new ConnectionError('PROTOCOL_ERROR', 'a window that opens by nothing');
    this.#window = widened(this.#window, increment);
    this.#advance();
  }

  /** The server takes more of one stream. */
  openStream(exchange: Exchange, increment: number): void {
    if (increment === 0) throw new ConnectionError('PROTOCOL_ERROR', 'a window that opens by nothing');
    exchange.sendWindow = widened(exchange.sendWindow, increment);
    this.#advance();
  }

  /** The server changes what it takes of each stream, those included that are open: they may owe it something then. */
  setInitial(bytes: number, open: Iterable<Exchange>): void {
    if (bytes > WINDOW_MAX_BYTES) throw new ConnectionError('FLOW_CONTROL_ERROR', `a window of ${bytes} bytes`);
    for (const exchange of open) exchange.sendWindow = widened(exchange.sendWindow, bytes - this.#initial);
    this.#initial = bytes;
    this.#advance();
  }

  #advance(): void {
    for (const [id, rest] of this.#waiting) {
      while (rest.bytes.length > 0) {
        const length = Math.min(rest.bytes.length, this.#window, rest.exchange.sendWindow, FRAME_MAX_BYTES);
        if (length <= 0) break;
        const isLast = length === rest.bytes.length;
        this.#writer.data(id, rest.bytes.subarray(0, length), isLast);
        rest.bytes = rest.bytes.subarray(length);
        rest.exchange.sendWindow -= length;
        this.#window -= length;
        if (isLast) this.#waiting.delete(id);
      }
      if (this.#window <= 0) return;
    }
  }
}

function widened(window: number, increment: number): number {
  if (window + increment > WINDOW_MAX_BYTES)
    throw new ConnectionError('FLOW_CONTROL_ERROR', 'a window beyond all bounds');
  return window + increment;
}
