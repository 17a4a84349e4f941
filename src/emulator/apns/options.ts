import { duration, path, z } from '../../lib/schema.ts';
import { patchOf } from '../faults.ts';
import { http2Faults, http2Listening } from '../http2/options.ts';
import { apnsCodes } from './reasons.ts';

/** What can go wrong on purpose. [fcm.md §4] for the habits of the service */
export const apnsFaultShape = {
  ...http2Faults({
    maxStreams: 1_000,
    initialStreams: 1,
    maxPings: 0,
    codes: apnsCodes,
    errorCode: 'ServiceUnavailable',
  }),
  gone_for: duration().default(0).describe('a device token that is gone has been so for so long, by its timestamp'),
};

/** Some of the faults, as written; what is left out stays as it is. */
export const apnsFaultPatch = patchOf(apnsFaultShape);

const tenCharacters = () => z.string().regex(/^[A-Z0-9]{10}$/, { error: 'must be ten capital letters and digits' });

/** The emulator of APNs. */
export const apnsEmulatorOptions = z.strictObject({
  ...http2Listening(2_197),
  environment: z
    .enum(['production', 'sandbox'])
    .default('production')
    .describe('the sandbox gives every push an `apns-unique-id`'),
  topics: z.array(z.string().min(1)).default([]).describe('bundle ids that may be pushed to; any if there are none'),
  hex_tokens: z.boolean().default(false).describe('refuse device tokens that are not hexadecimal'),
  key_file: path().optional().describe('write the key of provider tokens here, PKCS#8 PEM as in a .p8 file'),
  key_id: tenCharacters().optional().describe('id of that key (default: a new one)'),
  team_id: tenCharacters().optional().describe('team of that key (default: a new one)'),
  client_certificate_file: path()
    .optional()
    .describe('write a client certificate with its key here, PEM, for those who use no tokens'),
  token_max_age: duration(1_000).default(3_600_000).describe('provider tokens are good for so long'),
  token_update_interval: duration()
    .default(1_200_000)
    .describe('a connection takes a new provider token so often at most; 0 always'),
  ...apnsFaultShape,
});

export type ApnsEmulatorOptions = z.output<typeof apnsEmulatorOptions>;
/** As written: durations are texts such as `20ms`. */
export type ApnsEmulatorInput = z.input<typeof apnsEmulatorOptions>;
export type ApnsFaultPatchInput = z.input<typeof apnsFaultPatch>;
export type ApnsFaults = Readonly<z.output<z.ZodObject<typeof apnsFaultShape>>>;
