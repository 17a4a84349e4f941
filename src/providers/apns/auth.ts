import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import { TOKEN_AGE_MIN_MS } from './options.ts';

/** A wall clock that went so far from the steady one was set, in milliseconds. */
const CLOCK_SET_MS = 60_000;

/**
 * The signing key of a .p8 file: PKCS#8 in PEM, on the curve P-256. [fcm.md §4]
 * @throws Error that says what it is instead
 */
export function readSigningKey(pem: string): KeyObject {
  if (!pem.includes('-----BEGIN PRIVATE KEY-----')) throw new Error('is no PKCS#8 key in PEM, as .p8 files are');
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw new Error(`is no readable key: ${reason(cause)}`, { cause });
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return key;
  throw new Error(`must be an EC key on the curve P-256, not ${details?.namedCurve ?? type}`);
}

export interface ProviderTokenOptions {
  readonly clock: Clock;
  /** The wall clock as it is: Apple compares the time of signing with its own. */
  readonly wall: Pick<Clock, 'now'>;
  readonly key: KeyObject;
  readonly keyId: string;
  readonly teamId: string;
  /** A token is signed anew after so long, in milliseconds. */
  readonly ageMs: number;
}

interface Signed {
  readonly text: string;
  /** When it was signed, on the wall clock and on the steady one. */
  readonly wallAt: number;
  readonly at: number;
}

/**
 * The token that all requests of a provider share. Apple takes one for an hour, and a new one every 20 minutes at the most:
 * nothing but its age, or a refusal for its age, makes another. One provider has one key of one team, so that no
 * connection ever sees two. [fcm.md §4]
 */
export class ProviderToken {
  readonly #options: ProviderTokenOptions;
  #signed: Signed | undefined;

  constructor(options: ProviderTokenOptions) {
    this.#options = options;
  }

  /** The present token; a new one if that is too old. */
  current(): string {
    if (!this.#signed || this.#age(this.#signed) >= this.#options.ageMs) this.#signed = this.#sign();
    return this.#signed.text;
  }

  /**
   * Apple refused this token as expired.
   * @returns whether there is a better one to try: a younger one, or one signed after the clock was set
   */
  refused(text: string): boolean {
    const signed = this.#signed;
    if (signed?.text !== text) return true; // another request has found out before
    if (this.#age(signed) < TOKEN_AGE_MIN_MS && !this.#clockWasSet(signed)) return false;
    this.#signed = this.#sign();
    return true;
  }

  /** Age of the present token in milliseconds; undefined before the first. */
  get ageMs(): number | undefined {
    return this.#signed && this.#age(this.#signed);
  }

  /** Whichever clock saw more time pass: the steady one stands still while the machine sleeps. */
  #age({ at, wallAt }: Signed): number {
    const { clock, wall } = this.#options;
    return Math.max(clock.monotonic() - at, wall.now() - wallAt);
  }

  #clockWasSet({ at, wallAt }: Signed): boolean {
    const { clock, wall } = this.#options;
    return Math.abs(wall.now() - wallAt - (clock.monotonic() - at)) >= CLOCK_SET_MS;
  }

  #sign(): Signed {
    const { clock, wall, key, keyId, teamId } = this.#options;
    const wallAt = wall.now();
    const claims = { iss: teamId, iat: Math.floor(wallAt / 1_000) };
    const text = `${encoded({ alg: 'ES256', kid: keyId })}.${encoded(claims)}`;
    // [RFC 7518 §3.4] the two numbers of the signature side by side, not in DER
    const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
    return { text: `${text}.${signature.toString('base64url')}`, wallAt, at: clock.monotonic() };
  }
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
