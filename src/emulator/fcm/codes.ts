import { nackCodes } from '../magic.ts';

/** Error codes of FCM HTTP v1. [fcm.md §3.3] */
export const fcmErrorCodes = [
  'UNSPECIFIED_ERROR',
  'INVALID_ARGUMENT',
  'UNREGISTERED',
  'SENDER_ID_MISMATCH',
  'QUOTA_EXCEEDED',
  'UNAVAILABLE',
  'INTERNAL',
  'THIRD_PARTY_AUTH_ERROR',
] as const;
export type FcmErrorCode = (typeof fcmErrorCodes)[number];

/** What a target or an option can ask for: the codes of v1, and those of CCS that have a like among them. */
export const fcmCodes = [...new Set([...fcmErrorCodes, ...nackCodes])] as const;
