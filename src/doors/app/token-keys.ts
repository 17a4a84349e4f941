import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { z } from '../../lib/schema.ts';
import { TOKEN_ALGORITHMS, type TokenAlgorithm } from './options.ts';

/** A key that tokens are checked with, and the signatures that it may check: never what the token says alone. */
export interface TokenKey {
  /** Of a JWK; a token that names one asks for this key. */
  readonly kid?: string;
  readonly key: KeyObject;
  readonly algorithms: readonly TokenAlgorithm[];
}

/** Keys of one file, at most: every one stays in memory. */
const KEYS_MAX = 100;
/** [RFC 7518 §3.3] */
const RSA_MIN_BITS = 2_048;
/** Bits of the hash, which a secret must have at least. [RFC 7518 §3.2] */
const SECRETS = { HS256: 256, HS384: 384, HS512: 512 } as const;
/** [RFC 7518 §3.4] */
const CURVES: Readonly<Record<string, TokenAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

const jwkShape = z.looseObject({
  kty: z.string(),
  kid: z.string().optional(),
  alg: z.string().optional(),
  use: z.string().optional(),
  k: z.string().optional(),
  d: z.unknown().optional(),
});
type Jwk = z.infer<typeof jwkShape>;

/**
 * The keys in the text of a file.
 * @param wanted signatures that are taken; absent: all that fit the keys
 * @throws Error with what is wrong, in words that hold nothing of the file
 */
export function readTokenKeys(text: string, wanted?: readonly TokenAlgorithm[]): readonly TokenKey[] {
  const content = text.trim();
  if (content.includes('PRIVATE KEY-----')) throw new Error('is a private key; the bridge needs the public one');
  let keys: TokenKey[];
  if (content.startsWith('-----BEGIN ')) keys = [keyOf(parsed(() => createPublicKey(content)))];
  else if (content.startsWith('{')) keys = readJson(content);
  else if (wanted?.every((algorithm) => algorithm in SECRETS)) keys = [keyOf(createSecretKey(Buffer.from(content)))];
  else throw new Error('is no PEM, JWK or JWKS; for a shared secret, `algorithms` must name HS256, HS384 or HS512');
  const fitting = keys.map((key) => ({
    ...key,
    algorithms: key.algorithms.filter((a) => wanted?.includes(a) ?? true),
  }));
  const usable = fitting.filter(({ algorithms }) => algorithms.length > 0);
  if (usable.length === 0) {
    const able = [...new Set(keys.flatMap(({ algorithms }) => algorithms))].join(', ');
    throw new Error(able ? `checks ${able}, none of which \`algorithms\` names` : TOO_WEAK);
  }
  return usable;
}

const TOO_WEAK = `has no key that is strong enough: RSA of ${RSA_MIN_BITS} bits, P-256, P-384, P-521, Ed25519, or a secret of 32 bytes`;

function keyOf(key: KeyObject): TokenKey {
  return { key, algorithms: algorithmsOf(key) };
}

/** Every signature that a key may check, from what kind of key it is. */
function algorithmsOf(key: KeyObject): readonly TokenAlgorithm[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const named = (pattern: RegExp) =>
    TOKEN_ALGORITHMS.filter((name) => modulusLength >= RSA_MIN_BITS && pattern.test(name));
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return named(/^(RS|PS)/);
    case 'rsa-pss':
      return named(/^PS/);
    case 'ec':
      return CURVES[namedCurve] ? [CURVES[namedCurve]] : [];
    case 'ed25519':
      return ['EdDSA', 'Ed25519']; // the older and the newer name of the same [RFC 9864 §2.2]
    case undefined: {
      const bits = 8 * (key.symmetricKeySize ?? 0);
      return (Object.keys(SECRETS) as (keyof typeof SECRETS)[]).filter((name) => bits >= SECRETS[name]);
    }
    default:
      return [];
  }
}

function readJson(content: string): TokenKey[] {
  const json = parsed(() => JSON.parse(content) as unknown);
  const set = z.looseObject({ keys: z.array(z.unknown()).min(1).max(KEYS_MAX) }).safeParse(json);
  if (!set.success) {
    if (typeof json === 'object' && json !== null && 'keys' in json) {
      throw new Error(`is a JWKS whose \`keys\` is no list of 1 to ${KEYS_MAX} keys`);
    }
    return [readJwk(json)];
  }
  // [RFC 7517 §5] What is not understood or not for signatures is passed over.
  const keys = set.data.keys.flatMap((one) => {
    const jwk = jwkShape.safeParse(one).data;
    if (jwk === undefined || (jwk.use !== undefined && jwk.use !== 'sig') || !KNOWN_TYPES.includes(jwk.kty)) return [];
    return [readJwk(jwk)];
  });
  const kids = keys.map(({ kid }) => kid);
  if (keys.length > 1 && (kids.includes(undefined) || new Set(kids).size < kids.length)) {
    throw new Error('has several keys, and each of them needs a `kid` of its own');
  }
  return keys;
}

const KNOWN_TYPES: readonly string[] = ['RSA', 'EC', 'OKP', 'oct'];

function readJwk(json: unknown): TokenKey {
  const shape = jwkShape.safeParse(json);
  if (!shape.success) throw new Error('is JSON, but neither a JWK nor a JWKS');
  const { kty, kid, alg, d } = shape.data;
  if (d !== undefined) throw new Error('holds a private key; the bridge needs the public one');
  const { key, algorithms } = keyOf(kty === 'oct' ? secretOf(shape.data) : parsed(() => publicOf(shape.data)));
  return {
    key,
    algorithms: alg === undefined ? algorithms : algorithms.filter((name) => name === alg),
    ...(kid !== undefined && { kid }),
  };
}

const publicOf = (jwk: Jwk): KeyObject => createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });

function secretOf({ k = '' }: Jwk): KeyObject {
  return createSecretKey(Buffer.from(k, 'base64url'));
}

/** Node's own words may hold a piece of the file. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new Error('can not be parsed as a key');
  }
}
