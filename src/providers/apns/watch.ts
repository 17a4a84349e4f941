import type { Backoff, Random } from '../../lib/backoff.ts';
import { Breaker, type Ticket } from '../../lib/breaker.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { Strikes, type StrikeTicket } from '../../lib/strikes.ts';
import { type Answer, HOLD_MS } from './outcomes.ts';

/** Between tries while the service refuses everything. */
const TROUBLE_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** So many times in a row without a usable answer, and the queue waits. */
const SILENCES_MAX = 3;
/** So many errors in a row, and nothing else, are worth a word. */
const ERRORS_TOLD = 10;
/** A connection that knows another key is replaced once; when the next one knows it too, the key is wrong. [fcm.md §4] */
const STRANGERS_MAX = 2;

export interface WatchOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Counts `trouble`. */
  readonly count: (event: string) => void;
  /** More may be tried than before, or nothing any more. */
  readonly onChange: () => void;
  /** Nothing more goes over the connection with this number. */
  readonly retire: (connection: number, because: string) => void;
}

/** Leave for one request, from all who watch. */
export interface Leave {
  readonly ticket: Ticket;
  readonly silence: StrikeTicket;
  readonly stranger: StrikeTicket;
}

/** Judges the service by its answers: whether it takes messages, or whether all of them have to wait. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #breaker: Breaker;
  readonly #silences = new Strikes(SILENCES_MAX);
  readonly #strangers = new Strikes(STRANGERS_MAX);
  /** Answers in a row that were errors of the service. */
  #errors = 0;
  #lastError = '';
  /** The trouble that stands in the log: its end has to stand there too. */
  #told: string | undefined;

  constructor(options: WatchOptions) {
    const { clock, random } = options;
    this.#options = options;
    this.#breaker = new Breaker({ clock, random, backoff: TROUBLE_BACKOFF, onChange: () => this.#changed() });
  }

  /** How many may try now. */
  get allowance(): number {
    return this.#breaker.allowance;
  }

  /** Why nothing is sent, or only one message; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#breaker.trouble;
  }

  /** What the service says to every message, each of which comes again after a while; undefined while it takes some. */
  get errors(): string | undefined {
    return this.#errors >= ERRORS_TOLD ? this.#lastError : undefined;
  }

  /** A request begins; only with allowance. Its leave goes to exactly one of the two below. */
  begin(): Leave {
    return {
      ticket: this.#breaker.enter(),
      silence: this.#silences.begin(),
      stranger: this.#strangers.begin(),
    };
  }

  /** The service answered, over the connection with this number. */
  answered(answer: Answer, leave: Leave, connection: number): void {
    const { rule, advice, retryAfterMs = 0 } = answer;
    const { ticket } = leave;
    const because = advice === undefined ? answer.because : `${answer.because}: ${advice}`;
    switch (rule) {
      case 'error':
      case 'busy':
        this.#failing(because);
        // A service that was given up is not back before it does something.
        if (this.trouble !== undefined) this.#fail(ticket, because, retryAfterMs);
        return;
      case 'reconnect':
        this.#options.retire(connection, because);
        this.silent(leave, because);
        return;
      case 'stranger':
        this.#options.retire(connection, because);
        if (this.#strangers.add(leave.stranger)) this.#fail(ticket, because);
        else this.#breaker.abandoned(ticket);
        return;
      case 'expired':
      case 'trouble':
        this.#fail(ticket, because, retryAfterMs);
        return;
      case 'hold':
        this.#fail(ticket, because, Math.max(retryAfterMs, HOLD_MS));
        return;
      default:
        // Whatever it says about the message: we are let in and answered.
        this.#errors = 0;
        this.#silences.clear();
        this.#strangers.clear();
        this.#breaker.succeeded();
    }
  }

  /** The service gave no answer that means something. Once is chance, several times in a row are trouble. */
  silent({ ticket, silence }: Leave, because: string): void {
    if (this.#silences.add(silence)) this.#fail(ticket, because);
    else this.#breaker.abandoned(ticket);
  }

  /** No more timers. */
  stop(): void {
    this.#breaker.stop();
  }

  #failing(because: string): void {
    this.#lastError = because;
    if (++this.#errors === ERRORS_TOLD) this.#options.log.warn('nothing but errors from the service', { because });
  }

  /** Nothing more is sent until a try succeeds; what was not delivered waits in the queue. */
  #fail(ticket: Ticket, because: string, minMs = 0): void {
    if (!this.#breaker.failed(ticket, because, minMs)) return;
    this.#options.count('trouble');
    if (because === this.#told) return;
    this.#told = because;
    this.#options.log.error('the service refuses everything, messages wait', { because });
  }

  #changed(): void {
    if (this.trouble === undefined && this.#told !== undefined) {
      this.#options.log.info('the service takes messages again', { after: this.#told });
      this.#told = undefined;
    }
    this.#options.onChange();
  }
}
