import type { KeyObject } from 'node:crypto';
import { keyOfPoint } from './point.ts';

/** An uncompressed point of P-256: 65 bytes that begin with 4. [RFC 8292 §3.2] */
const POINT = /^B[\w-]{86}$/;

/** Whether a text is a key that pushes can be signed for: 87 characters of base64url that are a point of P-256. */
export function isVapidKey(text: string): boolean {
  return readVapidKey(text) !== undefined;
}

/** The key that a text stands for; undefined if it is none. */
export function readVapidKey(text: string): KeyObject | undefined {
  if (!POINT.test(text)) return undefined;
  const point = Buffer.from(text, 'base64url');
  // One spelling for a key: two texts that differ are two keys.
  return point.toString('base64url') === text ? keyOfPoint(point) : undefined;
}
