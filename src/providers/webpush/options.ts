import { count, duration, path, z } from '../../lib/schema.ts';
import { exceptionOption } from '../../protocols/http/index.ts';

export { checkWebPushFiles } from './settings.ts';

/** [RFC 8291 §4] What fits into a message of 4,096 bytes beside the header, the padding and the tag. */
const PLAINTEXT_MAX_BYTES = 3_993;

const vapidOptions = z.strictObject({
  subject: z
    .string()
    .refine(isContact, 'must be mailto:ADDRESS or an https URL')
    .describe('whom a push service may turn to: mailto:ADDRESS or an https URL'),
  key: path().describe(
    'private key on the curve P-256 that endpoints were made for, PEM or JWK file; `openssl ecparam -name prime256v1 -genkey -noout` makes one',
  ),
});

const connectionOptions = z
  .strictObject({
    per_origin: count(1, 1_000)
      .default(100)
      .describe('connections to one push service, at most; each carries one message at a time'),
    max: count(1, 10_000).default(1_000).describe('messages under way at once, and connections, at most'),
    idle: duration(10).default(30_000).describe('a connection without work for so long is closed'),
  })
  .refine(({ per_origin, max }) => per_origin <= max, { path: ['per_origin'], message: 'must not be more than max' });

/** Web Push to any server: browsers' push services, and those of UnifiedPush. */
export const webpushOptions = z.strictObject({
  vapid: vapidOptions.optional().describe('how messages are signed; without it they are not, and most services refuse'),
  allow: z
    .array(exceptionOption())
    .max(1_000)
    .default([])
    .describe('hosts, addresses and ranges that may be sent to although they are not public'),
  allow_http: z.boolean().default(false).describe('whether those may be sent to without TLS'),
  allow_unencrypted: z
    .boolean()
    .default(false)
    .describe('whether a message without `keys` is sent as it is; UnifiedPush takes that no more'),
  ca: path()
    .optional()
    .describe('authority that signs the certificates of push services, PEM file (default: those of the system)'),
  connections: connectionOptions.prefault({}).describe('how many connections'),
  connect_timeout: duration(10).default(10_000).describe('finding and connecting to a push service, all together'),
  deadline: duration(10)
    .default(15_000)
    .describe('a request without an answer for so long is given up and tried again'),
  encryption_threads: count(1, 64).default(2).describe('threads that encrypt'),
  max_payload_bytes: count(1, PLAINTEXT_MAX_BYTES)
    .default(PLAINTEXT_MAX_BYTES)
    .describe('largest payload before encryption, in bytes'),
});

export type WebPushOptions = z.infer<typeof webpushOptions>;

/** [RFC 8292 §2.1] */
function isContact(text: string): boolean {
  return /^mailto:[^\s@]+@[^\s@]+$/.test(text) || (/^https:\/\/\S+$/.test(text) && URL.canParse(text));
}
