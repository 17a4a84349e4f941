import { createHash } from 'node:crypto';
import { isVisible, type LegacyMessage, type LegacyNotification } from './legacy.ts';

/** `apns-collapse-id` has at most so many bytes. [fcm.md §4] */
const COLLAPSE_ID_MAX = 64;

/** The dictionary `aps` of a notification for Apple's devices. [fcm.md §3.5] */
export interface Aps {
  alert?: Record<string, string | readonly string[]>;
  badge?: number;
  sound?: string;
  category?: string;
  'content-available'?: 1;
  'mutable-content'?: 1;
}

/** What the legacy fields say to Apple's devices. */
export function apsOf(message: LegacyMessage): Aps {
  const { notification = {} } = message;
  const alert = alertOf(notification);
  return {
    ...(Object.keys(alert).length > 0 && { alert }),
    ...(notification.badge !== undefined && { badge: notification.badge }),
    ...(notification.sound !== undefined && { sound: notification.sound }),
    ...(notification.clickAction !== undefined && { category: notification.clickAction }),
    ...(message.contentAvailable && { 'content-available': 1 }),
    ...(message.mutableContent && { 'mutable-content': 1 }),
  };
}

/** `apns-priority`: a message that nobody sees must not have 10. [fcm.md §3.2] Undefined: the service's own default. */
export function apnsPriority(message: LegacyMessage): '10' | '5' | undefined {
  if (!isVisible(message)) return '5';
  if (message.priority === undefined) return undefined;
  return message.priority === 'high' ? '10' : '5';
}

/** `apns-expiration`: seconds since the epoch; 0 is “now or never”. Undefined if the sender gave no TTL. */
export function apnsExpiration(ttl: number | undefined, expiresAt: number): string | undefined {
  if (ttl === undefined) return undefined;
  return ttl === 0 ? '0' : String(Math.ceil(expiresAt / 1_000));
}

/** A collapse key that is too long is represented by its hash: equal keys still collapse. */
export function collapseId(key: string): string {
  if (Buffer.byteLength(key) <= COLLAPSE_ID_MAX) return key;
  return createHash('sha256').update(key).digest('base64url');
}

/** Title and body stand here as well: `aps.alert` replaces the notification's own text. [fcm.md §3.5] */
function alertOf(notification: LegacyNotification): Record<string, string | readonly string[]> {
  const { title, body, subtitle, bodyLocKey, bodyLocArgs, titleLocKey, titleLocArgs } = notification;
  return {
    ...(title !== undefined && { title }),
    ...(body !== undefined && { body }),
    ...(subtitle !== undefined && { subtitle }),
    ...(bodyLocKey !== undefined && { 'loc-key': bodyLocKey }),
    ...(bodyLocArgs !== undefined && { 'loc-args': bodyLocArgs }),
    ...(titleLocKey !== undefined && { 'title-loc-key': titleLocKey }),
    ...(titleLocArgs !== undefined && { 'title-loc-args': titleLocArgs }),
  };
}
