import { createHash } from 'node:crypto';

/** [RFC 8030 §5.4] `Topic`: at most 32 characters of the URL-safe Base64 alphabet. */
const WEB_TOPIC = /^[A-Za-z0-9_-]{1,32}$/;
const WEB_TOPIC_MAX = 32;

/** A collapse key as a topic of Web Push. One that is none is represented by its hash: equal keys still replace each other. */
export function webTopic(key: string): string {
  if (WEB_TOPIC.test(key)) return key;
  return createHash('sha256').update(key).digest('base64url').slice(0, WEB_TOPIC_MAX);
}
