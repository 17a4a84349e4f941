import type { KeyObject } from 'node:crypto';
import { verify } from 'node:crypto';

/** A JSON Web Token as it stands there; nothing of it is checked. [RFC 7519] */
export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is over. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Tokens are short; more is not read. */
const MAX_LENGTH = 8_192;

/** The parts of a token; undefined if it is none. */
export function readJwt(text: string): Jwt | undefined {
  if (text.length > MAX_LENGTH || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return undefined;
  const [head = '', body = '', signature = ''] = text.split('.');
  const header = objectOf(head);
  const claims = objectOf(body);
  if (!header || !claims) return undefined;
  return { header, claims, signed: Buffer.from(`${head}.${body}`), signature: Buffer.from(signature, 'base64url') };
}

/** Whether the token says that it is signed by this algorithm, and is by this key. [RFC 7518 §3.3, §3.4] */
export function signedBy({ header, signed, signature }: Jwt, algorithm: 'RS256' | 'ES256', key: KeyObject): boolean {
  if (header.alg !== algorithm) return false;
  return verify('sha256', signed, algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key, signature);
}

function objectOf(base64: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
