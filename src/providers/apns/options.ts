import { count, duration, path, secret, z } from '../../lib/schema.ts';

/** The services by environment. [fcm.md §4] */
export const ORIGINS = {
  production: 'https://api.push.apple.com',
  sandbox: 'https://api.sandbox.push.apple.com',
} as const;

/** A provider token may not be replaced more often than this, and hardly be older than that, in milliseconds. [fcm.md §4] */
export const TOKEN_AGE_MIN_MS = 20 * 60_000;
const TOKEN_AGE_MAX_MS = 55 * 60_000;

const identifier = () => z.string().regex(/^[A-Z0-9]{10}$/, 'must be 10 capital letters and digits');

const connectionOptions = z
  .strictObject({
    min: count(1, 100).default(1).describe('connections kept open'),
    max: count(1, 100).default(10).describe('connections that take work, at most'),
    streams: count(1, 10_000)
      .default(1_000)
      .describe('requests at once on one connection, at most; the service may allow fewer'),
    idle: duration(10).default(300_000).describe('a connection beyond min without work for so long is closed'),
    max_age: duration(1_000).default(43_200_000).describe('a connection is replaced when it is so old'),
  })
  .refine(({ min, max }) => min <= max, { path: ['min'], message: 'must not be more than max' });

const fields = z.strictObject({
  environment: z.enum(['production', 'sandbox']).default('production').describe('which of the two services of Apple'),
  url: z
    .string()
    .refine(isOrigin, 'must be an origin such as https://127.0.0.1:2197, without a path')
    .optional()
    .describe('origin to connect to (default: that of the environment)'),
  ca: path()
    .optional()
    .describe('authority that signs the certificate of the server, PEM file (default: those of the system)'),
  topic: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be a bundle id: at most 255 characters, no white space')
    .optional()
    .describe('bundle id of the app; required with a key'),
  key: path().optional().describe('token authentication: signing key, .p8 file; one key of one team for a provider'),
  key_id: identifier().optional().describe('id of that key, 10 characters'),
  team_id: identifier().optional().describe('id of its team, 10 characters'),
  token_age: duration(TOKEN_AGE_MIN_MS, TOKEN_AGE_MAX_MS)
    .default(50 * 60_000)
    .describe('a token is signed anew after so long'),
  certificate: path().optional().describe('certificate authentication: PEM or .p12 file, in place of a key'),
  certificate_key: path().optional().describe('key of that certificate, PEM file (default: it is in the same file)'),
  passphrase: secret().optional().describe('what opens the .p12 file or the key of the certificate'),
  connections: connectionOptions.prefault({}).describe('how many connections, and how much they take'),
  connect_timeout: duration(50).default(10_000).describe('connecting, until the service has said what it allows'),
  deadline: duration(50).default(15_000).describe('a request without a complete answer for so long is given up'),
  ping_interval: duration(0).default(60_000).describe('silence on a connection before a ping; 0 is never'),
  delivery_receipts: z
    .enum(['refuse', 'ignore', 'app'])
    .default('ignore')
    .describe('what becomes of delivery_receipt_requested; `app` tells the app what to report'),
  max_payload_bytes: count(256, 65_536).default(4_096).describe('largest notification, in bytes of its JSON'),
  max_voip_bytes: count(256, 65_536).default(5_120).describe('the same for push type voip'),
});

/** APNs: token or certificate authentication, exactly one of the two. */
export const apnsOptions = fields.superRefine((options, context) => {
  const wrong = (name: keyof typeof options, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message });
  const { key, certificate, topic } = options;
  if (key === undefined && certificate === undefined) wrong('key', 'is required, or certificate in its place');
  if (key !== undefined && certificate !== undefined) wrong('certificate', 'not beside key: one of the two');
  if (key !== undefined && topic === undefined) wrong('topic', 'is required with key');
  for (const name of ['key_id', 'team_id'] as const) {
    if (key !== undefined && options[name] === undefined) wrong(name, 'is required with key');
    if (key === undefined && options[name] !== undefined) wrong(name, 'only beside key');
  }
  for (const name of ['certificate_key', 'passphrase'] as const) {
    if (certificate === undefined && options[name] !== undefined) wrong(name, 'only beside certificate');
  }
});

export type ApnsOptions = z.infer<typeof apnsOptions>;

function isOrigin(text: string): boolean {
  return /^https:\/\/[^/?#@\s]+$/.test(text) && URL.canParse(text);
}
