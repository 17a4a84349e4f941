import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { type Jwt, readJwt, signedBy } from '../jwt.ts';

/** A service account as Google's console writes it into a file. */
export interface ServiceAccount {
  readonly type: 'service_account';
  readonly project_id: string;
  readonly private_key_id: string;
  /** PKCS#8 PEM. */
  readonly private_key: string;
  readonly client_email: string;
  readonly client_id: string;
  readonly token_uri: string;
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** What Google's own clients name as audience, wherever they fetch the token. [fcm.md §3.1] */
const GOOGLE_AUDIENCE = 'https://oauth2.googleapis.com/token';
const SCOPES = ['firebase.messaging', 'cloud-platform'].map((name) => `https://www.googleapis.com/auth/${name}`);
const MAX_LIFETIME_S = 3_600;
/** The clocks of both sides may differ by so much. */
const MAX_SKEW_S = 300;
/** Access tokens that are good at a time; beyond them the oldest ends. */
const MAX_TOKENS = 10_000;

/** A token, or why there is none, as OAuth says it. [RFC 6749 §5.2] */
export type Grant =
  | { readonly token: string; readonly expiresInS: number }
  | { readonly error: string; readonly description: string };

/** The key of a new service account, PKCS#8 PEM; RSA of 2048 bits takes a moment. */
export function generateServiceKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The access tokens of one service account. */
export class Access {
  readonly email: string;
  readonly keyId = randomBytes(20).toString('hex');
  readonly #privatePem: string;
  readonly #key: KeyObject;
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  /** Headers that are let in, and when they are no more, in monotonic milliseconds. */
  readonly #bearers = new Map<string, number>();

  /** @param privatePem PKCS#8 PEM of an RSA key */
  constructor(project: string, privatePem: string, lifetimeMs: number, clock: Clock) {
    this.email = `emulator@${project}.iam.gserviceaccount.com`;
    this.#privatePem = privatePem;
    this.#key = createPublicKey(createPrivateKey(privatePem));
    this.#lifetimeMs = lifetimeMs;
    this.#clock = clock;
  }

  account(project: string, tokenUri: string): ServiceAccount {
    return {
      type: 'service_account',
      project_id: project,
      private_key_id: this.keyId,
      private_key: this.#privatePem,
      client_email: this.email,
      client_id: '100000000000000000000',
      token_uri: tokenUri,
    };
  }

  /** Whether this `authorization` lets in. */
  admits(authorization: string | undefined): boolean {
    const until = authorization === undefined ? undefined : this.#bearers.get(authorization);
    return until !== undefined && this.#clock.monotonic() < until;
  }

  /** No token that was given out is good any more. */
  expireAll(): void {
    this.#bearers.clear();
  }

  /** Answers a form sent to the token endpoint. [RFC 7523 §2.1] */
  grant(form: string, tokenUri: string): Grant {
    const parameters = new URLSearchParams(form);
    if (parameters.get('grant_type') !== GRANT_TYPE) return no('unsupported_grant_type', `must be ${GRANT_TYPE}`);
    const jwt = readJwt(parameters.get('assertion') ?? '');
    if (!jwt) return no('invalid_request', 'the assertion is no JWT');
    return this.#problem(jwt, tokenUri) ?? this.#issue();
  }

  #problem(jwt: Jwt, tokenUri: string): Grant | undefined {
    const { iss, aud, iat, exp, scope } = jwt.claims;
    if (iss !== this.email) return no('invalid_grant', 'Invalid issuer: not a valid email or user ID.');
    if (!signedBy(jwt, 'RS256', this.#key)) return no('invalid_grant', 'Invalid JWT Signature.');
    if (aud !== tokenUri && aud !== GOOGLE_AUDIENCE) return no('invalid_grant', 'Invalid JWT: Failed audience check.');
    const now = this.#clock.now() / 1_000;
    if (typeof iat !== 'number' || typeof exp !== 'number' || iat > now + MAX_SKEW_S || exp <= now - MAX_SKEW_S) {
      return no('invalid_grant', 'Invalid JWT: Token must be a short-lived token and in a reasonable timeframe.');
    }
    if (exp > iat + MAX_LIFETIME_S) return no('invalid_grant', 'Invalid JWT: exp is more than an hour after iat.');
    const scopes = String(scope ?? '').split(' ');
    if (!SCOPES.some((known) => scopes.includes(known))) return no('invalid_scope', `scope must name ${SCOPES[0]}`);
    return undefined;
  }

  #issue(): Grant {
    const token = `emulated.${randomBytes(32).toString('base64url')}`;
    const now = this.#clock.monotonic();
    for (const [bearer, until] of this.#bearers) {
      // They all live equally long: the first that is good is followed by good ones.
      if (until > now && this.#bearers.size < MAX_TOKENS) break;
      this.#bearers.delete(bearer);
    }
    this.#bearers.set(`Bearer ${token}`, now + this.#lifetimeMs);
    return { token, expiresInS: Math.floor(this.#lifetimeMs / 1_000) };
  }
}

const no = (error: string, description: string): Grant => ({ error, description });
