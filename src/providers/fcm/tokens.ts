import { type Backoff, equalJitter, type Random } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import type { FreshToken, TokenSource } from './auth.ts';

/** Between requests for a token that failed. */
export const TOKEN_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };
/** A token is replaced so long before its end, in milliseconds; one with a short life after half of it. */
export const REFRESH_AHEAD_MS = 300_000;

export interface AccessTokensOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly source: TokenSource;
  /** There is a token, or there is none any more, or another trouble. */
  readonly onChange: () => void;
  /** Counts `token` and `token_failed`. */
  readonly count: (event: string) => void;
}

/** The access token that all requests share: replaced ahead of its end, by one request at a time. */
export class AccessTokens {
  readonly #options: AccessTokensOptions;
  #token: FreshToken | undefined;
  /** On the monotonic clock. */
  #endsAt = 0;
  #failures = 0;
  #trouble: string | undefined;
  #asking: Promise<void> | undefined;
  /** The next request, ahead of the end or after a failure. */
  #next: Timer | undefined;
  #end: Timer | undefined;
  readonly #stopped = new AbortController();

  constructor(options: AccessTokensOptions) {
    this.#options = options;
  }

  /** The token to use now, if there is one. */
  get current(): FreshToken | undefined {
    return this.expiresInMs > 0 ? this.#token : undefined;
  }

  /** Milliseconds until the end of the token, 0 without one. */
  get expiresInMs(): number {
    return this.#token ? Math.max(0, this.#endsAt - this.#options.clock.monotonic()) : 0;
  }

  /** Why the last request for a token failed; undefined once one has succeeded. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Asks for the first token. */
  start(): void {
    void this.#ask();
  }

  /**
   * The service does not take `stale`: it is used no more. Resolves with the token that follows it, which may be there
   * already, or with undefined if none can be had now. Never rejects.
   */
  async renew(stale: FreshToken): Promise<FreshToken | undefined> {
    if (this.#token === stale) {
      this.#token = undefined;
      this.#options.onChange();
      // While requests fail, the pauses between them count: the next one is on its way.
      if (this.#failures === 0) void this.#ask();
    }
    await this.#asking;
    return this.current;
  }

  /** No more requests; one that is under way is given up. */
  stop(): void {
    this.#stopped.abort();
    this.#next?.cancel();
    this.#end?.cancel();
  }

  /** One at a time: whoever asks meanwhile gets the same. */
  #ask(): Promise<void> {
    this.#next?.cancel();
    this.#asking ??= this.#request().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #request(): Promise<void> {
    const { clock, random, source, count, onChange } = this.#options;
    try {
      const fresh = await source(this.#stopped.signal);
      if (this.#stopped.signal.aborted) return;
      this.#token = fresh;
      this.#endsAt = clock.monotonic() + fresh.lifeMs;
      this.#failures = 0;
      this.#trouble = undefined;
      this.#next = clock.after(fresh.lifeMs - Math.min(REFRESH_AHEAD_MS, fresh.lifeMs / 2), () => void this.#ask());
      this.#end?.cancel();
      this.#end = clock.after(fresh.lifeMs, onChange);
      count('token');
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#trouble = reason(error);
      this.#next = clock.after(equalJitter(this.#failures++, TOKEN_BACKOFF, random), () => void this.#ask());
      count('token_failed');
    }
    onChange();
  }
}
