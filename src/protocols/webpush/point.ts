import { createPublicKey, type KeyObject } from 'node:crypto';

/** An uncompressed point of P-256: the number 4 and two coordinates. [RFC 8291 §2, RFC 8292 §3.2] */
export const POINT_BYTES = 65;
const UNCOMPRESSED = 4;
const COORDINATE_BYTES = 32;

/** The public key that a point is; undefined if it is none of P-256. */
export function keyOfPoint(point: Buffer): KeyObject | undefined {
  if (point.length !== POINT_BYTES || point[0] !== UNCOMPRESSED) return undefined;
  const x = point.toString('base64url', 1, 1 + COORDINATE_BYTES);
  const y = point.toString('base64url', 1 + COORDINATE_BYTES);
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  } catch {
    return undefined; // not on the curve
  }
}

/** The point that a public key of P-256 is. */
export function pointOfKey(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([Buffer.of(UNCOMPRESSED), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
}
