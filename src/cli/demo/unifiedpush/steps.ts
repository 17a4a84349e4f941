import { type Clock, every } from '../../../lib/clock.ts';
import type { Io } from '../../command.ts';
import { writeText } from '../../output.ts';

/** How often a step that is under way is shown on a terminal, in milliseconds. */
const PROGRESS_MS = 100;
/** Leads back to the beginning of the line and empties it. */
const ANEW = '\r\x1b[K';

/** What happens, line by line; on a terminal the last line moves. */
export class Steps {
  readonly #io: Io;
  readonly #clock: Clock;
  readonly #live: boolean;

  constructor(io: Io, clock: Clock) {
    this.#io = io;
    this.#clock = clock;
    this.#live = 'isTTY' in io.stdout && io.stdout.isTTY === true;
  }

  say(text: string): Promise<unknown> {
    return writeText(this.#io.stdout, `${text}\n`);
  }

  /** Does the work and says that it went well; if it rejects, says that it did not and rejects too. */
  async step(what: string, work: () => Promise<void>, progress: () => string = () => ''): Promise<void> {
    const show = (): void => void this.#io.stdout.write(`${ANEW}  …   ${what} ${progress()}`);
    if (this.#live) show();
    const ticker = every(this.#clock, PROGRESS_MS, this.#live ? show : () => {}, () => {});
    try {
      await work();
      await this.#end(`  ok  ${what}`, ticker);
    } catch (error) {
      await this.#end(`  no  ${what}`, ticker);
      throw error;
    }
  }

  async #end(line: string, ticker: { cancel(): void }): Promise<void> {
    ticker.cancel();
    await this.say(`${this.#live ? ANEW : ''}${line}`);
  }
}

/** Holds what is against what should be. */
export function expect<T>(what: string, is: T, should: T): void {
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`);
}
