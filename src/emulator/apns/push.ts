import type { Request } from '../http2/service.ts';
import type { ApnsReason } from './reasons.ts';

/** What pushes must be like. */
export interface PushRules {
  readonly topics: readonly string[];
  readonly hex_tokens: boolean;
}

const DEVICE = /^\/3\/device\/([^/?]*)$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TOPIC = /^[A-Za-z0-9][A-Za-z0-9.-]{0,254}$/;
const HEX = /^(?:[0-9a-f]{2}){1,128}$/i;
const TOPIC_SUFFIX = /\.(?:voip|complication|pushkit\.fileprovider|location-query|push-type\.liveactivity|voip-ptt)$/;
const PUSH_TYPES: ReadonlySet<string> = new Set([
  'alert',
  'background',
  'location',
  'voip',
  'complication',
  'fileprovider',
  'mdm',
  'liveactivity',
  'pushtotalk',
]);
const PRIORITIES: ReadonlySet<string> = new Set(['10', '5', '1']);
const HEADERS = ['apns-id', 'apns-topic', 'apns-push-type', 'apns-priority', 'apns-expiration', 'apns-collapse-id'];
const MAX_COLLAPSE_BYTES = 64;
const MAX_PAYLOAD_BYTES = 4_096;
const MAX_VOIP_PAYLOAD_BYTES = 5_120;

/** The device token of a path: undefined where the path is another one, empty where the token is missing. */
export function deviceOf(path: string): string | undefined {
  const written = path === '/3/device' ? '' : DEVICE.exec(path)?.[1];
  if (written === undefined || !written.includes('%')) return written;
  try {
    return decodeURIComponent(written);
  } catch {
    return undefined;
  }
}

/** The id that a push is known by, if it names a good one. */
export function idOf({ headers }: Request): string | undefined {
  const id = one(headers['apns-id']);
  return id !== undefined && UUID.test(id) ? id.toLowerCase() : undefined;
}

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** Why a push is refused; undefined if it is in order. */
export function objectionTo(
  request: Request,
  device: string,
  { topics, hex_tokens }: PushRules,
  byCertificate: boolean,
): ApnsReason | undefined {
  if (repeatsHeader(request)) return 'DuplicateHeaders';
  const { headers } = request;
  const topic = one(headers['apns-topic']);
  const type = one(headers['apns-push-type']);
  return (
    optionObjection(headers, type) ??
    topicObjection(topic, topics, byCertificate) ??
    (hex_tokens && !HEX.test(device) ? 'BadDeviceToken' : undefined) ??
    payloadObjection(request.body, type === 'voip' || topic?.endsWith('.voip') === true)
  );
}

/** What stands twice has been joined by a comma on the way here. */
function repeatsHeader({ headers, rawHeaders }: Request): boolean {
  if (!HEADERS.some((name) => one(headers[name])?.includes(', '))) return false;
  return HEADERS.some((name) => rawHeaders.filter((each, index) => index % 2 === 0 && each === name).length > 1);
}

function optionObjection(headers: Request['headers'], type: string | undefined): ApnsReason | undefined {
  const id = one(headers['apns-id']);
  const expiration = one(headers['apns-expiration']);
  const priority = one(headers['apns-priority']);
  const collapse = one(headers['apns-collapse-id']);
  if (id !== undefined && !UUID.test(id)) return 'BadMessageId';
  if (expiration !== undefined && !/^\d{1,12}$/.test(expiration)) return 'BadExpirationDate';
  if (priority !== undefined && !PRIORITIES.has(priority)) return 'BadPriority';
  if (type !== undefined && !PUSH_TYPES.has(type)) return 'InvalidPushType';
  // Absent, it is 10.
  if (type === 'background' && priority !== '5') return 'BadPriority';
  if (collapse !== undefined && Buffer.byteLength(collapse) > MAX_COLLAPSE_BYTES) return 'BadCollapseId';
  return undefined;
}

/** A certificate names its topic itself. */
function topicObjection(
  topic: string | undefined,
  allowed: readonly string[],
  byCertificate: boolean,
): ApnsReason | undefined {
  if (topic === undefined) return byCertificate ? undefined : 'MissingTopic';
  if (!TOPIC.test(topic)) return 'BadTopic';
  return allowed.length === 0 || allowed.includes(topic.replace(TOPIC_SUFFIX, '')) ? undefined : 'TopicDisallowed';
}

function payloadObjection(body: string, voip: boolean): ApnsReason | undefined {
  if (Buffer.byteLength(body) > (voip ? MAX_VOIP_PAYLOAD_BYTES : MAX_PAYLOAD_BYTES)) return 'PayloadTooLarge';
  try {
    const payload: unknown = JSON.parse(body);
    return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? undefined : 'PayloadEmpty';
  } catch {
    return 'PayloadEmpty';
  }
}
