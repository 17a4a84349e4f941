/** What both sides know from the beginning, by index from 1. [RFC 7541 Appendix A] */
const STATIC: readonly (readonly [name: string, value?: string])[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
];

/** One line of a header. */
export interface HeaderLine {
  readonly name: string;
  readonly value: string;
}

/** By index, less one. */
export const staticTable: readonly HeaderLine[] = STATIC.map(([name, value = '']) => ({ name, value }));

/** Where the dynamic table begins. [RFC 7541 §2.3.3] */
export const DYNAMIC_FROM = STATIC.length + 1;
/** An entry takes so many bytes besides its name and value. [RFC 7541 §4.1] */
export const ENTRY_OVERHEAD_BYTES = 32;
/** A dynamic table may take so many bytes, unless its reader said otherwise. [RFC 9113 §6.5.2] */
export const TABLE_MAX_BYTES = 4_096;

/** Bytes that an entry takes in a dynamic table; all strings are Latin-1. */
export function entryBytes(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES;
}
