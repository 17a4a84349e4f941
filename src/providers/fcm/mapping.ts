import {
  type Aps,
  apnsExpiration,
  apnsPriority,
  apsOf,
  collapseId,
  isVisible,
  type JsonObject,
  type LegacyMessage,
  type LegacyNotification,
  webTopic,
} from '../../protocols/fcm/index.ts';
import { merged } from './merge.ts';

/** What is not in the message itself. */
export interface Circumstances {
  /** Seconds left to live; undefined if the sender gave no TTL. */
  readonly ttl: number | undefined;
  readonly expiresAt: number;
}

/**
 * The body of a request to HTTP v1: the legacy fields as Android, Apple's devices and browsers are told of them, and over
 * them what the sender gave in the form of v1. Blocks that would say nothing are left out. [fcm.md §3.5]
 */
export function requestOf(message: LegacyMessage, { ttl, expiresAt }: Circumstances): JsonObject {
  const { target, dryRun, notification = {}, fcmOptions } = message;
  const common = filled({ title: notification.title, body: notification.body, image: notification.image });
  return {
    ...(dryRun && { validate_only: true }),
    message: {
      [target.kind]: target.value,
      ...block('data', message.data),
      ...block('notification', common),
      ...block('android', merged(android(message, ttl), message.android)),
      ...block('apns', merged(apns(message, ttl, expiresAt), message.apns)),
      ...block('webpush', merged(webpush(message, ttl), message.webpush)),
      ...block('fcm_options', fcmOptions ?? {}),
    },
  };
}

/** `ttl` in the form of a protobuf duration. */
function android(message: LegacyMessage, ttl: number | undefined): JsonObject {
  const { collapseKey, priority, restrictedPackageName, notification = {} } = message;
  return {
    ...filled({
      collapse_key: collapseKey,
      priority: priority && (priority === 'high' ? 'HIGH' : 'NORMAL'),
      ttl: ttl === undefined ? undefined : `${ttl}s`,
      restricted_package_name: restrictedPackageName,
    }),
    ...block('notification', androidNotification(notification)),
  };
}

function androidNotification(notification: LegacyNotification): JsonObject {
  return filled({
    icon: notification.icon,
    color: notification.color,
    sound: notification.sound,
    tag: notification.tag,
    click_action: notification.clickAction,
    channel_id: notification.androidChannelId,
    body_loc_key: notification.bodyLocKey,
    body_loc_args: notification.bodyLocArgs,
    title_loc_key: notification.titleLocKey,
    title_loc_args: notification.titleLocArgs,
  });
}

function apns(message: LegacyMessage, ttl: number | undefined, expiresAt: number): JsonObject {
  const { collapseKey, contentAvailable } = message;
  const headers = filled({
    'apns-collapse-id': collapseKey === undefined ? undefined : collapseId(collapseKey),
    'apns-priority': apnsPriority(message),
    'apns-expiration': apnsExpiration(ttl, expiresAt),
    'apns-push-type': contentAvailable && !isVisible(message) ? 'background' : undefined,
  });
  const aps = needed(apsOf(message));
  return { ...block('headers', headers), ...(Object.keys(aps).length > 0 && { payload: { aps } }) };
}

/** An alert of title and body alone would repeat the notification's own; with more it replaces it, and has to be whole. */
function needed(aps: Aps): JsonObject {
  const { alert, ...others } = aps;
  const more = Object.keys(alert ?? {}).some((key) => key !== 'title' && key !== 'body');
  return more ? { ...aps } : others;
}

function webpush(message: LegacyMessage, ttl: number | undefined): JsonObject {
  const { collapseKey, priority, notification = {} } = message;
  const { icon, clickAction } = notification;
  const headers = filled({
    TTL: ttl === undefined ? undefined : String(ttl),
    Urgency: priority,
    Topic: collapseKey === undefined ? undefined : webTopic(collapseKey),
  });
  return {
    ...block('headers', headers),
    // For Android the icon is the name of a resource, and the action that of an intent: browsers have no use for those.
    ...(isLink(icon) && { notification: { icon } }),
    ...(isLink(clickAction) && { fcm_options: { link: clickAction } }),
  };
}

/** FCM takes https links only. [fcm.md §3.2] */
const isLink = (text: string | undefined): boolean => text?.startsWith('https://') === true && URL.canParse(text);

function block(name: string, fields: JsonObject): JsonObject {
  return Object.keys(fields).length > 0 ? { [name]: fields } : {};
}

/** Without what is undefined. */
function filled(fields: JsonObject): JsonObject {
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(fields)) if (fields[key] !== undefined) kept[key] = fields[key];
  return kept;
}
