/**
 * Qt 5 binary JSON, version 1, as `QJsonDocument::toBinaryData` writes it. All words are 32 bits, little-endian:
 *
 *     document   "qbjs", version = 1, root container
 *     container  size in bytes, (length << 1 | is_object), offset of its table; then the data; then the table
 *     table      of an array: `length` values; of an object: `length` offsets of entries, sorted by key
 *     entry      value, key (a string), then what the value points at
 *     value      3 bits type, 1 bit (Latin-1 string, or integer), 1 bit Latin-1 key, 27 bits: the value itself if it is a
 *                boolean or an integer of less than 27 bits, otherwise the offset of its data
 *     string     Latin-1: 16-bit length, bytes; otherwise 32-bit length, UTF-16. Filled up with zeros to whole words
 *
 * Offsets count from the start of the container that the value or entry lies in.
 */
export const type = { null: 0, bool: 1, double: 2, string: 3, array: 4, object: 5 } as const;

/** "qbjs" read as a little-endian word. */
export const MAGIC = 0x736a_6271;

export const WORD_BYTES = 4;
/** "qbjs" and the version. */
export const HEAD_BYTES = 2 * WORD_BYTES;
/** Size, length and table offset of a container. */
export const BASE_BYTES = 3 * WORD_BYTES;
/** In the second word of a container. */
export const isObjectBit = 1;
/** Integers of this size or more do not fit beside the type and are written as doubles. */
export const TOO_LARGE_INTEGER = 2 ** 26;
/** Offsets have 27 bits. */
export const MAX_OFFSET = 2 ** 27 - 1;
/** From this many characters on Qt writes UTF-16, whatever they are. */
export const TOO_LONG_FOR_LATIN = 0x8000;
