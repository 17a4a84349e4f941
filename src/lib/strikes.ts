/**
 * Counts misfortunes that came one after the other. Many requests that end together, as with their connection, are one
 * misfortune: a request counts only if it began after the last one that counted had ended.
 */
export class Strikes {
  readonly #limit: number;
  #count = 0;
  #last = Number.NEGATIVE_INFINITY;

  /** @param limit so many in a row are too many; at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * A request ended badly.
   * @param began when it began, and `now` when it ended, both on the same monotonic scale
   * @returns whether there were too many in a row
   */
  add(began: number, now: number): boolean {
    if (began >= this.#last) {
      this.#last = now;
      this.#count++;
    }
    return this.#count >= this.#limit;
  }

  /** All is well again. */
  clear(): void {
    this.#count = 0;
  }
}
