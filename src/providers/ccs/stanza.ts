import type { Message } from '../../core/index.ts';
import { downstreamStanza } from '../../protocols/ccs/index.ts';

/** A message as it goes out at `now`: the service is told what is left of its time. */
export function stanzaOf(message: Message, now: number): string {
  const { wireId, payload } = message;
  const json = payload.kind === 'fcm' ? payload.json : '{}';
  const ttl = remaining(message, now);
  return downstreamStanza(ttl === undefined ? { wireId, json } : { wireId, json, ttl });
}

/**
 * Whole seconds left, rounded up; undefined if the sender gave no TTL. Never more than it gave: a wall clock that was set
 * back must not make the longest TTL one that the service refuses.
 */
function remaining({ ttl, expiresAt }: Message, now: number): number | undefined {
  if (ttl === undefined || ttl === 0) return ttl;
  return Math.min(ttl, Math.max(0, Math.ceil((expiresAt - now) / 1_000)));
}
