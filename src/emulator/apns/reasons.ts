import { nackCodes } from '../magic.ts';

/** Reasons that APNs refuses a push with, and their status. [fcm.md §4] */
export const apnsReasons = {
  BadDeviceToken: 400,
  DeviceTokenNotForTopic: 400,
  MissingDeviceToken: 400,
  PayloadEmpty: 400,
  BadCollapseId: 400,
  BadExpirationDate: 400,
  BadMessageId: 400,
  BadPriority: 400,
  BadTopic: 400,
  MissingTopic: 400,
  InvalidPushType: 400,
  DuplicateHeaders: 400,
  TopicDisallowed: 400,
  IdleTimeout: 400,
  ExpiredProviderToken: 403,
  InvalidProviderToken: 403,
  MissingProviderToken: 403,
  BadCertificate: 403,
  BadCertificateEnvironment: 403,
  Forbidden: 403,
  BadEnvironmentKeyInToken: 403,
  BadEnvironmentKeyIdInToken: 403,
  UnrelatedKeyIdInToken: 403,
  BadPath: 404,
  MethodNotAllowed: 405,
  Unregistered: 410,
  ExpiredToken: 410,
  PayloadTooLarge: 413,
  TooManyRequests: 429,
  TooManyProviderTokenUpdates: 429,
  InternalServerError: 500,
  ServiceUnavailable: 503,
  Shutdown: 503,
} as const;
export type ApnsReason = keyof typeof apnsReasons;

type Nack = (typeof nackCodes)[number];

/** The reason that stands for a nack of CCS. [fcm.md §4], read from right to left */
const LEGACY: Readonly<Record<Nack, ApnsReason>> = {
  AUTHENTICATION_FAILED: 'InvalidProviderToken',
  BAD_ACK: 'BadMessageId',
  BAD_REGISTRATION: 'BadDeviceToken',
  CONNECTION_DRAINING: 'Shutdown',
  DEVICE_MESSAGE_RATE_EXCEEDED: 'TooManyRequests',
  DEVICE_UNREGISTERED: 'Unregistered',
  INTERNAL_SERVER_ERROR: 'InternalServerError',
  INVALID_APNS_CREDENTIAL: 'InvalidProviderToken',
  INVALID_JSON: 'PayloadEmpty',
  INVALID_TTL: 'BadExpirationDate',
  JSON_TYPE_ERROR: 'PayloadEmpty',
  QUOTA_EXCEEDED: 'TooManyRequests',
  SERVICE_UNAVAILABLE: 'ServiceUnavailable',
  TOPICS_MESSAGE_RATE_EXCEEDED: 'TooManyRequests',
};

/** What a device token or an option can ask for: reasons, and the codes of CCS. */
export const apnsCodes: readonly string[] = [...Object.keys(apnsReasons), ...nackCodes];

const isReason = (code: string): code is ApnsReason => Object.hasOwn(apnsReasons, code);

/** The reason that a code asks for. */
export function reasonFor(code: string): ApnsReason {
  if (isReason(code)) return code;
  return Object.hasOwn(LEGACY, code) ? LEGACY[code as Nack] : 'InternalServerError';
}
