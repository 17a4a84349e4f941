import type { Payload, Refusal } from '../../core/index.ts';
import { isDeeper } from '../../lib/depth.ts';
import { webTopic } from '../../protocols/fcm/index.ts';
import { AUTH_BYTES, POINT_BYTES } from '../../protocols/webpush/index.ts';
import type { WebPushOptions } from './options.ts';

/** [RFC 8030 §7.2] A push service has to take so many bytes, and need not take more. */
const BODY_MAX_BYTES = 4_096;
/** Objects and lists in each other. */
const DEPTH_MAX = 32;
/** [RFC 8291 §2] A point of the curve P-256 begins with it. */
const UNCOMPRESSED = 4;
const BASE64URL = /^[A-Za-z0-9_-]+={0,2}$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
/** [RFC 8188] The one encoding that is whole in the body. */
const ENCODED = 'aes128gcm';

type Rules = Pick<WebPushOptions, 'max_payload_bytes' | 'allow_unencrypted'>;
type Fields = Readonly<Record<string, unknown>>;

/** The keys of a subscription, base64url. */
export interface Keys {
  readonly p256dh: string;
  readonly auth: string;
}

/** A message as it is pushed. */
export interface WebPushMessage {
  readonly endpoint: string;
  readonly body: Buffer;
  /** To be encrypted with; absent: the body goes out as it is. */
  readonly keys?: Keys;
  /** What the body is encoded with already. */
  readonly encoding?: typeof ENCODED;
  readonly urgency?: 'normal' | 'high';
  readonly topic?: string;
}

export type Reading = { readonly message: WebPushMessage } | { readonly refusal: Refusal };

/**
 * Reads a payload: `to` is the URL of the endpoint and `keys` those of the subscription, as browsers hand them out; the body is
 * `content`, base64, or else `data` as JSON text. What would be refused anyway is found, and the field is named.
 */
export function readMessage(payload: Payload, rules: Rules): Reading {
  if (payload.kind !== 'fcm') return refused('this provider takes FCM messages only');
  try {
    const fields = parse(payload.json);
    for (const name of UNKNOWN) if (fields[name]) throw new Problem(`${name}: Web Push has nothing like it`);
    const endpoint = text(fields, 'to');
    if (endpoint === undefined) throw new Problem('to: missing; it is the URL of the endpoint');
    const body = bodyOf(fields);
    const keys = keysOf(fields.keys);
    const encoding = encodingOf(fields, keys);
    if (!keys && !encoding && !rules.allow_unencrypted) {
      throw new Problem('keys: missing; without p256dh and auth of the subscription nothing can be encrypted');
    }
    const limit = keys ? rules.max_payload_bytes : BODY_MAX_BYTES;
    if (body.length > limit) {
      const because = `the payload has ${body.length} bytes, ${limit} are allowed`;
      return { refusal: { code: 'PAYLOAD_TOO_LARGE', because } };
    }
    const urgency = urgencyOf(text(fields, 'priority'));
    const key = text(fields, 'collapse_key');
    return {
      message: {
        endpoint,
        body,
        ...(keys && { keys }),
        ...(encoding && { encoding }),
        ...(urgency && { urgency }),
        ...(key !== undefined && { topic: webTopic(key) }),
      },
    };
  } catch (error) {
    if (error instanceof Problem) return refused(error.message);
    throw error;
  }
}

/** Fields that ask for something that would not happen. */
const UNKNOWN = ['condition', 'notification', 'dry_run', 'delivery_receipt_requested'] as const;

class Problem extends Error {}

function refused(because: string): Reading {
  return { refusal: { code: 'INVALID_MESSAGE', because } };
}

function parse(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Problem('fcm_data: is no JSON');
  }
  if (!isObject(value)) throw new Problem('fcm_data: must be a JSON object');
  if (isDeeper(value, DEPTH_MAX)) throw new Problem(`fcm_data: more than ${DEPTH_MAX} levels deep`);
  return value;
}

function bodyOf(fields: Fields): Buffer {
  const content = text(fields, 'content');
  const data = fields.data ?? undefined;
  if (content !== undefined && data !== undefined) throw new Problem('content: not beside data');
  if (content !== undefined) {
    if (!BASE64.test(content)) throw new Problem('content: must be base64');
    const body = Buffer.from(content, 'base64');
    if (body.length === 0) throw new Problem('content: must not be empty');
    return body;
  }
  if (!isObject(data)) throw new Problem('data: must be an object, or there must be content in its place');
  return Buffer.from(JSON.stringify(data));
}

function keysOf(value: unknown): Keys | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new Problem('keys: must be an object with p256dh and auth');
  const point = bytes(value, 'p256dh');
  if (point.length !== POINT_BYTES || point[0] !== UNCOMPRESSED) {
    throw new Problem(`keys.p256dh: must be ${POINT_BYTES} bytes, an uncompressed point of P-256`);
  }
  const auth = bytes(value, 'auth');
  if (auth.length !== AUTH_BYTES) throw new Problem(`keys.auth: must be ${AUTH_BYTES} bytes`);
  return { p256dh: point.toString('base64url'), auth: auth.toString('base64url') };
}

function bytes(keys: Fields, name: string): Buffer {
  const { [name]: value } = keys;
  if (typeof value !== 'string' || !BASE64URL.test(value)) throw new Problem(`keys.${name}: must be base64url`);
  return Buffer.from(value, 'base64url');
}

/** What the sender has encrypted itself needs no keys. */
function encodingOf(fields: Fields, keys: Keys | undefined): typeof ENCODED | undefined {
  const encoding = text(fields, 'content_encoding');
  if (encoding === undefined) return undefined;
  if (encoding !== ENCODED) throw new Problem(`content_encoding: must be ${ENCODED}`);
  if (keys) throw new Problem('content_encoding: not beside keys, which the content would be encrypted with again');
  if (text(fields, 'content') === undefined) throw new Problem('content_encoding: only beside content');
  return ENCODED;
}

function urgencyOf(priority: string | undefined): 'normal' | 'high' | undefined {
  const urgency = priority?.toLowerCase();
  if (urgency === undefined || urgency === 'normal' || urgency === 'high') return urgency;
  throw new Problem('priority: must be normal or high');
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw new Problem(`${name}: must be a text`);
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
