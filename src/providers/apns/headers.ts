import { COLLAPSE_ID_MAX, isCollapseId, type JsonObject, LegacyProblem } from '../../protocols/fcm/index.ts';

/** Kinds of notifications, and what the topic of each ends in. [fcm.md §4] */
export const PUSH_TYPES = {
  alert: '',
  background: '',
  location: '.location-query',
  voip: '.voip',
  complication: '.complication',
  fileprovider: '.pushkit.fileprovider',
  mdm: '',
  liveactivity: '.push-type.liveactivity',
  pushtotalk: '.voip-ptt',
} as const;

export type PushType = keyof typeof PUSH_TYPES;

/** The headers that a sender may set itself, each absent if it did not. */
export interface GivenHeaders {
  readonly 'apns-topic'?: string;
  readonly 'apns-push-type'?: PushType;
  readonly 'apns-priority'?: '10' | '5' | '1';
  readonly 'apns-expiration'?: string;
  readonly 'apns-collapse-id'?: string;
  readonly 'apns-id'?: string;
}

/** What each header takes; the words say so to whoever gave something else. */
const RULES: Readonly<Record<keyof GivenHeaders, { readonly words: string; fits(text: string): boolean }>> = {
  'apns-topic': {
    words: 'must be at most 255 visible ASCII characters',
    fits: (text) => /^[\x21-\x7e]{1,255}$/.test(text),
  },
  'apns-push-type': {
    words: `must be one of ${Object.keys(PUSH_TYPES).join(', ')}`,
    fits: (text) => Object.hasOwn(PUSH_TYPES, text),
  },
  'apns-priority': { words: 'must be 10, 5 or 1', fits: (text) => /^(?:10|5|1)$/.test(text) },
  'apns-expiration': { words: 'must be seconds since 1970, or 0', fits: (text) => /^(?:0|[1-9]\d{0,10})$/.test(text) },
  'apns-collapse-id': { words: `must be 1 to ${COLLAPSE_ID_MAX} bytes of visible ASCII`, fits: isCollapseId },
  'apns-id': {
    words: 'must be a UUID in lower case',
    fits: (text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
  },
};

/**
 * The headers in `apns.headers` of a message, as HTTP v1 has them too: names in lower case, values as text or number.
 * @throws LegacyProblem for a header that is not for the sender to set, or has a wrong value
 */
export function readHeaders(given: JsonObject): GivenHeaders {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const field = `apns.headers.${name}`;
    if (!Object.hasOwn(RULES, name)) {
      throw new LegacyProblem(field, `is no header to be set here; these are: ${Object.keys(RULES).join(', ')}`);
    }
    const { words, fits } = RULES[name as keyof GivenHeaders];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text !== 'string' || !fits(text)) throw new LegacyProblem(field, words);
    headers[name] = text;
  }
  return headers;
}
