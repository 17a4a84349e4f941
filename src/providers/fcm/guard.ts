import type { Message, Outcome } from '../../core/index.ts';
import type { Backoff, Random } from '../../lib/backoff.ts';
import { Breaker, type Ticket } from '../../lib/breaker.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { RecentSet } from '../../lib/recent-set.ts';
import { Strikes, type StrikeTicket } from '../../lib/strikes.ts';
import { RETRY_AFTER_MIN_MS } from '../../protocols/http/index.ts';
import type { H2Result } from '../../protocols/http2/index.ts';
import { Hold } from './hold.ts';
import { type Judgement, judge, unavailable } from './outcomes.ts';

/** Between tries while the service takes nothing at all. */
export const TROUBLE_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** So many requests in a row without an answer, and the service counts as gone. */
const MISSES_MAX = 3;
/** Messages that are remembered because the service refused to look at them. */
const REFUSED_MAX = 1_000;

/** What an event means for whoever has to mend it. */
const MEANINGS: Readonly<Record<string, string>> = {
  unauthorized: 'no access token of this account is taken, not even a new one',
  forbidden: 'this account may not send for the project, or the FCM API is not enabled there',
  not_found: 'no such project, or url is not that of FCM',
  redirected: 'sent elsewhere, url is not that of FCM',
};

export interface GuardOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly count: (event: string) => void;
  /** More may be tried than before, or nothing any more. */
  readonly onChange: () => void;
  /** The pause of the project is over. */
  readonly onResume: () => void;
}

/** One message on its way. */
export interface Attempt {
  readonly message: Message;
  readonly ticket: Ticket;
  readonly strike: StrikeTicket;
  /** Monotonic. */
  readonly startedAt: number;
}

/**
 * Says whether the service may be asked, and what its answers mean: for their messages and for all others. A service that
 * takes nothing is left alone but for one probe at a time, a project over its quota pauses. [fcm.md §3.3]
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #breaker: Breaker;
  readonly #hold: Hold;
  /** Requests that got no answer. */
  readonly #misses = new Strikes(MISSES_MAX);
  /** Wire ids of messages that the service has refused to look at. */
  readonly #turnedAway = new RecentSet(REFUSED_MAX);
  /** The trouble that stands in the log. */
  #told: string | undefined;

  constructor(options: GuardOptions) {
    const { clock, random, onResume } = options;
    this.#options = options;
    this.#breaker = new Breaker({ clock, random, backoff: TROUBLE_BACKOFF, onChange: () => this.#onBreaker() });
    this.#hold = new Hold(clock, random, onResume);
  }

  /** How many may try now. */
  get allowance(): number {
    return this.#hold.because === undefined ? this.#breaker.allowance : 0;
  }

  /** Why the service is left alone. */
  get trouble(): string | undefined {
    return this.#breaker.trouble;
  }

  /** Why the project pauses. */
  get held(): string | undefined {
    return this.#hold.because;
  }

  /** An attempt begins; only with allowance. It ends in {@link conclude} or {@link abandon}. */
  enter(message: Message): Attempt {
    return {
      message,
      ticket: this.#breaker.enter(),
      strike: this.#misses.begin(),
      startedAt: this.#options.clock.monotonic(),
    };
  }

  /** The attempt ended without saying anything about the service. */
  abandon({ ticket }: Attempt): void {
    this.#breaker.abandoned(ticket);
  }

  /** Whether it was the access token that was refused, not the message: a new one may help. */
  isUnauthenticated(result: H2Result, { message }: Attempt): boolean {
    if (result.kind !== 'response' || result.response.status !== 401) return false;
    return this.#judge(result, message).kind === 'unauthenticated';
  }

  /** What follows from a result. */
  conclude(attempt: Attempt, result: H2Result): Outcome {
    if (result.kind !== 'response') return this.#missed(attempt, result);
    const { message, ticket, startedAt } = attempt;
    this.#misses.clear();
    const judgement = this.#judge(result, message);
    if (judgement.kind !== 'quota') this.#hold.passed(startedAt);
    switch (judgement.kind) {
      case 'outcome':
        if (judgement.healthy) this.#breaker.succeeded();
        else if (this.trouble !== undefined) this.#breaker.failed(ticket, `HTTP ${result.response.status}`);
        return judgement.outcome;
      case 'quota':
        return this.#overQuota(attempt, judgement.because, judgement.retryAfterMs);
      case 'unauthenticated':
        return this.#refused(ticket, 'unauthorized', judgement.because);
      case 'trouble':
        return this.#refused(ticket, judgement.event, judgement.because);
    }
  }

  /** No more timers. */
  stop(): void {
    this.#breaker.stop();
    this.#hold.stop();
  }

  #judge({ response }: H2Result & { kind: 'response' }, message: Message): Judgement {
    const { clock, random } = this.#options;
    return judge(response, message, clock.now(), random);
  }

  /** No answer. If that is the rule, the whole service is in trouble. */
  #missed({ message, ticket, strike }: Attempt, result: Exclude<H2Result, { kind: 'response' }>): Outcome {
    const isRule = this.#misses.add(strike);
    if (isRule || this.trouble !== undefined) this.#breaker.failed(ticket, `no answers: ${result.because}`);
    if (result.kind === 'refused' && !this.#turnedAway.has(message.wireId)) {
      this.#turnedAway.add(message.wireId);
      return { kind: 'unsent', because: result.because };
    }
    // One that is refused again waits as well: it must not go in circles, nor be the probe each time.
    return unavailable(message, result.because);
  }

  /** Nothing was delivered, and nothing would be: the messages wait until somebody has mended it. */
  #refused(ticket: Ticket, event: string, because: string): Outcome {
    this.#options.count(event);
    this.#breaker.failed(ticket, `${MEANINGS[event] ?? event} (${because})`);
    return { kind: 'unsent', because };
  }

  #overQuota({ message, ticket, startedAt }: Attempt, because: string, askedMs: number | undefined): Outcome {
    const { count, log } = this.#options;
    count('quota');
    this.#breaker.abandoned(ticket);
    const known = this.held !== undefined;
    const delayMs = Math.max(RETRY_AFTER_MIN_MS, this.#hold.begin(startedAt, because, askedMs));
    if (!known) log.warn('project is over its quota, pausing', { because, ms: delayMs });
    return unavailable(message, because, delayMs);
  }

  #onBreaker(): void {
    const { log, onChange } = this.#options;
    const { trouble } = this;
    if (trouble !== undefined && trouble !== this.#told) log.error('service takes nothing, queue held', { trouble });
    if (trouble === undefined && this.#told !== undefined) log.info('delivers again', { after: this.#told });
    this.#told = trouble;
    onChange();
  }
}
