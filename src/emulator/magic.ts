/** Codes that CCS refuses messages with. [fcm.md §1.6] */
export const nackCodes = [
  'AUTHENTICATION_FAILED',
  'BAD_ACK',
  'BAD_REGISTRATION',
  'CONNECTION_DRAINING',
  'DEVICE_MESSAGE_RATE_EXCEEDED',
  'DEVICE_UNREGISTERED',
  'INTERNAL_SERVER_ERROR',
  'INVALID_APNS_CREDENTIAL',
  'INVALID_JSON',
  'INVALID_TTL',
  'JSON_TYPE_ERROR',
  'QUOTA_EXCEEDED',
  'SERVICE_UNAVAILABLE',
  'TOPICS_MESSAGE_RATE_EXCEEDED',
] as const;

/** What a message can do to its connection by its token. */
export const magicFaults = ['silent', 'drop', 'reset', 'black-hole', 'drain', 'poison'] as const;
export type MagicFault = (typeof magicFaults)[number];

/** What a token asks for. */
export type Magic =
  | { readonly do: 'nack'; readonly code: string }
  | { readonly do: 'canonical'; readonly token: string }
  | { readonly do: MagicFault };

/** How often a message has to come before its token's magic is used up; undefined is never. */
export interface Spell {
  readonly magic: Magic;
  readonly times: number | undefined;
}

const CODES: ReadonlySet<string> = new Set(nackCodes);
const FAULTS: ReadonlySet<string> = new Set(magicFaults);

/**
 * The magic of a token:
 * - `CODE`, `CODE:anything`: that nack; `CODE:3`: three times for each message_id, then an ack
 * - `canonical:TOKEN`: an ack that names TOKEN as the canonical registration id
 * - `fault:NAME`, `fault:NAME:3`: see {@link magicFaults}
 */
export function spellOf(token: string): Spell | undefined {
  const colon = token.indexOf(':');
  const head = colon < 0 ? token : token.slice(0, colon);
  const rest = colon < 0 ? '' : token.slice(colon + 1);
  if (CODES.has(head)) return { magic: { do: 'nack', code: head }, times: timesOf(rest) };
  if (head === 'canonical' && rest !== '') return { magic: { do: 'canonical', token: rest }, times: undefined };
  if (head !== 'fault') return undefined;
  const [name = '', times = ''] = rest.split(':');
  return FAULTS.has(name) ? { magic: { do: name as MagicFault }, times: timesOf(times) } : undefined;
}

const timesOf = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
