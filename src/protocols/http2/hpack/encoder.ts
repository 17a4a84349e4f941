import { DYNAMIC_FROM, entryBytes, staticTable, TABLE_MAX_BYTES } from './static-table.ts';

/** An integer takes at most so many bytes. */
const INTEGER_MAX_BYTES = 6;
/** Names whose last value is remembered. With more of them none is worth a place in a table. */
const NAMES_MAX = 128;

/** Indices in the static table: by name and value, and the first by name alone. */
const staticLines = new Map(staticTable.map(({ name, value }, i) => [keyOf(name, value), i + 1]));
const staticNames = new Map(staticTable.map(({ name }, i) => [name, i + 1] as const).reverse());

/**
 * Writes the header blocks for one peer. A line takes a place in the table when its name comes with the same value twice
 * in a row: what every request says costs a byte, what is different each time drives nothing out. [RFC 7541]
 *
 * Secrets take a place as well: nobody but us chooses what is sent over a connection, and only a whole value that is right
 * would make a block shorter. [RFC 7541 §7.1]
 */
export class HeaderEncoder {
  #block = Buffer.allocUnsafeSlow(1_024);
  #at = 0;
  /** Entries of the dynamic table and the number under which they were inserted, oldest first. */
  readonly #table = new Map<string, { readonly number: number; readonly bytes: number }>();
  #inserted = 0;
  #tableBytes = 0;
  #tableMaxBytes = TABLE_MAX_BYTES;
  /** The smallest and the last size that the peer must be told of. [RFC 7541 §4.2] */
  #resize: { readonly least: number; readonly last: number } | undefined;
  /** The value that a name came with last. */
  readonly #last = new Map<string, string>();

  /** The peer keeps no more than so many bytes. */
  limit(bytes: number): void {
    const size = Math.min(bytes, TABLE_MAX_BYTES);
    if (size === this.#tableMaxBytes && !this.#resize) return;
    this.#resize = { least: Math.min(size, this.#resize?.least ?? size), last: size };
    this.#tableMaxBytes = size;
    this.#evict(this.#resize.least);
  }

  /** A new block begins. */
  begin(): void {
    this.#at = 0;
    if (!this.#resize) return;
    const { least, last } = this.#resize;
    if (least < last) this.#integer(0x20, 5, least);
    this.#integer(0x20, 5, last);
    this.#resize = undefined;
  }

  /** One more line: a name in lower case, both Latin-1. */
  add(name: string, value: string): void {
    const key = keyOf(name, value);
    const index = staticLines.get(key) ?? this.#find(key);
    if (index !== undefined) {
      this.#integer(0x80, 7, index);
      return;
    }
    const nameIndex = staticNames.get(name) ?? 0;
    if (this.#last.get(name) !== value) {
      this.#remember(name, value);
      this.#integer(0x00, 4, nameIndex);
    } else if (entryBytes(name, value) > this.#tableMaxBytes) {
      // [RFC 7541 §4.4] it would drive all others out, and stay out itself
      this.#integer(0x00, 4, nameIndex);
    } else {
      this.#integer(0x40, 6, nameIndex);
      this.#insert(key, entryBytes(name, value));
    }
    if (nameIndex === 0) this.#string(name);
    this.#string(value);
  }

  /** The block; good until the next one begins. */
  end(): Buffer {
    return this.#block.subarray(0, this.#at);
  }

  #remember(name: string, value: string): void {
    if (this.#last.size >= NAMES_MAX && !this.#last.has(name)) this.#last.clear();
    this.#last.set(name, value);
  }

  #find(key: string): number | undefined {
    const entry = this.#table.get(key);
    return entry && DYNAMIC_FROM + this.#inserted - entry.number;
  }

  #insert(key: string, bytes: number): void {
    this.#tableBytes += bytes;
    this.#table.set(key, { number: ++this.#inserted, bytes });
    this.#evict(this.#tableMaxBytes);
  }

  #evict(maxBytes: number): void {
    for (const [key, { bytes }] of this.#table) {
      if (this.#tableBytes <= maxBytes) return;
      this.#table.delete(key);
      this.#tableBytes -= bytes;
    }
  }

  #integer(pattern: number, prefixBits: number, value: number): void {
    const block = this.#room(INTEGER_MAX_BYTES);
    const mask = (1 << prefixBits) - 1;
    if (value < mask) {
      block[this.#at++] = pattern | value;
      return;
    }
    block[this.#at++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>= 7) block[this.#at++] = 0x80 | (rest & 0x7f);
    block[this.#at++] = rest;
  }

  /** As it is: Huffman codes would save a few bytes of a block that is small already. */
  #string(text: string): void {
    this.#integer(0x00, 7, text.length);
    this.#at += this.#room(text.length).write(text, this.#at, 'latin1');
  }

  #room(bytes: number): Buffer {
    if (this.#at + bytes > this.#block.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (this.#at + bytes));
      this.#block.copy(larger, 0, 0, this.#at);
      this.#block = larger;
    }
    return this.#block;
  }
}

/** No name has a line end in it. */
function keyOf(name: string, value: string): string {
  return `${name}\n${value}`;
}
