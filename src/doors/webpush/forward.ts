import type { PushHeaders } from '../../protocols/webpush/index.ts';

/** What became of a push that was handed on. */
export type Forwarded =
  /** It is in good hands: the other server has it, or we keep it until it has. */
  | { readonly kind: 'taken' }
  /** There is no such endpoint any more: 404, 410. */
  | { readonly kind: 'gone' }
  /** The other server will never take this one, but may take others: 400, 413. */
  | { readonly kind: 'refused' }
  /** Trouble that passes: 429, 5xx, no connection, no such host for now. */
  | { readonly kind: 'later'; readonly delayMs?: number };

/**
 * Hands a push on to an endpoint of another server: https, at a public address, without redirects, with a deadline shorter
 * than that of our own answer. Never rejects for what may happen on the way.
 */
export type Forward = (url: string, body: Uint8Array, headers: PushHeaders) => Promise<Forwarded>;
