/** So many rounds of requests in a row without an answer, and the service counts as gone. */
export const MISSES_MAX = 3;

/**
 * Counts requests that got no answer. Those that a dying connection takes along are one miss, not a hundred: a miss counts
 * only for a request that began after the one before.
 */
export class Misses {
  #count = 0;
  #since = Number.NEGATIVE_INFINITY;

  /**
   * A request that began at `startedAt` got no answer.
   * @param evidenceAt until when there was none: its end, or for one that waited for the whole deadline its beginning
   * @returns true if that was one too many
   */
  add(startedAt: number, evidenceAt: number): boolean {
    if (startedAt > this.#since) {
      this.#since = evidenceAt;
      this.#count++;
    }
    return this.#count >= MISSES_MAX;
  }

  /** Something was answered. */
  reset(): void {
    this.#count = 0;
  }
}
