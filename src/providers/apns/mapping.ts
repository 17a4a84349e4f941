import { hash } from 'node:crypto';
import {
  apnsPriority,
  apsOf,
  collapseId,
  type JsonObject,
  type LegacyMessage,
  LegacyProblem,
} from '../../protocols/fcm/index.ts';
import { type GivenHeaders, PUSH_TYPES, type PushType, readHeaders } from './headers.ts';

/** Longest device token, in characters: those of Apple have some hundred at most. */
const TOKEN_MAX = 1_024;

/** A message as APNs has it, but for what changes from one attempt to the next. */
export interface Notification {
  readonly path: string;
  readonly pushType: PushType;
  /** All headers but `authorization`; `apns-expiration` and `apns-id` only if the sender set them. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

/**
 * Says a legacy message in the words of APNs. [fcm.md §3.5, §4] What the sender said in `apns.headers` and `apns.payload`
 * goes over what is made of the legacy fields. Fields for other platforms are passed over, and so are
 * `restricted_package_name` and `fcm_options`: APNs has nothing like them.
 * @param topic of the provider; undefined if its certificate says enough
 * @throws LegacyProblem for what APNs has not, or would not take
 */
export function notificationOf(message: LegacyMessage, topic: string | undefined): Notification {
  const { apns = {}, collapseKey } = message;
  const given = readHeaders(section(apns, 'headers'));
  if ((apns.live_activity_token ?? undefined) !== undefined) {
    throw new LegacyProblem('apns.live_activity_token', 'goes into to, with the push type liveactivity');
  }
  const payload = payloadOf(message, section(apns, 'payload'));
  const visible = isSeen(payload.aps);
  const pushType = given['apns-push-type'] ?? (visible ? 'alert' : 'background');
  const chosenTopic = given['apns-topic'] ?? topicFor(pushType, topic);
  const priority = given['apns-priority'] ?? apnsPriority(message, pushType !== 'background');
  if (pushType === 'background' && priority !== '5') {
    throw new LegacyProblem('apns.headers.apns-priority', 'must be 5 for a push in the background');
  }
  return {
    path: pathOf(message),
    pushType,
    headers: {
      ...given,
      ...(chosenTopic !== undefined && { 'apns-topic': chosenTopic }),
      'apns-push-type': pushType,
      ...(priority !== undefined && { 'apns-priority': priority }),
      ...collapse(given, collapseKey),
    },
    body: JSON.stringify(pushType === 'background' ? awake(payload) : payload),
  };
}

/**
 * A UUID for a wire id: of version 8, whose bits are the maker's own. [RFC 9562 §5.8] The same in every attempt, so that
 * what Apple's tools show of one message is one.
 */
export function apnsId(wireId: string): string {
  const hex = hash('sha256', wireId, 'hex');
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3];
  const [time, clock] = [`8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${time}-${clock}-${hex.slice(20, 32)}`;
}

function pathOf({ target: { kind, value }, dryRun }: LegacyMessage): string {
  if (kind === 'topic') throw new LegacyProblem('to', 'APNs has no topics, only tokens of devices');
  if (kind === 'condition') throw new LegacyProblem('condition', 'APNs has no topics, only tokens of devices');
  if (value.length > TOKEN_MAX) throw new LegacyProblem('to', `longer than ${TOKEN_MAX} characters`);
  // A path may lose such a segment on its way. [RFC 3986 §5.2.4]
  if (value === '.' || value === '..') throw new LegacyProblem('to', 'is no token of a device');
  if (!value.isWellFormed()) throw new LegacyProblem('to', 'is no well-formed text');
  if (dryRun) throw new LegacyProblem('dry_run', 'APNs can not try a message without sending it');
  return `/3/device/${encodeURIComponent(value)}`;
}

/** `data` stands beside `aps`, and the sender's own payload over both. */
function payloadOf(message: LegacyMessage, over: JsonObject): JsonObject {
  if (Object.hasOwn(message.data, 'aps')) throw new LegacyProblem('data.aps', 'is a key that APNs keeps for itself');
  const aps = apsOf(message);
  const payload = merge({ ...message.data, ...(Object.keys(aps).length > 0 && { aps }) }, over);
  if (payload.aps !== undefined && !isObject(payload.aps)) {
    throw new LegacyProblem('apns.payload.aps', 'must be an object');
  }
  return payload;
}

/** Without anything to see or hear a notification can only wake the app. */
function isSeen(aps: unknown): boolean {
  return isObject(aps) && ['alert', 'badge', 'sound'].some((key) => (aps[key] ?? undefined) !== undefined);
}

/**
 * What goes to the app unseen must say that it is to be woken. There is no other way to an app than through APNs any more:
 * a message of data alone goes this way too, with `content_available` or without.
 */
function awake(payload: JsonObject): JsonObject {
  return merge(payload, { aps: { 'content-available': 1 } });
}

function topicFor(pushType: PushType, topic: string | undefined): string | undefined {
  const suffix = PUSH_TYPES[pushType];
  if (topic === undefined && suffix === '') return undefined;
  if (topic === undefined) {
    throw new LegacyProblem(
      'apns.headers.apns-topic',
      `is needed with push type ${pushType}: the provider has no topic`,
    );
  }
  return topic.endsWith(suffix) ? topic : topic + suffix;
}

function collapse(given: GivenHeaders, key: string | undefined): Readonly<Record<string, string>> {
  if (given['apns-collapse-id'] !== undefined || key === undefined || key === '') return {};
  return { 'apns-collapse-id': collapseId(key) };
}

/** Objects are merged key by key, everything else is replaced. As deep as `under`, which is ours and flat. */
function merge(under: JsonObject, over: JsonObject): JsonObject {
  const merged = Object.entries(over).map(([key, value]) => {
    const below = Object.hasOwn(under, key) ? under[key] : undefined;
    return [key, isObject(below) && isObject(value) ? merge(below, value) : value] as const;
  });
  // Spread, and not assigned: a key such as __proto__ stays a key.
  return { ...under, ...Object.fromEntries(merged) };
}

function section(apns: JsonObject, name: string): JsonObject {
  const value = apns[name] ?? {};
  if (isObject(value)) return value;
  throw new LegacyProblem(`apns.${name}`, 'must be an object');
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
