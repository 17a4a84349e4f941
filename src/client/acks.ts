import { Batcher } from '../lib/batcher.ts';

/** Numbers in one ACK frame, at most: some 8 KB. */
const MAX_IN_FRAME = 500;

/**
 * Collects acknowledgements and sends many in one frame. While there is no connection they wait: a number counts on any
 * connection of the session [BAL §Sessions and answers].
 */
export class Acks {
  readonly #send: (sequences: readonly number[]) => boolean;
  readonly #batch = new Batcher<number>((sequences) => this.#write(sequences));
  #waiting: number[] = [];

  /** @param send writes one ACK frame; false if there is no connection */
  constructor(send: (sequences: readonly number[]) => boolean) {
    this.#send = send;
  }

  add(sequence: number): void {
    this.#batch.push(sequence);
  }

  /** Forgets what waits: its numbers mean nothing on the next connection. */
  clear(): void {
    this.#batch.flush();
    this.#waiting = [];
  }

  /** Sends at once what is there. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#write(waiting);
    this.#batch.flush();
  }

  #write(sequences: number[]): void {
    for (let at = 0; at < sequences.length; at += MAX_IN_FRAME) {
      const some = sequences.slice(at, at + MAX_IN_FRAME);
      if (!this.#send(some)) this.#waiting.push(...some);
    }
  }
}
