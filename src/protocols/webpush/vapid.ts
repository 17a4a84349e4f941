import { createHash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import { RecentMap } from '../../lib/recent-map.ts';
import type { VapidCredentials } from './authorization.ts';
import { readVapidKey } from './vapid-key.ts';

/** A token ends at most so long after it is shown, in seconds. [RFC 8292 §2] */
const LIFE_MAX_S = 86_400;
/** How far the clocks of who signs and who checks may be apart, in seconds: many sign for the full 24 hours. */
const SKEW_S = 300;
/** Tokens that were good are not checked anew as long as they last; so many are remembered. */
const REMEMBERED = 10_000;

export interface VapidVerifierOptions {
  /** The origin of the endpoints, which tokens must be meant for. */
  readonly audience: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** Checks who signed a push. */
export class VapidVerifier {
  readonly #audience: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #good = new RecentMap<{ readonly exp: number }>(REMEMBERED);

  constructor({ audience, clock }: VapidVerifierOptions) {
    this.#audience = audience;
    this.#clock = clock;
  }

  /** What is wrong with a signature, in words for who sent it; undefined if it is good. [RFC 8292 §2] */
  async problem({ token, key }: VapidCredentials): Promise<string | undefined> {
    const digest = createHash('sha256').update(`${key} ${token}`).digest('base64url');
    const now = this.#clock.now() / 1_000;
    const known = this.#good.get(digest);
    if (known) return known.exp + SKEW_S > now ? undefined : EXPIRED;
    const checked = await this.#check({ token, key }, now);
    if (typeof checked === 'string') return checked;
    this.#good.set(digest, checked);
    return undefined;
  }

  async #check({ token, key }: VapidCredentials, now: number): Promise<{ readonly exp: number } | string> {
    const publicKey = readVapidKey(key);
    if (!publicKey) return 'k is no key of P-256';
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        algorithms: ['ES256'],
        audience: this.#audience,
        requiredClaims: ['aud', 'exp'],
        clockTolerance: SKEW_S,
        currentDate: new Date(now * 1_000),
      });
      const { exp = 0 } = payload;
      return exp > now + LIFE_MAX_S + SKEW_S ? 'exp is more than 24 hours away' : { exp };
    } catch (error) {
      return this.#problemOf(error);
    }
  }

  #problemOf(error: unknown): string {
    if (error instanceof errors.JWTExpired) return EXPIRED;
    if (error instanceof errors.JWTClaimValidationFailed) {
      return error.claim === 'aud' ? `aud must be ${this.#audience}` : `${error.claim} is not good`;
    }
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'it is not signed with the key k';
    return 'it is no JWT signed with ES256';
  }
}

const EXPIRED = 'exp is over';
