import { adminOptions } from '../admin/options.ts';
import { limitsOptions, retryOptions } from '../core/options.ts';
import { distributorOptions } from '../distributor/options.ts';
import { appOptions } from '../doors/app/options.ts';
import { balOptions, sessionOptions } from '../doors/bal/options.ts';
import { ccsDoorOptions } from '../doors/ccs/options.ts';
import { webpushOptions as webpushDoorOptions } from '../doors/webpush/options.ts';
import { emulatorOptions } from '../emulator/options.ts';
import { systemClock } from '../lib/clock.ts';
import { z } from '../lib/schema.ts';
import { httpOptions } from '../protocols/http/options.ts';
import { apnsProblems } from '../providers/apns/index.ts';
import { apnsOptions } from '../providers/apns/options.ts';
import { ccsOptions, checkCcsFiles } from '../providers/ccs/options.ts';
import { checkFcmFiles, fcmOptions } from '../providers/fcm/options.ts';
import { checkWebPushFiles, webpushOptions } from '../providers/webpush/options.ts';
import { xmppOptions } from '../providers/xmpp/options.ts';
import { logOptions, stopTimeout, storeOptions } from './options.ts';

/** The types of providers. Adding one is one line here and one in `app.ts`. */
export const providerTypes = {
  apns: apnsOptions,
  ccs: ccsOptions,
  fcm: fcmOptions,
  webpush: webpushOptions,
  xmpp: xmppOptions,
} as const;

export type ProviderType = keyof typeof providerTypes;
/** One configured provider: its type and the options of that type. */
export type ProviderConfig = {
  [T in ProviderType]: { readonly type: T } & Readonly<z.infer<(typeof providerTypes)[T]>>;
}[ProviderType];

/** What is wrong with a provider, and at which of its keys. */
export interface ProviderProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** What the files that a provider names hold, beyond being there: one line for each type that looks. */
export const providerChecks: {
  readonly [T in ProviderType]?: (options: Extract<ProviderConfig, { type: T }>) => Iterable<ProviderProblem>;
} = {
  apns: (options) => apnsProblems(options, systemClock.now()),
  ccs: checkCcsFiles,
  fcm: checkFcmFiles,
  webpush: checkWebPushFiles,
};

/** Names of providers stand in metrics, logs, outbox rows and paths of keys. */
export const PROVIDER_NAME = /^[a-z][a-z0-9_-]{0,62}$/i;

/** The sections of the file, each with the schema of the unit that it steers. Providers are read by their types. */
export const sections = {
  log: logOptions.prefault({}),
  store: storeOptions.prefault({}),
  bal: balOptions.prefault({}),
  sessions: z.array(sessionOptions).default([]).describe('the backends that may log on'),
  doors: z
    .strictObject({
      app: appOptions.optional(),
      ccs: ccsDoorOptions.optional(),
      webpush: webpushDoorOptions.optional(),
    })
    .prefault({}),
  http: httpOptions.prefault({}),
  providers: z.record(z.string(), z.unknown()).default({}).describe('ways to devices, by name'),
  retry: retryOptions.prefault({}),
  limits: limitsOptions.prefault({}),
  admin: adminOptions.prefault({}),
  stop_timeout: stopTimeout,
  emulator: emulatorOptions.prefault({}),
  distributor: distributorOptions.optional(),
} as const;

export type SectionName = keyof typeof sections;

/** Sections of other programs, which may stand in the same file: those who develop have an emulator, desktops a distributor. */
const OTHERS: readonly SectionName[] = ['emulator', 'distributor'];

/** The sections of the bridge itself. */
export const bridgeSections = (Object.keys(sections) as SectionName[]).filter((name) => !OTHERS.includes(name));

type Sections = { readonly [K in Exclude<SectionName, 'providers'>]: Readonly<z.infer<(typeof sections)[K]>> };

/** The effective configuration: complete, checked, frozen. Durations are milliseconds, secrets are hidden. */
export type Config = Sections & { readonly providers: Readonly<Record<string, ProviderConfig>> };

/** The options of a provider type together with `type` itself; undefined for an unknown type. */
export function providerSchema(type: string) {
  if (!Object.hasOwn(providerTypes, type)) return undefined;
  const options: z.ZodObject = providerTypes[type as ProviderType];
  return options.extend({
    type: z.literal(type as ProviderType).describe('what kind of provider this is (default: its name)'),
  });
}

/** The type of a provider as written: its `type`, else its name. */
export function providerType(name: string, written: unknown): string {
  const type = typeof written === 'object' && written !== null && 'type' in written ? written.type : undefined;
  return typeof type === 'string' ? type : name;
}
