import { type Leave as ServiceLeave, ServiceWatch, type ServiceWatchOptions } from '../../lib/service-watch.ts';
import { Strikes, type StrikeTicket } from '../../lib/strikes.ts';
import type { H2Result } from '../../protocols/http2/index.ts';
import { type Answer, HOLD_MS } from './outcomes.ts';

/** A connection that knows another key is replaced once; when the next one knows it too, the key is wrong. [fcm.md §4] */
const STRANGERS_MAX = 2;

export interface WatchOptions extends ServiceWatchOptions {
  /** Nothing more goes over the connection with this number. */
  readonly retire: (connection: number, because: string) => void;
}

/** Leave for one request, from all who watch. */
export interface Leave extends ServiceLeave {
  readonly stranger: StrikeTicket;
}

/** Judges the service by its answers: whether it takes messages, or whether all of them have to wait. */
export class Watch {
  readonly #retire: WatchOptions['retire'];
  readonly #service: ServiceWatch;
  readonly #strangers = new Strikes(STRANGERS_MAX);

  constructor(options: WatchOptions) {
    this.#retire = options.retire;
    this.#service = new ServiceWatch(options);
  }

  /** How many may try now. */
  get allowance(): number {
    return this.#service.allowance;
  }

  /** Why nothing is sent, or only one message; undefined while all is well. */
  get trouble(): string | undefined {
    return this.#service.trouble;
  }

  /** What the service says to every message, each of which comes again after a while; undefined while it takes some. */
  get errors(): string | undefined {
    return this.#service.errors;
  }

  /** A request begins; only with allowance. Its leave goes to exactly one of the two below. */
  begin(): Leave {
    return { ...this.#service.begin(), stranger: this.#strangers.begin() };
  }

  /** The service answered, over the connection with this number. */
  answered(answer: Answer, leave: Leave, connection: number): void {
    const { rule, advice, retryAfterMs = 0 } = answer;
    const because = advice === undefined ? answer.because : `${answer.because}: ${advice}`;
    switch (rule) {
      case 'error':
      case 'busy':
        this.#service.erred(leave, because, retryAfterMs);
        return;
      case 'reconnect':
        this.#retire(connection, because);
        this.#service.silent(leave, because);
        return;
      case 'stranger':
        this.#retire(connection, because);
        if (this.#strangers.add(leave.stranger)) this.#service.failed(leave, because);
        else this.#service.abandoned(leave);
        return;
      case 'expired':
      case 'trouble':
        this.#service.failed(leave, because, retryAfterMs);
        return;
      case 'hold':
        this.#service.failed(leave, because, Math.max(retryAfterMs, HOLD_MS));
        return;
      default:
        // Whatever it says about the message: we are let in and answered.
        this.#strangers.clear();
        this.#service.succeeded();
    }
  }

  /**
   * The service gave no answer.
   * @param wireId of the message
   * @returns whether the message was not looked at, and may go again at once
   */
  silent({ kind, because }: Exclude<H2Result, { kind: 'response' }>, leave: Leave, wireId: string): boolean {
    this.#service.silent(leave, `no answers: ${because}`);
    return kind === 'refused' && this.#service.mayRepeat(wireId);
  }

  /** No more timers. */
  stop(): void {
    this.#service.stop();
  }
}
