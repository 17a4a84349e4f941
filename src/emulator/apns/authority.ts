import type { Clock } from '../../lib/clock.ts';
import type { ProviderKeys, ProviderToken } from './provider-keys.ts';
import type { ApnsReason } from './reasons.ts';

/** How long tokens are good, in milliseconds. */
export interface TokenRules {
  readonly token_max_age: number;
  readonly token_update_interval: number;
}

/** The clocks of both sides may differ by so much. */
const MAX_SKEW_MS = 300_000;
const BEARER = /^bearer +(\S+)$/i;

/** What one connection has been told about who pushes on it. [fcm.md §4] */
export class Authority {
  readonly #keys: ProviderKeys;
  readonly #rules: TokenRules;
  readonly #clock: Clock;
  #header: string | undefined;
  #token: ProviderToken | undefined;

  constructor(keys: ProviderKeys, rules: TokenRules, clock: Clock) {
    this.#keys = keys;
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Why a request with this `authorization` must not push; undefined if it may. */
  objection(header: string | undefined): ApnsReason | undefined {
    if (header === undefined) return 'MissingProviderToken';
    const same = header === this.#header ? this.#token : undefined;
    const token = same ?? this.#keys.read(BEARER.exec(header)?.[1] ?? '');
    const now = this.#clock.now();
    if (!token || token.issuedAt * 1_000 > now + MAX_SKEW_MS) return 'InvalidProviderToken';
    const first = this.#token;
    if (first && token.team !== first.team) return 'InvalidProviderToken';
    if (first && token.keyId !== first.keyId) return 'UnrelatedKeyIdInToken';
    if (now - token.issuedAt * 1_000 > this.#rules.token_max_age) return 'ExpiredProviderToken';
    if (same) return undefined;
    if (first && this.#tooSoon(first, token)) return 'TooManyProviderTokenUpdates';
    this.#header = header;
    this.#token = token;
    return undefined;
  }

  /** By the moments of issue: a connection that is opened shortly before an update has not been updated twice. */
  #tooSoon(first: ProviderToken, token: ProviderToken): boolean {
    const apart = (token.issuedAt - first.issuedAt) * 1_000;
    return apart >= 0 && apart < this.#rules.token_update_interval;
  }
}
