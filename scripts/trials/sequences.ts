import type { Findings } from './findings.ts';

/**
 * The sequence numbers of one session as its backends see them. [BAL §Frames] Counted from 1, never used twice, growing:
 * a number keeps its content for ever, every number is seen at last, and what is new has a number above all those that
 * were seen before it was asked for.
 */
export class SequenceBook {
  readonly #session: string;
  readonly #findings: Findings;
  /** Content by number, as long as it may be repeated. */
  readonly #contents = new Map<number, { content: string; at: number }>();
  /** Every number up to this one was seen. */
  #upTo = 0;
  /** Numbers seen beyond it. */
  readonly #beyond = new Set<number>();
  /** The greatest number seen. */
  max = 0;

  constructor(session: string, findings: Findings) {
    this.#session = session;
    this.#findings = findings;
  }

  /**
   * A frame with this number has come.
   * @param floor what {@link max} was when its cause came into the world
   * @returns whether the number is new
   */
  seen(sequence: number, content: string, floor: number, now: number): boolean {
    const known = this.#contents.get(sequence);
    const tell = (what: string) => () => `${this.#session} ${sequence} (${content}): ${what}`;
    if (known) {
      this.#findings.check('identity', known.content === content, tell(`was ${known.content} before`));
      known.at = now;
      return false;
    }
    const spent = sequence <= this.#upTo || this.#beyond.has(sequence);
    this.#findings.check('identity', !spent, tell('came long after it was acknowledged, or for something else'));
    if (spent) return false;
    this.#findings.check('identity', sequence > floor, tell(`is not above ${floor}, which was there before it`));
    this.#contents.set(sequence, { content, at: now });
    this.#beyond.add(sequence);
    while (this.#beyond.delete(this.#upTo + 1)) this.#upTo++;
    this.max = Math.max(this.max, sequence);
    return true;
  }

  /** Forgets the contents of numbers that were last seen before `then`. */
  forget(then: number): void {
    for (const [sequence, { at }] of this.#contents) if (at < then) this.#contents.delete(sequence);
  }

  /** Numbers whose content is remembered. */
  get size(): number {
    return this.#contents.size;
  }

  /** Nothing more comes: a number that was never seen was a frame that got lost. */
  close(): void {
    const missing = this.max - this.#upTo - this.#beyond.size;
    this.#findings.check(
      'identity',
      missing === 0,
      () => `${this.#session}: ${missing} of ${this.max} numbers were never seen, the first is ${this.#upTo + 1}`,
    );
  }
}
