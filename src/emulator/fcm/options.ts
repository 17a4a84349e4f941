import { duration, path, z } from '../../lib/schema.ts';
import { patchOf } from '../faults.ts';
import { http2Faults, http2Listening } from '../http2/options.ts';
import { after } from '../listening.ts';
import { fcmCodes } from './codes.ts';

/** What can go wrong on purpose. [fcm.md §3.4] for the habits of the service */
export const fcmFaultShape = {
  ...http2Faults({ maxStreams: 100, initialStreams: 0, maxPings: 3, codes: fcmCodes, errorCode: 'UNAVAILABLE' }),
  quota_per_minute: after('messages a minute that the project may send; beyond them 429'),
};

/** Some of the faults, as written; what is left out stays as it is. */
export const fcmFaultPatch = patchOf(fcmFaultShape);

/** The emulator of FCM HTTP v1. */
export const fcmEmulatorOptions = z.strictObject({
  ...http2Listening(5237),
  project: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .default('emulated-project')
    .describe('id of the project'),
  credentials_file: path().optional().describe('write the service account here, JSON, with its own `token_uri`'),
  token_lifetime: duration(1_000).default(3_599_000).describe('access tokens are good for so long'),
  ...fcmFaultShape,
});

export type FcmEmulatorOptions = z.output<typeof fcmEmulatorOptions>;
/** As written: durations are texts such as `20ms`. */
export type FcmEmulatorInput = z.input<typeof fcmEmulatorOptions>;
export type FcmFaultPatchInput = z.input<typeof fcmFaultPatch>;
export type FcmFaults = Readonly<z.output<z.ZodObject<typeof fcmFaultShape>>>;
