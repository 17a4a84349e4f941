import { readAuthority } from '../../lib/certificates.ts';
import { problemsIn } from '../../lib/option-problem.ts';
import { count, duration, path, port, secret, z } from '../../lib/schema.ts';

/** The pool can be resized while it runs, up to this many connections: more, CCS does not allow. [fcm.md §1.9] */
export const POOL_MAX = 1_000;

const poolOptions = z
  .strictObject({
    min: count(1, POOL_MAX).default(1).describe('connections kept open; upstream messages need at least one'),
    max: count(1, POOL_MAX).default(10).describe('connections that take work, at most'),
    window: count(1, 1_000).default(100).describe('messages without an ack or nack on one connection, at most'),
    idle: duration(10).default(300_000).describe('a connection beyond min without work for so long is given back'),
  })
  .refine((pool) => pool.min <= pool.max, { path: ['min'], message: 'must not be more than max' });

/** A pool of CCS connections (the XMPP protocol of FCM) for one sender id. */
export const ccsOptions = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('fcm-xmpp.googleapis.com')
    .describe('host to connect to; its certificate must say so'),
  port: port().default(5235).describe('port to connect to, TLS from the first byte'),
  domain: z.string().min(1).default('gcm.googleapis.com').describe('XMPP domain; the login is SENDER_ID@domain'),
  sender_id: z
    .string()
    .regex(/^[^@/\s]+$/, 'must be a sender id without @, / and white space')
    .describe('sender id, also known as project number'),
  server_key: secret().describe('server key, the password of the login'),
  ca: path()
    .optional()
    .describe('authority that signs the certificate of the server, PEM file (default: those of the system)'),
  pool: poolOptions.prefault({}).describe('how many connections, and how much they take'),
  ack_timeout: duration(50)
    .default(60_000)
    .describe('a message without an ack for so long is sent again elsewhere, and its connection retires'),
  ping_interval: duration(20)
    .default(30_000)
    .describe('silence of the server before a ping; as much silence after it and the connection is dead'),
  login_timeout: duration(50).default(20_000).describe('connecting and logging in, all together'),
  drain_timeout: duration(50)
    .default(300_000)
    .describe('a draining connection that the server does not close is closed after so long'),
  draining_max: count(1, POOL_MAX)
    .default(20)
    .describe('draining connections kept open beside the pool; the oldest is closed beyond'),
  max_stanza_bytes: count(1_024, 16_777_216)
    .default(65_536)
    .describe('largest stanza taken from the server, in bytes; a larger one closes its connection'),
  max_data_bytes: count(1, 1_048_576)
    .default(4_096)
    .describe('largest sum of keys and values in data, in bytes; half of it for topics and conditions'),
});

export type CcsOptions = z.infer<typeof ccsOptions>;

/**
 * The authority that signs the certificate of the server, PEM; undefined for those of the system.
 * @throws OptionProblem
 */
export function authorityOf({ ca }: Pick<CcsOptions, 'ca'>): string | undefined {
  return ca === undefined ? undefined : readAuthority('ca', ca).toString();
}

/** What is wrong with the file that the options name. */
export function checkCcsFiles(options: Pick<CcsOptions, 'ca'>): ReturnType<typeof problemsIn> {
  return problemsIn(() => authorityOf(options));
}
