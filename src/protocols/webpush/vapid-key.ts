import { createPublicKey, type KeyObject } from 'node:crypto';

/** An uncompressed point of P-256: 65 bytes that begin with 4. [RFC 8292 §3.2] */
const POINT = /^B[\w-]{86}$/;
const COORDINATE_BYTES = 32;

/** Whether a text is a key that pushes can be signed for: 87 characters of base64url that are a point of P-256. */
export function isVapidKey(text: string): boolean {
  return readVapidKey(text) !== undefined;
}

/** The key that a text stands for; undefined if it is none. */
export function readVapidKey(text: string): KeyObject | undefined {
  if (!POINT.test(text)) return undefined;
  const point = Buffer.from(text, 'base64url');
  const [x, y] = [point.subarray(1, 1 + COORDINATE_BYTES), point.subarray(1 + COORDINATE_BYTES)];
  // One spelling for a key: two texts that differ are two keys.
  if (point[0] !== 4 || point.toString('base64url') !== text) return undefined;
  const jwk = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') };
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined; // no point of the curve
  }
}
