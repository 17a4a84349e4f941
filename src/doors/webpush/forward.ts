import type { Random } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { ForbiddenUrl, type Outgoing, type OutgoingResult, readRetryAfter } from '../../protocols/http/index.ts';
import type { PushHeaders } from '../../protocols/webpush/index.ts';

/** What became of a push that was handed on. */
export type Forwarded =
  /** It is in good hands. */
  | { readonly kind: 'taken' }
  /** There is no such endpoint any more, or none that we may push to: asked again, the answer would be the same. */
  | { readonly kind: 'gone' }
  /** The other server does not take this one, but may take others. */
  | { readonly kind: 'refused' }
  /** Trouble that passes. */
  | { readonly kind: 'later'; readonly delayMs?: number };

/** Hands a push on to an endpoint of another server. Never rejects for what may happen on the way. */
export type Forward = (url: string, body: Uint8Array, headers: PushHeaders) => Promise<Forwarded>;

export interface ForwardDeps {
  /** Its deadline must be shorter than that of our own answers: `http.answer_timeout`. */
  readonly outgoing: Pick<Outgoing, 'read' | 'request'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
}

/** Hands on over the one way out to URLs that strangers gave us. */
export function forwardOver({ outgoing, clock, random }: ForwardDeps): Forward {
  return async (text, body, { urgency, ttl, topic, encoding, type }) => {
    let url: URL;
    try {
      url = outgoing.read(text);
    } catch (error) {
      if (error instanceof ForbiddenUrl) return { kind: 'gone' };
      throw error;
    }
    const headers = {
      ttl: String(ttl),
      urgency,
      ...(topic !== undefined && { topic }),
      ...(encoding !== undefined && { 'content-encoding': encoding }),
      ...(type !== undefined && { 'content-type': type }),
    };
    return readResult(await outgoing.request({ method: 'POST', url, headers, body }), clock.now(), random);
  };
}

/** Statuses that say no more than that it did not work this time. Of others, those from 500 on. */
const PASSING: readonly number[] = [408, 425, 429];
/** The endpoint is no more, or it is for signed pushes only, which these are not. [unifiedpush.md §2.5] */
const GONE: readonly number[] = [401, 403, 404, 410];

/** What an answer means. @param now milliseconds since the epoch */
function readResult(result: OutgoingResult, now: number, random: Random): Forwarded {
  if (result.kind === 'forbidden') return { kind: 'gone' };
  if (result.kind !== 'response') return { kind: 'later' };
  const { status, headers } = result;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (GONE.includes(status)) return { kind: 'gone' };
  if (status < 500 && !PASSING.includes(status)) return { kind: 'refused' };
  const delayMs = readRetryAfter(headers['retry-after'], now, random);
  return { kind: 'later', ...(delayMs !== undefined && { delayMs }) };
}
