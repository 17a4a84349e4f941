/** Subscriptions of Web Push: whoever encrypts for them does the same as for real ones. */
import { createECDH, randomBytes } from 'node:crypto';

export interface Keys {
  readonly p256dh: string;
  readonly auth: string;
}

/** Keys of so many user agents, base64url. */
export function subscriptionKeys(count: number): Keys[] {
  return Array.from({ length: count }, () => ({
    p256dh: createECDH('prime256v1').generateKeys('base64url'),
    auth: randomBytes(16).toString('base64url'),
  }));
}
