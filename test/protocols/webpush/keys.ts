import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

type Json = Readonly<Record<string, unknown>>;

/** Who pushes: a pair of keys of P-256, and the public one as it travels. [RFC 8292 §3.2] */
export interface Signer {
  readonly key: string;
  readonly privateKey: KeyObject;
}

export function signer(): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: publicKey.export({ type: 'spki', format: 'der' }).subarray(-65).toString('base64url'), privateKey };
}

const part = (json: Json): string => Buffer.from(JSON.stringify(json)).toString('base64url');

/** A token made by hand, so that it may be as wrong as a test wants it. [RFC 7515 §3.1] */
export function token({ privateKey }: Signer, claims: Json, header: Json = { typ: 'JWT', alg: 'ES256' }): string {
  const signed = `${part(header)}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}
