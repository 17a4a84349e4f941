import { z } from '../../lib/schema.ts';

/** How soon the device should have a push. Ordered: what comes later is more urgent. [RFC 8030 §5.3] */
export const URGENCIES = ['very-low', 'low', 'normal', 'high'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** Seconds that a push is kept at most, whatever its `TTL` says: 4 weeks. */
export const PUSH_TTL_MAX = 2_419_200;
/** A push takes so many bytes at most, and servers must take that many. [RFC 8030 §7.2] */
export const PUSH_BODY_MAX = 4_096;
/** Longest topic, in characters. [RFC 8030 §5.4] */
export const TOPIC_MAX = 32;
/** Letters of the URL-safe base64 alphabet. [RFC 8030 §5.4] */
export const TOPIC_PATTERN = /^[\w-]{1,32}$/;
/** Longest value of the other headers that are handed on, in characters. */
export const HEADER_VALUE_MAX = 1_024;
/** What a header may carry: visible ASCII, spaces between. No control character gets into a frame or request of ours. */
const HEADER_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;

const headerValue = () => z.string().max(HEADER_VALUE_MAX).regex(HEADER_VALUE);

const pushHeaders = z.strictObject({
  encoding: headerValue().exactOptional(),
  type: headerValue().exactOptional(),
  urgency: z.enum(URGENCIES),
  ttl: z.int().min(0).max(PUSH_TTL_MAX),
  topic: z.string().regex(TOPIC_PATTERN).exactOptional(),
  legacy: z
    .strictObject({ encryption: headerValue().exactOptional(), crypto_key: headerValue().exactOptional() })
    .exactOptional(),
});

/** What is known of a push beside its body, which nobody but the device reads. */
export interface PushHeaders {
  /** `Content-Encoding`, such as `aes128gcm`. [RFC 8291 §4] */
  readonly encoding?: string;
  /** `Content-Type`. */
  readonly type?: string;
  readonly urgency: Urgency;
  /** Seconds that the push is kept from its acceptance on, at most {@link PUSH_TTL_MAX}. 0: now or not at all. */
  readonly ttl: number;
  readonly topic?: string;
  /** What the encoding `aesgcm` of the drafts before RFC 8291 says in headers and not in the body. */
  readonly legacy?: { readonly encryption?: string; readonly crypto_key?: string };
}

/** As the JSON text that the payload of a message carries. */
export function writePushHeaders(headers: PushHeaders): string {
  return JSON.stringify(headers);
}

/** Reads what {@link writePushHeaders} wrote; undefined if the text is nothing of that kind. */
export function readPushHeaders(text: string): PushHeaders | undefined {
  try {
    return pushHeaders.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether a header with this value may be handed on. */
export function isHeaderValue(value: string): boolean {
  return value.length <= HEADER_VALUE_MAX && HEADER_VALUE.test(value);
}
