import { count, duration, path, port, secret, z } from '../../lib/schema.ts';

/** The BAL listener and its limits. */
export const balOptions = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  port: port().default(5290).describe('port to listen on; 0 takes a free one'),
  tls: z
    .strictObject({
      cert: path().describe('certificate chain, PEM file'),
      key: path().describe('private key, PEM file'),
      client_ca: path().optional().describe('authority that signs client certificates, PEM file; turns mutual TLS on'),
    })
    .optional()
    .describe('speak TLS'),
  allow_open_sessions: z
    .boolean()
    .default(false)
    .describe('allow sessions without a secret although the address is not a loopback one'),
  max_frame_bytes: count(1_024, 16_777_216).default(65_536).describe('largest frame body, in bytes'),
  max_connections: count(1, 100_000).default(1_000).describe('connections at once'),
  max_connections_per_session: count(1, 100_000).default(100).describe('connections of one session at once'),
  max_parked_bytes: count(65_536, 67_108_864)
    .default(262_144)
    .describe('DOWNSTREAM bytes of a paused connection held while its ACKs are read on'),
  logon_timeout: duration(10).default(10_000).describe('silence allowed before the LOGON'),
  idle_timeout: duration(0).default(0).describe('silence allowed after it; 0 is for ever'),
  frame_timeout: duration(10).default(30_000).describe('a frame that was begun must be complete after so long'),
  write_timeout: duration(10).default(30_000).describe('a peer that reads nothing for so long is a SLOW_CONSUMER'),
  ack_timeout: duration(10).default(300_000).describe('a full window without any ACK for so long is a SLOW_CONSUMER'),
  owner_grace: duration(0)
    .default(30_000)
    .describe('answers wait so long for the connection of the same client to come back'),
  max_failed_logons: count(1, 1_000_000)
    .default(5)
    .describe('failed logons of one address within a minute before each further one is slowed down'),
  failed_logon_delay: duration(0).default(1_000).describe('the first slow-down; it doubles up to 30s'),
});

/** One backend's identity. */
export const sessionOptions = z.strictObject({
  id: z.string().min(1).max(255).describe('the session_id of LOGON, such as com.example.app'),
  secret: secret().optional().describe('in clear or as scrypt:N:r:p:SALT:HASH (base64); none means an open session'),
  providers: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('names of the providers that it may use, the first by default (default: all)'),
  max_pending: count(1, 100_000_000).default(100_000).describe('messages without an outcome before reading pauses'),
  max_inbox: count(1, 100_000_000).default(1_000_000).describe('frames that wait for an ACK, at most'),
  max_endpoints: count(0, 100_000_000)
    .default(500_000)
    .describe('endpoints that it may have, at most; `limits.registrations_max` counts those of everybody'),
});

export type BalOptions = z.infer<typeof balOptions>;
export type SessionOptions = z.infer<typeof sessionOptions>;
