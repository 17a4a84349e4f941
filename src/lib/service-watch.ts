import type { Backoff, Random } from './backoff.ts';
import { Breaker, type Ticket } from './breaker.ts';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import { RecentSet } from './recent-set.ts';
import { Strikes, type StrikeTicket } from './strikes.ts';

/** Between tries while the service takes nothing. */
const TROUBLE_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** So many times in a row without an answer, and the service counts as gone. */
const SILENCES_MAX = 3;
/** So many errors in a row, and nothing else, are worth a word. */
const ERRORS_TOLD = 10;
/** Requests that are remembered because the service refused to look at them. */
const UNSEEN_MAX = 1_000;

export interface ServiceWatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Counts `trouble`: each time that the service is left alone. */
  readonly count: (event: 'trouble') => void;
  /** More may be tried than before, or nothing any more. */
  readonly onChange: () => void;
}

/** Leave for one request; see {@link ServiceWatch.begin}. */
export interface Leave {
  readonly ticket: Ticket;
  readonly silence: StrikeTicket;
}

/**
 * Judges a service by what becomes of requests. One that takes nothing, or gives no answers, is left alone but for one
 * request at a time, until that one goes well; the log says so, and when it is over.
 */
export class ServiceWatch {
  readonly #options: ServiceWatchOptions;
  readonly #breaker: Breaker;
  readonly #silences = new Strikes(SILENCES_MAX);
  readonly #unseen = new RecentSet(UNSEEN_MAX);
  /** Answers in a row that were errors of the service. */
  #errors = 0;
  #lastError = '';
  /** The trouble that stands in the log: its end has to stand there too. */
  #told: string | undefined;

  constructor(options: ServiceWatchOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#breaker = new Breaker({ clock, random, backoff: TROUBLE_BACKOFF, onChange: () => this.#changed() });
  }

  /** How many may try now. */
  get allowance(): number {
    return this.#breaker.allowance;
  }

  /** Why nothing is tried, or only one request; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#breaker.trouble;
  }

  /** What the service says to every request, although it is asked again and again; undefined while it takes some. */
  get errors(): string | undefined {
    return this.#errors >= ERRORS_TOLD ? this.#lastError : undefined;
  }

  /** A request begins; only with allowance. Its leave goes to one of those below, or nowhere if the service works. */
  begin(): Leave {
    return { ticket: this.#breaker.enter(), silence: this.#silences.begin() };
  }

  /** The service works, whatever it thinks of this request. */
  succeeded(): void {
    this.#errors = 0;
    this.#silences.clear();
    this.#breaker.succeeded();
  }

  /**
   * The answer is an error of the service: no trouble by itself, but a service that was given up is not back before it does
   * something.
   * @param minMs in that case: not before so many milliseconds
   */
  erred(leave: Leave, because: string, minMs = 0): void {
    this.#silences.clear();
    this.#lastError = because;
    if (++this.#errors === ERRORS_TOLD) this.#options.log.warn('nothing but errors from the service', { because });
    if (this.trouble !== undefined) this.failed(leave, because, minMs);
  }

  /**
   * The service would refuse every request: nothing more is tried until it is time for one.
   * @param minMs not before so many milliseconds
   */
  failed({ ticket }: Leave, because: string, minMs = 0): void {
    if (this.#breaker.failed(ticket, because, minMs)) this.#options.count('trouble');
  }

  /** No answer. Once is chance; several times in a row, or from a service that was given up, are trouble. */
  silent(leave: Leave, because: string): void {
    if (this.#silences.add(leave.silence) || this.trouble !== undefined) this.failed(leave, because);
  }

  /** The request ended without saying anything about the service: another one may be tried. */
  abandoned({ ticket }: Leave): void {
    this.#breaker.abandoned(ticket);
  }

  /**
   * The service refused to look at a request. It may be sent again at once the first time; when it is refused again, it has
   * to wait as if it was lost: otherwise it goes in circles, and is the one that is tried each time.
   * @param id of what the request carries, the same in each repeat
   */
  mayRepeat(id: string): boolean {
    if (this.#unseen.has(id)) return false;
    this.#unseen.add(id);
    return true;
  }

  /** No more timers, whatever still ends. */
  stop(): void {
    this.#breaker.stop();
  }

  #changed(): void {
    const { log, onChange } = this.#options;
    const { trouble } = this;
    if (trouble !== undefined && trouble !== this.#told) {
      log.error('service takes nothing, queue held', { because: trouble });
    }
    if (trouble === undefined && this.#told !== undefined) log.info('service works again', { after: this.#told });
    this.#told = trouble;
    onChange();
  }
}
