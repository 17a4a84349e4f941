import { CompressionError } from './compression-error.ts';
import { decodeHuffman } from './huffman.ts';
import { DYNAMIC_FROM, entryBytes, type HeaderLine, staticTable, TABLE_MAX_BYTES } from './static-table.ts';

/** A length or an index beyond this has no good reason. */
const INTEGER_MAX = 2 ** 28;

/** Reads the header blocks of one peer, in the order in which they come. [RFC 7541] */
export class HeaderDecoder {
  readonly #maxListBytes: number;
  /** The dynamic table; the newest at the end. */
  readonly #table: HeaderLine[] = [];
  #tableBytes = 0;
  #tableMaxBytes = TABLE_MAX_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** @param maxListBytes of all names and values of a block and 32 for each line; the lines of larger ones are not kept */
  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /**
   * The lines of a whole block; undefined if they are more than they may be. Later blocks can be read all the same.
   * @throws CompressionError if it can not be read
   */
  decode(block: Buffer): HeaderLine[] | undefined {
    this.#block = block;
    this.#at = 0;
    const lines: HeaderLine[] = [];
    let bytes = 0;
    while (this.#at < block.length) {
      const line = this.#next(bytes === 0);
      if (!line) continue;
      bytes += entryBytes(line.name, line.value);
      if (bytes <= this.#maxListBytes) lines.push(line);
    }
    return bytes <= this.#maxListBytes ? lines : undefined;
  }

  /** The next line, or none if the table changed its size. [RFC 7541 §6] */
  #next(isFirst: boolean): HeaderLine | undefined {
    const first = this.#block[this.#at] ?? 0;
    if (first >= 0x80) return this.#lookUp(this.#integer(7));
    if (first >= 0x40) return this.#insert(this.#literal(6));
    if (first < 0x20) return this.#literal(4);
    // [RFC 7541 §4.2] at the beginning of a block, and never larger than we allow
    const size = this.#integer(5);
    if (!isFirst || size > TABLE_MAX_BYTES) throw new CompressionError(`table size ${size} is not allowed here`);
    this.#tableMaxBytes = size;
    this.#evict();
    return undefined;
  }

  #literal(prefixBits: number): HeaderLine {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#lookUp(index).name;
    return { name, value: this.#string() };
  }

  #lookUp(index: number): HeaderLine {
    const known =
      index < DYNAMIC_FROM ? staticTable[index - 1] : this.#table[this.#table.length + DYNAMIC_FROM - 1 - index];
    if (!known) throw new CompressionError(`no header with index ${index}`);
    return known;
  }

  #insert(line: HeaderLine): HeaderLine {
    this.#table.push(line);
    this.#tableBytes += entryBytes(line.name, line.value);
    this.#evict();
    return line;
  }

  #evict(): void {
    while (this.#tableBytes > this.#tableMaxBytes) {
      const oldest = this.#table.shift();
      if (!oldest) return;
      this.#tableBytes -= entryBytes(oldest.name, oldest.value);
    }
  }

  /** [RFC 7541 §5.1] */
  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (value > INTEGER_MAX || shift > 28) throw new CompressionError('a number is too large');
      if (byte < 0x80) return value;
    }
  }

  /** [RFC 7541 §5.2] */
  #string(): string {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    const from = this.#at;
    const to = from + length;
    if (to > this.#block.length) throw new CompressionError('the headers end in the middle of a string');
    this.#at = to;
    return isHuffman ? decodeHuffman(this.#block, from, to) : this.#block.toString('latin1', from, to);
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new CompressionError('the headers end in the middle of a number');
    return byte;
  }
}
