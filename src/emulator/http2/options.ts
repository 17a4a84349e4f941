import { count, duration, z } from '../../lib/schema.ts';
import type { FaultShape, FaultsOf } from '../faults.ts';
import { after, flag, listening, rate } from '../listening.ts';

/** A number of seconds, or a date as HTTP writes it. [RFC 9110 §10.2.3] */
const RETRY_AFTER = /^(?:|\d{1,9}|[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT)$/;

/** Options of the emulators that speak HTTP/2. */
export const http2Listening = (defaultPort: number) => ({
  ...listening(defaultPort),
  max_connections: count(1, 100_000).default(1_000).describe('connections at a time; more are dropped'),
  max_body_bytes: count(4_096, 16_777_216).default(262_144).describe('largest request body, in bytes'),
  track: z.boolean().default(true).describe('remember requests; off for benchmarks'),
  track_limit: count(1, 10_000_000).default(200_000).describe('digests of bodies remembered, to count repeats'),
  remember: count(1, 1_000_000).default(1_000).describe('requests remembered with headers and body'),
});

/** What differs between services when nothing is wrong. */
export interface Http2Habits {
  readonly maxStreams: number;
  readonly initialStreams: number;
  readonly maxPings: number;
  /** Codes that errors may have, and the usual one. */
  readonly codes: readonly string[];
  readonly errorCode: string;
}

/** What can go wrong on purpose with a service over HTTP/2: from the start, and changed while it runs. */
export const http2Faults = (habits: Http2Habits) => ({
  latency: duration().default(0).describe('every answer waits so long'),
  latency_spread: duration().default(0).describe('and up to so much more, at random'),
  error_rate: rate().default(0).describe('share of messages answered by error_code, from 0 to 1'),
  error_code: z.enum(habits.codes).default(habits.errorCode).describe('the code of those errors'),
  retry_after: z
    .string()
    .regex(RETRY_AFTER, { error: 'must be a number of seconds or an HTTP date' })
    .default('')
    .describe('`Retry-After` of every 429 and 503: seconds, or an HTTP date'),
  instead: z
    .enum(['nothing', 'html_502', 'bare_401', 'bare_403', 'bare_404'])
    .default('nothing')
    .describe('what every request gets instead of its answer: a page of a proxy, or a status that explains nothing'),
  stall: flag('answer no request at all'),
  hold_answers: flag('keep every answer back until this is off again, then give them all'),
  slow: duration().default(20_000).describe('an answer that a token asks to be slow waits so long'),
  two_frames: flag('write the body of a success in two DATA frames'),
  refuse_tls: flag('reset every new connection before its TLS handshake'),
  max_streams: count(1, 1_000_000).default(habits.maxStreams).describe('streams that a connection may have open'),
  initial_streams: count(0, 1_000_000)
    .default(habits.initialStreams)
    .describe('streams that a connection may have at first; 0 the same as later'),
  raise_after: duration().default(0).describe('when the streams are raised to max_streams; 0 after the first success'),
  goaway_after: after('GOAWAY on a connection after so many requests'),
  max_age: duration().default(0).describe('GOAWAY `max_age` on a connection after so long; 0 never'),
  session_timeout: duration().default(0).describe('GOAWAY `session_timeout` on a connection idle for so long; 0 never'),
  max_pings: count(0, 1_000_000)
    .default(habits.maxPings)
    .describe('GOAWAY `too_many_pings` at so many pings without a request; 0 never'),
  drop_after: after('drop a connection after so many requests'),
  drop_how: z.enum(['fin', 'rst']).default('fin').describe('how connections are dropped'),
});

export type Http2Options = Readonly<z.output<z.ZodObject<ReturnType<typeof http2Listening>>>>;
export type Http2Faults = FaultsOf<ReturnType<typeof http2Faults>>;
/** Faults of a service: those of HTTP/2, and its own. */
export type ServiceFaults = FaultShape & ReturnType<typeof http2Faults>;
