import { isDeeper } from '../../lib/depth.ts';

/*
 * The legacy downstream message, which BAL and CCS speak, read field by field so that it can be said in other protocols.
 * [fcm.md §1.4] Unknown fields are ignored; a known one of a wrong type is a problem, but null means absent.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

export interface LegacyNotification {
  readonly title?: string;
  readonly body?: string;
  readonly subtitle?: string;
  readonly icon?: string;
  readonly color?: string;
  readonly sound?: string;
  readonly tag?: string;
  readonly image?: string;
  readonly clickAction?: string;
  readonly androidChannelId?: string;
  readonly badge?: number;
  readonly bodyLocKey?: string;
  readonly bodyLocArgs?: readonly string[];
  readonly titleLocKey?: string;
  readonly titleLocArgs?: readonly string[];
}

export interface LegacyMessage {
  readonly target: { readonly kind: 'token' | 'topic' | 'condition'; readonly value: string };
  readonly collapseKey?: string;
  /** As the sender gave it; absent if it gave none: data messages default to normal, notifications to high. */
  readonly priority?: 'normal' | 'high';
  readonly contentAvailable: boolean;
  readonly mutableContent: boolean;
  readonly dryRun: boolean;
  /** Only XMPP had receipts: a provider says what becomes of this wish. */
  readonly deliveryReceiptRequested: boolean;
  readonly restrictedPackageName?: string;
  /** Every value a text: others as their JSON. */
  readonly data: Readonly<Record<string, string>>;
  readonly notification?: LegacyNotification;
  /** Parts that CCS did not know, in the form of HTTP v1: they go over what is made of the legacy fields. */
  readonly android?: JsonObject;
  readonly apns?: JsonObject;
  readonly webpush?: JsonObject;
  readonly fcmOptions?: JsonObject;
}

/** What is wrong with a message: begins with the name of the field. */
export class LegacyProblem extends Error {
  constructor(field: string, what: string) {
    super(`${field}: ${what}`);
    this.name = 'LegacyProblem';
  }
}

/** Keys that FCM keeps for itself. [fcm.md §3.2] */
const RESERVED_KEYS = new Set(['from', 'message_type']);
const RESERVED_PREFIXES = ['google', 'gcm'];
const TOPIC = /^[a-zA-Z0-9\-_.~%]+$/;
/** Longest token, condition and texts of other short fields, in UTF-16 code units. */
const TARGET_MAX = 4_096;
/** Objects and lists in each other: who walks through them by calling itself must not run out of stack. */
const DEPTH_MAX = 32;

/**
 * Reads the legacy JSON text.
 * @throws LegacyProblem for a field that no service would take
 */
export function readLegacy(json: string): LegacyMessage {
  const fields = parse(json);
  const notification = notificationOf(object(fields, 'notification'));
  return {
    target: targetOf(fields),
    contentAvailable: flag(fields, 'content_available'),
    mutableContent: flag(fields, 'mutable_content'),
    dryRun: flag(fields, 'dry_run'),
    deliveryReceiptRequested: flag(fields, 'delivery_receipt_requested'),
    data: dataOf(object(fields, 'data')),
    ...defined({
      collapseKey: text(fields, 'collapse_key'),
      priority: priorityOf(text(fields, 'priority')),
      restrictedPackageName: text(fields, 'restricted_package_name'),
      notification,
      android: object(fields, 'android'),
      apns: object(fields, 'apns'),
      webpush: object(fields, 'webpush'),
      fcmOptions: object(fields, 'fcm_options'),
    }),
  };
}

/** Whether the user sees or hears something of the message. */
export function isVisible({ notification }: LegacyMessage): boolean {
  return notification !== undefined && Object.keys(notification).length > 0;
}

function parse(json: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new LegacyProblem('fcm_data', 'is no JSON');
  }
  if (!isObject(value)) throw new LegacyProblem('fcm_data', 'must be a JSON object');
  if (isDeeper(value, DEPTH_MAX)) throw new LegacyProblem('fcm_data', `more than ${DEPTH_MAX} levels deep`);
  return value;
}

function targetOf(fields: JsonObject): LegacyMessage['target'] {
  const to = text(fields, 'to');
  const condition = text(fields, 'condition');
  if (to !== undefined && condition !== undefined) throw new LegacyProblem('condition', 'not beside to');
  const value = to ?? condition;
  if (value === undefined) throw new LegacyProblem('to', 'missing, and condition too');
  const name = to === undefined ? 'condition' : 'to';
  if (value === '') throw new LegacyProblem(name, 'must not be empty');
  if (value.length > TARGET_MAX) throw new LegacyProblem(name, `longer than ${TARGET_MAX} characters`);
  if (to === undefined) return { kind: 'condition', value };
  if (!to.startsWith('/topics/')) return { kind: 'token', value };
  const topic = to.slice('/topics/'.length);
  if (!TOPIC.test(topic)) throw new LegacyProblem('to', 'a topic has letters, digits and -_.~% only');
  return { kind: 'topic', value: topic };
}

function dataOf(data: JsonObject = {}): Record<string, string> {
  const texts = Object.entries(data).map(([key, value]): [string, string] => {
    if (RESERVED_KEYS.has(key) || RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix))) {
      throw new LegacyProblem(`data.${key}`, 'is a key that FCM keeps for itself');
    }
    return [key, typeof value === 'string' ? value : JSON.stringify(value)];
  });
  return Object.fromEntries(texts); // also with a key called __proto__, which an assignment would lose
}

function notificationOf(fields: JsonObject | undefined): LegacyNotification | undefined {
  if (!fields) return undefined;
  const at = (name: string) => text(fields, name, 'notification.');
  return defined({
    title: at('title'),
    body: at('body'),
    subtitle: at('subtitle'),
    icon: at('icon'),
    color: at('color'),
    sound: at('sound'),
    tag: at('tag'),
    image: at('image'),
    clickAction: at('click_action'),
    androidChannelId: at('android_channel_id'),
    badge: badgeOf(fields.badge),
    bodyLocKey: at('body_loc_key'),
    bodyLocArgs: argsOf(fields, 'body_loc_args'),
    titleLocKey: at('title_loc_key'),
    titleLocArgs: argsOf(fields, 'title_loc_args'),
  });
}

/** A text in the legacy form, a number in that of APNs. [fcm.md §3.5] */
function badgeOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const badge = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
  if (typeof badge === 'number' && Number.isInteger(badge) && badge >= 0) return badge;
  throw new LegacyProblem('notification.badge', 'must be a whole number, or one as text');
}

/** A list, or in older clients its JSON as text. [fcm.md §1.4] */
function argsOf(fields: JsonObject, name: string): readonly string[] | undefined {
  let value = fields[name] ?? undefined;
  if (value === undefined) return undefined;
  try {
    if (typeof value === 'string') value = JSON.parse(value);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value)) throw new LegacyProblem(`notification.${name}`, 'must be a list, or its JSON as text');
  return value.map((arg: unknown) => (typeof arg === 'string' ? arg : JSON.stringify(arg)));
}

function priorityOf(value: string | undefined): 'normal' | 'high' | undefined {
  const priority = value?.toLowerCase();
  if (priority === undefined || priority === 'normal' || priority === 'high') return priority;
  throw new LegacyProblem('priority', 'must be normal or high');
}

function text(fields: JsonObject, name: string, path = ''): string | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw new LegacyProblem(path + name, 'must be a text');
}

function flag(fields: JsonObject, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new LegacyProblem(name, 'must be true or false');
}

function object(fields: JsonObject, name: string): JsonObject | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || isObject(value)) return value;
  throw new LegacyProblem(name, 'must be an object');
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys whose value is undefined. */
function defined<T extends object>(fields: T): Defined<T> {
  const kept: Defined<T> = {};
  for (const key of Object.keys(fields) as (keyof T)[]) {
    const value = fields[key];
    if (value !== undefined) kept[key] = value as Exclude<T[keyof T], undefined>;
  }
  return kept;
}
