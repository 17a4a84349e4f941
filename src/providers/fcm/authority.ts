import { X509Certificate } from 'node:crypto';

/**
 * Looks whether this is what may be trusted: TLS would pass over anything else without a word.
 * @throws Error if there is no certificate in `pem`
 */
export function checkAuthority(pem: string): void {
  try {
    new X509Certificate(pem);
  } catch {
    throw new Error('is no certificate in PEM'); // what the library says is about its parser
  }
}
