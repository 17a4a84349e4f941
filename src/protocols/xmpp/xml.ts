/** Escaping: what has to happen to a text before it may stand between tags or in an attribute. */

const TEXT_SPECIAL = /[&<>\r]/;
const TEXT_SPECIALS = /[&<>\r]/g;
const ATTRIBUTE_SPECIAL = /[&<>"'\t\n\r]/;
const ATTRIBUTE_SPECIALS = /[&<>"'\t\n\r]/g;
/** [XML §2.2] everything outside Char; with the u flag the surrogate range matches lone ones only. */
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/u;
const FORBIDDENS = /[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  // Needed only in "]]>", escaped everywhere because that is cheaper than to look.
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  // In an attribute a bare one would be read back as a space. [XML §3.3.3]
  '\t': '&#9;',
  '\n': '&#10;',
  // A bare one would be read back as a line end. [XML §2.11]
  '\r': '&#13;',
};

const entity = (char: string): string => ENTITIES[char] ?? char;
const unicodeEscape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** `text` for the place between tags. Characters that XML 1.0 has no spelling for become U+FFFD. */
export function escapeText(text: string): string {
  const legal = FORBIDDEN.test(text) ? text.replace(FORBIDDENS, '\ufffd') : text;
  return TEXT_SPECIAL.test(legal) ? legal.replace(TEXT_SPECIALS, entity) : legal;
}

/** `text` for an attribute in single or double quotes. Characters that XML 1.0 has no spelling for become U+FFFD. */
export function escapeAttribute(text: string): string {
  const legal = FORBIDDEN.test(text) ? text.replace(FORBIDDENS, '\ufffd') : text;
  return ATTRIBUTE_SPECIAL.test(legal) ? legal.replace(ATTRIBUTE_SPECIALS, entity) : legal;
}

/**
 * JSON text for the place between tags, without loss: a character that XML 1.0 forbids can stand only inside a JSON
 * string, where its `\u` escape means the same. `JSON.stringify` leaves U+FFFE and U+FFFF alone; JSON text of other
 * origin may also hold lone surrogates.
 */
export function escapeJson(json: string): string {
  const legal = FORBIDDEN.test(json) ? json.replace(FORBIDDENS, unicodeEscape) : json;
  return TEXT_SPECIAL.test(legal) ? legal.replace(TEXT_SPECIALS, entity) : legal;
}
