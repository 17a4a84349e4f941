import { type Message, remainingTtl } from '../../core/index.ts';
import { downstreamStanza } from '../../protocols/ccs/index.ts';

/** A message as it goes out at `now`: the service is told what is left of its time. */
export function stanzaOf(message: Message, now: number): string {
  const { wireId, payload } = message;
  const json = payload.kind === 'fcm' ? payload.json : '{}';
  const ttl = remainingTtl(message, now);
  return downstreamStanza(ttl === undefined ? { wireId, json } : { wireId, json, ttl });
}
