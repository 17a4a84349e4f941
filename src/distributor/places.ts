import type { SrvRecord } from 'node:dns';
import type { Random } from '../lib/backoff.ts';

/** Where to connect to. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** What DNS says under a name; rejects if it says nothing. */
export type ResolveSrv = (name: string) => Promise<readonly SrvRecord[]>;

/** Servers of one domain that are tried, at most. */
const PLACES_MAX = 8;

/**
 * Where the server of an account may be, the best first. What is configured wins; without that DNS is asked, and if it
 * does not know, the domain itself is taken. [RFC 6120 §3.2, XEP-0368]
 */
export async function findPlaces(
  {
    domain,
    host,
    port,
    security,
  }: {
    readonly domain: string;
    readonly host: string | undefined;
    readonly port: number | undefined;
    readonly security: 'tls' | 'starttls' | 'none';
  },
  resolve: ResolveSrv,
  random: Random,
): Promise<readonly Place[]> {
  const usual = port ?? (security === 'tls' ? 5223 : 5222);
  if (host !== undefined || port !== undefined) return [{ host: host ?? domain, port: usual }];
  const service = security === 'tls' ? '_xmpps-client' : '_xmpp-client';
  const records = await resolve(`${service}._tcp.${domain}`).catch(() => []);
  // A single "." says that there is no such service. [RFC 2782]
  const found = inOrder(records, random).filter(({ name }) => name !== '' && name !== '.');
  const places = found.slice(0, PLACES_MAX).map(({ name, port }) => ({ host: name, port }));
  return places.length > 0 ? places : [{ host: domain, port: usual }];
}

/** Lower priorities first; within one, heavier ones are likelier to be first. [RFC 2782] */
function inOrder(records: readonly SrvRecord[], random: Random): SrvRecord[] {
  const drawn = records.map((record) => ({ record, place: random() ** (1 / Math.max(record.weight, 0.01)) }));
  return drawn.sort((a, b) => a.record.priority - b.record.priority || b.place - a.place).map(({ record }) => record);
}
