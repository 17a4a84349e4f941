import { randomFillSync } from 'node:crypto';

/** Ids that are made in one go: to ask for random bytes costs as much for one id as for many. */
const AT_ONCE = 64;

/** Makes ids that nobody guesses. */
export class RandomIds {
  readonly #bytes: number;
  readonly #pool: Buffer;
  #used: number;

  /** @param bytes random bytes of an id, which is then a third longer in characters */
  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#pool = Buffer.alloc(bytes * AT_ONCE);
    this.#used = this.#pool.length;
  }

  /** Letters of the URL-safe base64 alphabet. */
  next(): string {
    if (this.#used === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += this.#bytes;
    return this.#pool.toString('base64url', from, this.#used);
  }
}
