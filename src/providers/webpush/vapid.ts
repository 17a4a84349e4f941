import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { RecentMap } from '../../lib/recent-map.ts';

/** [RFC 8292 §2] A token must not be good for more than 24 hours; half of it leaves room for clocks that go wrong. */
const LIFE_MS = 12 * 3_600_000;
/** A token that ends so soon is not used any more. */
const SPARE_MS = 3_600_000;
/** Push services whose token is kept. */
const ORIGINS_MAX = 1_000;

/** What messages are signed with. */
export interface VapidKey {
  readonly privateKey: KeyObject;
  /** The public half, uncompressed, in base64url: 87 characters. Endpoints are made for it. */
  readonly publicKey: string;
}

/**
 * Reads a private key, PEM or JWK.
 * @throws Error that says what it is instead
 */
export function readVapidKey(text: string): VapidKey {
  const privateKey = parse(text);
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = privateKey;
  if (type !== 'ec' || details?.namedCurve !== 'prime256v1') {
    throw new Error(`must be an EC key on the curve P-256, not ${details?.namedCurve ?? type}`);
  }
  const { x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const point = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  return { privateKey, publicKey: Buffer.concat(point).toString('base64url') };
}

function parse(text: string): KeyObject {
  try {
    if (!text.trimStart().startsWith('{')) return createPrivateKey({ key: text, format: 'pem' });
    return createPrivateKey({ key: JSON.parse(text), format: 'jwk' });
  } catch {
    throw new Error('is no readable private key, neither PEM nor JWK'); // What the library says may show the key.
  }
}

export interface VapidOptions {
  /** The wall clock as it is: push services compare times with theirs. */
  readonly wall: Pick<Clock, 'now'>;
  readonly key: VapidKey;
  readonly subject: string;
}

/** Tells push services who sends: one signed token for each of them, kept for hours. [RFC 8292] */
export class Vapid {
  readonly #options: VapidOptions;
  readonly #signed = new RecentMap<{ readonly header: string; readonly expiresAt: number }>(ORIGINS_MAX);

  constructor(options: VapidOptions) {
    this.#options = options;
  }

  /** The value of `Authorization` for requests to this origin. */
  header(origin: string): string {
    const now = this.#options.wall.now();
    const known = this.#signed.get(origin);
    // A clock that was set back makes a token that seems to live too long.
    if (known && known.expiresAt - now > SPARE_MS && known.expiresAt - now <= LIFE_MS) return known.header;
    const expiresAt = now + LIFE_MS;
    const header = this.#sign(origin, Math.floor(expiresAt / 1_000));
    this.#signed.set(origin, { header, expiresAt });
    return header;
  }

  /** The service did not like the token: the next one is signed anew. */
  forget(origin: string): void {
    this.#signed.delete(origin);
  }

  #sign(aud: string, exp: number): string {
    const { key, subject } = this.#options;
    const text = `${encoded({ typ: 'JWT', alg: 'ES256' })}.${encoded({ aud, exp, sub: subject })}`;
    // [RFC 7518 §3.4] the two numbers of the signature side by side, not in DER
    const signature = sign('sha256', Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    return `vapid t=${text}.${signature.toString('base64url')}, k=${key.publicKey}`;
  }
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
