/** Leave for one request; see {@link Strikes.begin}. */
export type StrikeTicket = number;

/**
 * Counts misfortunes that came one after the other. Many requests that end together, as with their connection, are one
 * misfortune: a request counts only if it began after the last one that counted.
 */
export class Strikes {
  readonly #limit: number;
  #count = 0;
  /** Counts all that ever counted: a ticket is of one of these times. */
  #era = 0;

  /** @param limit so many in a row are too many; at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A request begins. */
  begin(): StrikeTicket {
    return this.#era;
  }

  /**
   * It ended badly.
   * @returns whether there were too many in a row
   */
  add(ticket: StrikeTicket): boolean {
    if (ticket === this.#era) {
      this.#era++;
      this.#count++;
    }
    return this.#count >= this.#limit;
  }

  /** All is well again. */
  clear(): void {
    this.#count = 0;
  }
}
