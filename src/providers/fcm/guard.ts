import type { Message, Outcome } from '../../core/index.ts';
import type { Random } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { type Leave, ServiceWatch } from '../../lib/service-watch.ts';
import { RETRY_AFTER_MIN_MS } from '../../protocols/http/index.ts';
import type { H2Result } from '../../protocols/http2/index.ts';
import { Hold } from './hold.ts';
import { type Judgement, judge, unavailable } from './outcomes.ts';

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
  readonly leave: Leave;
  /** Monotonic. */
  readonly startedAt: number;
}

/**
 * Says whether the service may be asked, and what its answers mean: for their messages and for all others. A service that
 * takes nothing is left alone but for one probe at a time, a project over its quota pauses. [fcm.md §3.3]
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #service: ServiceWatch;
  readonly #hold: Hold;

  constructor(options: GuardOptions) {
    const { clock, random, onResume } = options;
    this.#options = options;
    this.#service = new ServiceWatch(options);
    this.#hold = new Hold(clock, random, onResume);
  }

  /** How many may try now. */
  get allowance(): number {
    return this.#hold.because === undefined ? this.#service.allowance : 0;
  }

  /** Why the service is left alone. */
  get trouble(): string | undefined {
    return this.#service.trouble;
  }

  /** What the service says to every message, each of which is tried again; undefined while it takes some. */
  get errors(): string | undefined {
    return this.#service.errors;
  }

  /** Why the project pauses. */
  get held(): string | undefined {
    return this.#hold.because;
  }

  /** An attempt begins; only with allowance. It ends in {@link conclude} or {@link abandon}. */
  enter(message: Message): Attempt {
    return { message, leave: this.#service.begin(), startedAt: this.#options.clock.monotonic() };
  }

  /** The attempt ended without saying anything about the service. */
  abandon({ leave }: Attempt): void {
    this.#service.abandoned(leave);
  }

  /** Whether it was the access token that was refused, not the message: a new one may help. */
  isUnauthenticated(result: H2Result, { message }: Attempt): boolean {
    if (result.kind !== 'response' || result.response.status !== 401) return false;
    return this.#judge(result, message).kind === 'unauthenticated';
  }

  /** What follows from a result. */
  conclude(attempt: Attempt, result: H2Result): Outcome {
    if (result.kind !== 'response') return this.#missed(attempt, result);
    const { message, leave, startedAt } = attempt;
    const judgement = this.#judge(result, message);
    if (judgement.kind !== 'quota') this.#hold.passed(startedAt);
    switch (judgement.kind) {
      case 'outcome':
        if (judgement.error === undefined) this.#service.succeeded();
        else this.#service.erred(leave, judgement.error.because, judgement.error.retryAfterMs);
        return judgement.outcome;
      case 'quota':
        return this.#overQuota(attempt, judgement.because, judgement.retryAfterMs);
      case 'unauthenticated':
        return this.#refused(leave, 'unauthorized', judgement.because);
      case 'trouble':
        return this.#refused(leave, judgement.event, judgement.because);
    }
  }

  /** No more timers. */
  stop(): void {
    this.#service.stop();
    this.#hold.stop();
  }

  #judge({ response }: H2Result & { kind: 'response' }, message: Message): Judgement {
    const { clock, random } = this.#options;
    return judge(response, message, clock.now(), random);
  }

  #missed({ message, leave }: Attempt, { kind, because }: Exclude<H2Result, { kind: 'response' }>): Outcome {
    this.#service.silent(leave, `no answers: ${because}`);
    const again = kind === 'refused' && this.#service.mayRepeat(message.wireId);
    return again ? { kind: 'unsent', because } : unavailable(message, because);
  }

  /** Nothing was delivered, and nothing would be: the messages wait until somebody has mended it. */
  #refused(leave: Leave, event: string, because: string): Outcome {
    this.#options.count(event);
    this.#service.failed(leave, `${MEANINGS[event] ?? event} (${because})`);
    return { kind: 'unsent', because };
  }

  #overQuota({ message, leave, startedAt }: Attempt, because: string, askedMs: number | undefined): Outcome {
    const { count, log } = this.#options;
    count('quota');
    this.#service.abandoned(leave);
    const known = this.held !== undefined;
    const delayMs = Math.max(RETRY_AFTER_MIN_MS, this.#hold.begin(startedAt, because, askedMs));
    if (!known) log.warn('project is over its quota, pausing', { because, ms: delayMs });
    return unavailable(message, because, delayMs);
  }
}
