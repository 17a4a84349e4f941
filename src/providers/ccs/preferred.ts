import type { Flight } from './flights.ts';
import { ruleOf } from './outcomes.ts';

/** Messages remembered at most; beyond, the oldest go wherever there is room. */
export const PREFERRED_MAX = 10_000;

/** On which lane a message was last refused for a moment: its next attempt prefers the same connection. [fcm.md §1.6] */
export class Preferred {
  readonly #lanes = new Map<string, number>();

  /** `flight`, whose lane is remembered if the answer says that the next attempt shall go there too. */
  heeding({ message, resolve }: Flight, lane: number): Flight {
    return {
      message,
      resolve: (outcome) => {
        if (outcome.kind === 'later' && ruleOf(outcome.code) === 'message') this.remember(message.wireId, lane);
        resolve(outcome);
      },
    };
  }

  remember(wireId: string, lane: number): void {
    this.#lanes.set(wireId, lane);
    const [oldest] = this.#lanes.keys();
    if (this.#lanes.size > PREFERRED_MAX && oldest !== undefined) this.#lanes.delete(oldest);
  }

  /** The lane of this message, once. */
  recall(wireId: string): number | undefined {
    if (this.#lanes.size === 0) return undefined;
    const lane = this.#lanes.get(wireId);
    this.#lanes.delete(wireId);
    return lane;
  }
}
