/** Turns the session's sequence numbers into what a connection speaks, and back. */
export interface Sequences {
  /** The number to send. */
  outgoing(sequence: number): number;
  /** The session's number for one that came back; undefined if it was acknowledged before; `unknown` if never sent. */
  incoming(sequence: number): number | undefined | 'unknown';
}

/** JSON and protobuf connections speak the session's numbers themselves. */
export const plainSequences: Sequences = {
  outgoing: (sequence) => sequence,
  incoming: (sequence) => sequence,
};

const LARGEST = 2 ** 31 - 1;
/** Numbers remembered: well above the largest window, so that only frames that went elsewhere are ever forgotten. */
const REMEMBERED = 4_096;

/**
 * [BAL §Framing] GIMMM's library reads a `sequence_id` as a 32-bit integer and refuses 0, so Qt connections get numbers
 * 1..2^31−1 of their own. A frame that is repeated keeps its number.
 */
export class LocalSequences implements Sequences {
  readonly #toSession = new Map<number, number>();
  readonly #toLocal = new Map<number, number>();
  #last = 0;
  #wrapped = false;

  outgoing(sequence: number): number {
    const known = this.#toLocal.get(sequence);
    if (known !== undefined) return known;
    do {
      this.#wrapped ||= this.#last === LARGEST;
      this.#last = this.#last === LARGEST ? 1 : this.#last + 1;
    } while (this.#toSession.has(this.#last));
    this.#toSession.set(this.#last, sequence);
    this.#toLocal.set(sequence, this.#last);
    for (const oldest of this.#toSession.keys()) {
      if (this.#toSession.size <= REMEMBERED) break;
      this.#forget(oldest);
    }
    return this.#last;
  }

  incoming(local: number): number | undefined | 'unknown' {
    const sequence = this.#forget(local);
    if (sequence !== undefined) return sequence;
    return this.#wrapped || (local >= 1 && local <= this.#last) ? undefined : 'unknown';
  }

  #forget(local: number): number | undefined {
    const sequence = this.#toSession.get(local);
    if (sequence === undefined) return undefined;
    this.#toSession.delete(local);
    this.#toLocal.delete(sequence);
    return sequence;
  }
}
