import { count, duration, path, port, secret, z } from '../../lib/schema.ts';

/** An app server's identity. */
export const senderOptions = z.strictObject({
  id: z
    .string()
    .regex(/^[^@/\s]{1,240}$/, { error: 'must be a sender id: no blanks, no "@", no "/"' })
    .describe('the sender id: app servers log in as ID@gcm.googleapis.com or ID@fcm.googleapis.com'),
  key: secret().describe('what they call the server key; in clear or as scrypt:N:r:p:SALT:HASH (base64)'),
  provider: z.string().min(1).describe('name of the provider that its messages go to'),
  apps: z
    .array(z.string().min(1).max(255))
    .default([])
    .describe('apps (`category`) whose upstream messages go to this sender'),
  max_pending: count(1, 100_000_000).default(100_000).describe('messages without an outcome before reading pauses'),
  max_inbox: count(1, 100_000_000)
    .default(1_000_000)
    .describe('upstream messages and receipts that wait for an ack, at most'),
});

/** The CCS-compatible listener and its limits. */
export const ccsDoorOptions = z.strictObject({
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  port: port().default(5235).describe('port to listen on; 0 takes a free one'),
  tls: z
    .strictObject({
      cert: path().describe('certificate chain, PEM file'),
      key: path().describe('private key, PEM file'),
    })
    .describe('CCS speaks TLS from the first byte'),
  domain: z.string().min(1).default('gcm.googleapis.com').describe('XMPP domain that the server gives as its own'),
  senders: z.array(senderOptions).min(1).describe('the app servers that may log in'),
  window: count(1, 1_000).default(100).describe('messages of one connection without an ack or nack'),
  parked: count(1, 10_000).default(100).describe('messages beyond that which are read and wait; then reading stops'),
  answer_within: duration(100)
    .default(30_000)
    .describe('a message without an outcome is taken back after so long and nacked SERVICE_UNAVAILABLE'),
  upstream_window: count(1, 1_000).default(100).describe('upstream messages of one connection without an ack'),
  login_timeout: duration(10).default(10_000).describe('a connection must be logged in after so long'),
  keepalive: duration(0).default(60_000).describe('a space is sent so often; 0 never'),
  idle_timeout: duration(0).default(0).describe('silence of an app server allowed; 0 is for ever'),
  max_stanza_bytes: count(8_192, 16_777_216).default(65_536).describe('largest stanza, in bytes'),
  max_connections: count(1, 100_000).default(5_000).describe('connections at once'),
  max_connections_per_sender: count(1, 100_000).default(1_000).describe('connections of one sender at once'),
  rate: count(0, 1_000_000)
    .default(0)
    .describe('stanzas a second on one connection, after a burst of twice its window; 0 is without limit'),
  drain_timeout: duration(10).default(30_000).describe('a draining connection is closed after so long at the latest'),
  max_failed_logins: count(1, 1_000_000)
    .default(5)
    .describe('failed logins of one address within a minute before each further one is slowed down'),
  failed_login_delay: duration(0).default(1_000).describe('the first slow-down; it doubles up to 30s'),
});

export type CcsDoorOptions = z.infer<typeof ccsDoorOptions>;
export type SenderOptions = z.infer<typeof senderOptions>;
