import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomInt } from 'node:crypto';
import { readJwt, signedBy } from '../jwt.ts';

/** What a provider signs its tokens with. */
export interface ProviderKey {
  /** Ten characters: `kid` and `iss` of its tokens. */
  readonly key_id: string;
  readonly team_id: string;
  /** PKCS#8 PEM, as in a .p8 file. */
  readonly key: string;
}

/** A provider token that a known key has signed. */
export interface ProviderToken {
  readonly team: string;
  readonly keyId: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
}

const ID_LENGTH = 10;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
/** Tokens are the same for up to an hour: to verify each once is enough. */
const TOKENS_REMEMBERED = 1_000;

const newId = (): string => Array.from({ length: ID_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The keys that provider tokens may be signed with, by their ids. */
export class ProviderKeys {
  readonly #keys = new Map<string, { readonly team: string; readonly key: KeyObject }>();
  readonly #known = new Map<string, ProviderToken | undefined>();

  /** Adds a key, PKCS#8 PEM; what is not given is new. */
  add(keyId: string = newId(), team: string = newId(), key: string = newKey()): ProviderKey {
    this.#keys.set(keyId, { team, key: createPublicKey(createPrivateKey(key)) });
    this.#known.clear();
    return { key_id: keyId, team_id: team, key };
  }

  /** What a provider token says; undefined if no key of ours has signed it, whatever its age. */
  read(text: string): ProviderToken | undefined {
    if (this.#known.has(text)) return this.#known.get(text);
    if (this.#known.size >= TOKENS_REMEMBERED) this.#known.clear();
    const token = this.#verify(text);
    this.#known.set(text, token);
    return token;
  }

  #verify(text: string): ProviderToken | undefined {
    const jwt = readJwt(text);
    if (!jwt) return undefined;
    const { kid } = jwt.header;
    const { iss, iat } = jwt.claims;
    const known = typeof kid === 'string' ? this.#keys.get(kid) : undefined;
    if (!known || iss !== known.team || typeof iat !== 'number' || !signedBy(jwt, 'ES256', known.key)) return undefined;
    return { team: known.team, keyId: String(kid), issuedAt: iat };
  }
}
