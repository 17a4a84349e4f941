import { count, duration, path, z } from '../../lib/schema.ts';
import { PROJECT_ID } from './service-account.ts';

export { checkFcmFiles } from './settings.ts';

const ORIGIN = /^https:\/\/[^/?#@\s]+$/;

const connectionOptions = z
  .strictObject({
    min: count(1, 100).default(1).describe('connections kept open'),
    max: count(1, 100).default(10).describe('connections at once, at most; more than min are opened when all are full'),
    streams: count(1, 1_000)
      .default(100)
      .describe('requests at once on one connection, at most; the service may allow fewer'),
    idle: duration(10).default(300_000).describe('a connection beyond min without work for so long is closed'),
    max_age: duration(10)
      .default(3_000_000)
      .describe('a connection is replaced when it is so old; FCM sends it away after an hour'),
  })
  .refine(({ min, max }) => min <= max, { path: ['min'], message: 'must not be more than max' });

const quotaOptions = z.strictObject({
  per_minute: count(0, 100_000_000)
    .default(600_000)
    .describe('messages in any 60 s, at most, as Google grants them to the project; 0 for no limit'),
  ramp_up: duration(0, 3_600_000)
    .default(60_000)
    .describe(
      'after so long without work the rate starts at a tenth of the quota and grows to all of it in the same time, as Google asks; 0 to start at once',
    ),
});

/** FCM over its HTTP v1 interface, for one project. */
export const fcmOptions = z.strictObject({
  project: z
    .string()
    .regex(PROJECT_ID, 'must be the id of a project: letters, digits and -.:')
    .optional()
    .describe('id of the Firebase project (default: that of the service account)'),
  credentials: path()
    .optional()
    .describe('service account, JSON file as downloaded (default: application default credentials)'),
  url: z
    .string()
    .refine((url) => ORIGIN.test(url) && URL.canParse(url), 'must be https://HOST or https://HOST:PORT')
    .default('https://fcm.googleapis.com')
    .describe('the service; its certificate must say so'),
  ca: path()
    .optional()
    .describe(
      'authority that signs the certificates of the service and of the token endpoint, PEM file (default: those of the system)',
    ),
  connections: connectionOptions.prefault({}).describe('how many connections, and how much they take'),
  connect_timeout: duration(10).default(10_000).describe('opening a connection, all together'),
  deadline: duration(10)
    .default(15_000)
    .describe('a request without a complete answer for so long is given up and tried again, one for a token too'),
  ping_interval: duration(0)
    .default(0)
    .describe('an idle connection is pinged so often; 0 never, because FCM closes connections that only ping'),
  quota: quotaOptions.prefault({}).describe('how fast messages go out'),
  delivery_receipts: z
    .enum(['refuse', 'ignore', 'app'])
    .default('ignore')
    .describe(
      'what becomes of `delivery_receipt_requested`, which HTTP v1 does not know: the message is refused, or sent without, or `data.pushbridge_receipt` tells the app what to post to `/v1/receipts`',
    ),
  max_payload_bytes: count(1, 1_048_576)
    .default(4_096)
    .describe(
      'largest sum of keys and values in data and of the texts of the notification, in bytes; half of it for topics and conditions',
    ),
});

export type FcmOptions = z.infer<typeof fcmOptions>;
