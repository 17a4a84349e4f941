import { type Backoff, equalJitter, fullJitter, type Random } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { type Log, reason } from '../../lib/log.ts';
import { LoginError, type LoginFault } from '../../protocols/xmpp/index.ts';

/** Between logins that failed. The first try after a drop that followed a login comes at once. [fcm.md §1.10] */
export const LOGIN_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** Between logins with credentials that were refused: they get better only by hand, and abuse may get us blocked. */
export const AUTH_BACKOFF: Backoff = { baseMs: 10_000, capMs: 60_000 };
/** A connection that lived so long, or settled anything, was a good one. */
const PROVEN_MS = 10_000;

/** Why there are no logins now. */
export interface Trouble {
  readonly fault: LoginFault | 'dropped';
  readonly because: string;
}

/** What the gate wants to know of a connection. */
export interface Connection {
  /** On the monotonic clock. */
  readonly openedAt: number;
  /** Whether it settled anything. */
  readonly useful: boolean;
}

/** Leave for one login. */
export interface Leave {
  /** The others wait for its result. */
  readonly alone: boolean;
}

/**
 * The door to the login: says when the next one may be tried. All connections of a provider share one, because they all
 * go to the same service: while logins fail, there is one at a time, with growing pauses.
 */
export class LoginGate {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Log;
  #failures = 0;
  /** Connections in a row that ended before they were of any use. */
  #futile = 0;
  #futileAt = Number.NEGATIVE_INFINITY;
  #trouble: Trouble | undefined;
  /** Somebody tries alone, or waits to. */
  #occupied = false;
  #wake: () => void = () => {};
  #changed = Promise.withResolvers<void>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, random: Random, log: Log) {
    this.#clock = clock;
    this.#random = random;
    this.#log = log;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Waits for leave to try. Undefined if there will be no more tries. */
  async enter(): Promise<Leave | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      if (this.#failures === 0) return { alone: false };
      if (!this.#occupied) break;
      await this.#changed.promise;
    }
    this.#occupied = true;
    const auth = this.#trouble?.fault === 'auth';
    const ms = (auth ? equalJitter : fullJitter)(this.#failures - 1, auth ? AUTH_BACKOFF : LOGIN_BACKOFF, this.#random);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#clock.after(ms, resolve);
    });
    this.#timer?.cancel();
    if (!this.#closed) return { alone: true };
    this.#occupied = false;
    return undefined;
  }

  /** A login succeeded: the others may go at once. */
  succeeded(leave: Leave): void {
    if (leave.alone) this.#occupied = false;
    this.#failures = 0;
    if (this.#trouble) this.#log.info('logged in again', { after: this.#trouble.because });
    this.#trouble = undefined;
    this.#tell();
  }

  /** A login failed. Logged when it is another trouble than before, not every time. */
  failed(leave: Leave, error: unknown): void {
    if (leave.alone) this.#occupied = false;
    // Logins that were under way together fail together: that is one failure.
    if (leave.alone || this.#failures === 0) this.#failures++;
    const fault = error instanceof LoginError ? error.fault : 'unreachable';
    if (!this.#closed) this.#blame({ fault, because: reason(error) });
    this.#release();
  }

  /** A connection that had logged in is lost, or drains. */
  dropped({ openedAt, useful }: Connection): void {
    const now = this.#clock.monotonic();
    if (useful || now - openedAt >= PROVEN_MS) {
      this.#futile = 0;
      return;
    }
    if (openedAt < this.#futileAt) return;
    this.#futileAt = now;
    this.#futile++;
    // Once may happen; a service that takes logins and ends them at once is one that refuses us.
    if (this.#futile < 2) return;
    this.#failures = Math.max(this.#failures, this.#futile - 1);
    this.#blame({ fault: 'dropped', because: 'the server drops or drains connections right after the login' });
  }

  /** No more logins: everybody who waits is told. */
  close(): void {
    this.#closed = true;
    this.#tell();
  }

  #blame(trouble: Trouble): void {
    const known = this.#trouble?.fault === trouble.fault && this.#trouble.because === trouble.because;
    this.#trouble = trouble;
    if (known) return;
    const facts = { fault: trouble.fault, because: trouble.because };
    // Both get better only by hand.
    if (trouble.fault === 'auth') this.#log.error('login refused', facts);
    else if (trouble.fault === 'certificate') this.#log.error('certificate refused', facts);
    else this.#log.warn('login failed', facts);
  }

  /** Lets the next one in to wait alone. */
  #release(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** The same, and ends the pause of the one inside. */
  #tell(): void {
    this.#wake();
    this.#release();
  }
}
