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

/** What a message can do to its connection with CCS by its token. */
export const magicFaults = ['silent', 'drop', 'reset', 'black-hole', 'drain', 'poison'] as const;
export type MagicFault = (typeof magicFaults)[number];

/** What a token asks for, among the faults that an emulator knows. */
export type Magic<Fault extends string> =
  | { readonly do: 'nack'; readonly code: string }
  | { readonly do: 'canonical'; readonly token: string }
  | { readonly do: Fault };

/** How often a message has to come before its token's magic is used up; undefined is never. */
export interface Spell<Fault extends string> {
  readonly magic: Magic<Fault>;
  readonly times: number | undefined;
}

/** What an emulator understands in a token. */
export interface Grimoire<Fault extends string> {
  readonly codes: ReadonlySet<string>;
  readonly faults: ReadonlySet<Fault>;
}

/**
 * The magic of a token:
 * - `CODE`, `CODE:anything`: that refusal; `CODE:3`: three times for each message, then none
 * - `canonical:TOKEN`: an ack that names TOKEN as the canonical registration id
 * - `fault:NAME`, `fault:NAME:3`: a fault by its name
 */
export function spellOf<Fault extends string>(token: string, book: Grimoire<Fault>): Spell<Fault> | undefined {
  const colon = token.indexOf(':');
  const head = colon < 0 ? token : token.slice(0, colon);
  const rest = colon < 0 ? '' : token.slice(colon + 1);
  if (book.codes.has(head)) return { magic: { do: 'nack', code: head }, times: timesOf(rest) };
  if (head === 'canonical' && rest !== '') return { magic: { do: 'canonical', token: rest }, times: undefined };
  if (head !== 'fault') return undefined;
  const [name = '', times = ''] = rest.split(':');
  return book.faults.has(name as Fault) ? { magic: { do: name as Fault }, times: timesOf(times) } : undefined;
}

const timesOf = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

const SPELLS_REMEMBERED = 100_000;

/** How often the magic of tokens has been used on messages. */
export class Spells {
  readonly #used = new Map<string, number>();

  /** The magic of a token, unless the message of this key has used it up. `key` is asked only for magic that is counted. */
  cast<Fault extends string>(token: string, book: Grimoire<Fault>, key: () => string): Magic<Fault> | undefined {
    const spell = spellOf(token, book);
    if (spell?.times === undefined) return spell?.magic;
    const id = key();
    const used = this.#used.get(id) ?? 0;
    if (used >= spell.times) return undefined;
    if (used === 0 && this.#used.size >= SPELLS_REMEMBERED) {
      const [oldest] = this.#used.keys();
      if (oldest !== undefined) this.#used.delete(oldest);
    }
    this.#used.set(id, used + 1);
    return spell.magic;
  }
}
