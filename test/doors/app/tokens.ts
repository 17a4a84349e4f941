import { constants, createHmac, createSign, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

type Json = Readonly<Record<string, unknown>>;

const part = (json: Json): string => Buffer.from(JSON.stringify(json)).toString('base64url');

/** A token made by hand, so that it may be as wrong as a test wants it. [RFC 7515 §3.1] */
export function jwt(header: Json & { readonly alg: string }, claims: Json, key?: KeyObject | string): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${signature(header.alg, signed, key).toString('base64url')}`;
}

/** [RFC 7518 §3.1] */
function signature(alg: string, text: string, key: KeyObject | string | undefined): Buffer {
  if (key === undefined) return Buffer.alloc(0);
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('HS')) return createHmac(hash, key).update(text).digest();
  if (typeof key === 'string') throw new Error('a text signs only HS');
  if (alg.startsWith('Ed')) return sign(null, Buffer.from(text), key);
  if (alg.startsWith('ES')) return createSign(hash).update(text).sign({ key, dsaEncoding: 'ieee-p1363' });
  const { RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST } = constants;
  const padding = alg.startsWith('PS') ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
  return createSign(hash)
    .update(text)
    .sign({ key, padding, ...(alg.startsWith('PS') && { saltLength: RSA_PSS_SALTLEN_DIGEST }) });
}

export const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
export const rsa = (modulusLength = 2_048) => generateKeyPairSync('rsa', { modulusLength });

export const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
export const pkcs8 = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
export const jwk = (key: KeyObject, more: Json = {}): Json => ({ ...key.export({ format: 'jwk' }), ...more });

/** A folder that goes with the test; writes texts there and gives their paths. */
export function folder(t: ExecutionContext): (name: string, text: string) => string {
  const path = mkdtempSync(join(tmpdir(), 'pushbridge-keys-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return (name, text) => {
    writeFileSync(join(path, name), text);
    return join(path, name);
  };
}
