import { apnsEmulatorOptions } from './apns/options.ts';
import { ccsEmulatorOptions } from './ccs/options.ts';
import { fcmEmulatorOptions } from './fcm/options.ts';

/** The section `emulator`: the options of the CCS emulator, and those of the others below their names. */
export const emulatorOptions = ccsEmulatorOptions.extend({
  fcm: fcmEmulatorOptions.optional().describe('the emulator of FCM HTTP v1'),
  apns: apnsEmulatorOptions.optional().describe('the emulator of APNs'),
});
