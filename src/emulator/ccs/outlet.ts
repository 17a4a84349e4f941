import type { Duplex } from 'node:stream';
import type { Outlet } from '../../protocols/xmpp/index.ts';

/** A way out that can swallow everything, or write every byte on its own. */
export class FaultyOutlet implements Outlet {
  readonly #socket: Duplex;
  /** Bytes that wait to be written one by one. */
  #queue = Buffer.alloc(0);
  #writing = false;
  #ended = false;
  swallow = false;
  split = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  write(xml: string): void {
    if (this.swallow) return;
    if (!this.split && this.#queue.length === 0) {
      this.#socket.write(xml);
      return;
    }
    this.#queue = Buffer.concat([this.#queue, Buffer.from(xml)]);
    this.#next();
  }

  end(): void {
    this.#ended = true;
    if (this.#queue.length === 0) this.#socket.end();
  }

  /** The next byte goes only after the one before is out: TLS would join them into one record. */
  #next(): void {
    if (this.#writing || this.#socket.destroyed) return;
    if (this.#queue.length === 0) {
      if (this.#ended) this.#socket.end();
      return;
    }
    const byte = this.#queue.subarray(0, 1);
    this.#queue = this.#queue.subarray(1);
    this.#writing = true;
    this.#socket.write(byte, () => {
      this.#writing = false;
      this.#next();
    });
  }
}
