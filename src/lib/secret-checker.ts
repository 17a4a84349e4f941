import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Secret } from './secret.ts';

/** Hashes computed at once: scrypt is made to be expensive, and a crowd of logins must not take the processor away. */
const HASHES_AT_ONCE = 2;
/** Successful checks remembered, so that a peer who comes back costs no new hash. */
const REMEMBERED = 10_000;
/** Memory that the large table of one hash may take, in bytes. */
const HASH_MEMORY = 256 * 1024 * 1024;
/** Shortest hash, in bytes, and how often the work may be repeated. */
const HASH_MIN = 16;
const P_MAX = 16;
const FORMAT = /^scrypt:(\d+):(\d+):(\d+):([A-Za-z0-9+/]+=*):([A-Za-z0-9+/]+=*)$/;

interface ScryptHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * Compares secrets in constant time, in clear or against `scrypt:N:r:p:SALT:HASH` (base64). A success is remembered as
 * a keyed hash, under a key that lives as long as the process.
 */
export class SecretChecker {
  readonly #key = randomBytes(32);
  readonly #good = new Set<string>();
  readonly #queue: (() => void)[] = [];
  #running = 0;
  /** What is hashed for a name that does not exist, so that the time of the answer does not tell. */
  readonly #decoy: ScryptHash | undefined;

  constructor(secrets: Iterable<Secret | undefined>) {
    for (const secret of secrets) this.#decoy ??= secret && parseHash(secret.reveal());
  }

  /**
   * Whether `given` is `expected`; `undefined` as expectation never matches. A failure costs one hash, whatever the
   * expectation was, if anybody has one. Once `gone` fires nobody waits for the answer, and it is no.
   */
  async matches(name: string, given: string, expected: Secret | undefined, gone?: AbortSignal): Promise<boolean> {
    const text = expected?.reveal();
    const own = text === undefined ? undefined : parseHash(text);
    if (text !== undefined && !own && timingSafeEqual(this.#digest(given), this.#digest(text))) return true;
    const hash = own ?? this.#decoy;
    if (!hash) return false;
    const memo = this.#digest(JSON.stringify([name, given, text])).toString('base64');
    if (this.#good.has(memo)) return true;
    const key = await this.#scrypt(given, hash, gone);
    const matches = key !== undefined && timingSafeEqual(key, hash.hash) && own !== undefined;
    if (matches && this.#good.size < REMEMBERED) this.#good.add(memo);
    return matches;
  }

  #digest(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }

  async #scrypt(text: string, { N, r, p, salt, hash }: ScryptHash, gone?: AbortSignal): Promise<Buffer | undefined> {
    if (this.#running < HASHES_AT_ONCE) this.#running++;
    else await new Promise<void>((resolve) => this.#queue.push(resolve)); // whoever is done hands its place over
    try {
      if (gone?.aborted) return undefined;
      return await new Promise<Buffer>((resolve, reject) => {
        const options = { N, r, p, maxmem: 2 * HASH_MEMORY };
        scrypt(text, salt, hash.length, options, (error, key) => (error ? reject(error) : resolve(key)));
      });
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

/** Why a configured secret can't be used; undefined if it can. */
export function secretProblem(secret: Secret): string | undefined {
  const text = secret.reveal();
  if (!text.startsWith('scrypt:')) return undefined;
  const hash = parseHash(text);
  if (!hash) return 'must read scrypt:N:r:p:SALT:HASH with salt and hash in base64';
  const powerOfTwo = hash.N > 1 && Number.isInteger(Math.log2(hash.N));
  if (!powerOfTwo || hash.r < 1 || 128 * hash.N * hash.r > HASH_MEMORY) {
    return 'N must be a power of two, r at least 1, and 128*N*r at most 256 MiB';
  }
  if (hash.p < 1 || hash.p > P_MAX) return `p must be from 1 to ${P_MAX}`;
  if (hash.hash.length < HASH_MIN) return `the hash must have at least ${HASH_MIN} bytes`; // an empty one fits everything
  return undefined;
}

function parseHash(text: string): ScryptHash | undefined {
  const [, N, r, p, salt, hash] = FORMAT.exec(text) ?? [];
  if (!N || !r || !p || !salt || !hash) return undefined;
  return {
    N: Number(N),
    r: Number(r),
    p: Number(p),
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}
