/** What a client would like, as far as it is of interest here. [RFC 7240 §4] */
export interface Preferences {
  /** For a push: a receipt. [RFC 8030 §5.1] */
  readonly respondAsync: boolean;
  /** Seconds that it would wait for an answer. */
  readonly wait?: number;
}

/**
 * Reads `Prefer`, which may come in several lines. Of a preference that is there twice the first counts; what is not
 * understood is passed over. [RFC 7240 §2]
 */
export function readPrefer(lines: readonly string[]): Preferences {
  if (lines.length === 0) return { respondAsync: false };
  const named = new Map<string, string>();
  for (const preference of lines.join(',').split(',')) {
    const [pair = ''] = preference.split(';'); // parameters of a preference follow
    const [name = '', value = ''] = pair.split('=').map((part) => part.trim());
    if (!named.has(name.toLowerCase())) named.set(name.toLowerCase(), value.replace(/^"(.*)"$/, '$1'));
  }
  const wait = named.get('wait') ?? '';
  return { respondAsync: named.has('respond-async'), ...(/^\d{1,9}$/.test(wait) && { wait: Number(wait) }) };
}
