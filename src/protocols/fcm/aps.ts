import { createHash } from 'node:crypto';
import { isVisible, type LegacyMessage, type LegacyNotification } from './legacy.ts';

/** `apns-collapse-id` has at most so many bytes. [fcm.md §4] */
export const COLLAPSE_ID_MAX = 64;

/** What a header takes: visible ASCII, spaces only inside. [RFC 9110 §5.5] */
const HEADER_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

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

/**
 * `apns-priority`: a message that nobody sees must not have 10. [fcm.md §3.2] Undefined: the service's own default.
 * @param visible whether the user sees or hears something of it
 */
export function apnsPriority(message: LegacyMessage, visible = isVisible(message)): '10' | '5' | undefined {
  if (!visible) return '5';
  if (message.priority === undefined) return undefined;
  return message.priority === 'high' ? '10' : '5';
}

/** `apns-expiration`: seconds since the epoch; 0 is “now or never”. Undefined if the sender gave no TTL. */
export function apnsExpiration(ttl: number | undefined, expiresAt: number): string | undefined {
  if (ttl === undefined) return undefined;
  return ttl === 0 ? '0' : String(Math.ceil(expiresAt / 1_000));
}

/** A collapse key that is too long, or no text for a header, is represented by its hash: equal keys still collapse. */
export function collapseId(key: string): string {
  if (isCollapseId(key)) return key;
  return createHash('sha256').update(key).digest('base64url');
}

/** Whether a text can be an `apns-collapse-id` as it is. */
export function isCollapseId(text: string): boolean {
  return HEADER_TEXT.test(text) && text.length <= COLLAPSE_ID_MAX;
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
