import type { Clock, Timer } from '../../lib/clock.ts';
import { RecentMap } from '../../lib/recent-map.ts';
import type { PushAnswer } from '../../protocols/unifiedpush/index.ts';
import type { Link } from './link.ts';

/** How a push ended: as it was answered, `silent` without an answer in time, `lost` with its connection. */
export type Landing = PushAnswer | { readonly kind: 'silent' } | { readonly kind: 'lost'; readonly because: string };

/** Pushes whose answer may still come after we have stopped waiting for it, at most. */
const LATE_MAX = 10_000;

interface Flight {
  readonly to: string;
  readonly link: Link;
  readonly timer: Timer;
  readonly land: (landing: Landing) => void;
}

/** What an answer was about. `late`: to a push that is not waited for any more. `unknown`: to nothing of ours. */
export type Answered = 'known' | 'late' | 'unknown';

/** Pushes that wait for their answer. */
export class Flights {
  readonly #clock: Clock;
  readonly #flights = new Map<string, Flight>();
  readonly #late = new RecentMap<{ readonly to: string; answer?: PushAnswer }>(LATE_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Waits at most `ms` milliseconds for what `to` answers to the push with this id, which has just gone out. */
  wait(id: string, to: string, link: Link, ms: number): Promise<Landing> {
    return new Promise((land) => {
      const timer = this.#clock.after(ms, () => {
        this.#late.set(id, { to });
        this.#end(id, { kind: 'silent' });
      });
      this.#flights.set(id, { to, link, timer, land });
    });
  }

  /** An answer has come. Only who was asked may give it: `from` decides. */
  answered(id: string, from: (to: string) => boolean, answer: PushAnswer): Answered {
    const flight = this.#flights.get(id);
    if (flight && from(flight.to)) {
      this.#end(id, answer);
      return 'known';
    }
    const late = this.#late.get(id);
    if (flight || !late || !from(late.to)) return 'unknown';
    late.answer = answer;
    return 'late';
  }

  /** What `to` has answered since to the push with this id, which is then not to be sent again. */
  recall(id: string, to: string): PushAnswer | undefined {
    const late = this.#late.get(id);
    return late?.to === to ? late.answer : undefined;
  }

  /** The connection is gone, and with it the answers that it would have brought. */
  lost(link: Link | 'all', because: string): void {
    for (const [id, flight] of this.#flights) {
      if (link === 'all' || flight.link === link) this.#end(id, { kind: 'lost', because });
    }
  }

  #end(id: string, landing: Landing): void {
    const flight = this.#flights.get(id);
    this.#flights.delete(id);
    flight?.timer.cancel();
    flight?.land(landing);
  }
}
