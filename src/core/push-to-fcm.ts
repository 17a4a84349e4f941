import { randomBytes } from 'node:crypto';
import type { FcmTarget, Registration } from './registration.ts';

/** A push whose base64 has so many characters no longer fits into the data of one FCM message. [unifiedpush.md §2.5] */
const SPLIT_FROM = 3_800;
/** The first of two parts has so many. */
const FIRST_PART = 3_000;

/** The app that a registration leads to over FCM, if it does. */
export function fcmTargetOf({ data }: Registration): FcmTarget | undefined {
  return (JSON.parse(data) as { fcm?: FcmTarget }).fcm;
}

/**
 * A push as FCM messages: `b` is its body in base64, `i` the instance. One that is too large goes in two, which the app puts
 * together by `m`, the same in both, and `s`, their number. [unifiedpush.md §2.5]
 */
export function fcmMessages(
  { to, instance, text }: FcmTarget,
  body: Uint8Array,
  urgent: boolean,
): readonly Readonly<Record<string, unknown>>[] {
  const priority = urgent ? 'high' : 'normal';
  if (text) return [{ to, priority, data: { body: Buffer.from(body).toString('utf8'), [text]: instance } }];
  const content = Buffer.from(body).toString('base64');
  const message = (data: object) => ({ to, priority, data: { ...data, i: instance } });
  if (content.length < SPLIT_FROM) return [message({ b: content })];
  const m = randomBytes(8).toString('base64url');
  return [
    message({ b: content.slice(0, FIRST_PART), m, s: '1' }),
    message({ b: content.slice(FIRST_PART), m, s: '2' }),
  ];
}
