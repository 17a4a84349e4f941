import { invalid, type RawData, type RawFrame, shown } from './fields.ts';
import type { JsonObject } from './frames.ts';
import { tooDeep, twiceInData } from './json.ts';
import { MAX_DEPTH } from './json-keys.ts';
import { BASE_BYTES, HEAD_BYTES, isObjectBit, MAGIC, type, WORD_BYTES } from './qt-layout.ts';

/**
 * A body in Qt 5 binary JSON, version 1 [BAL §Framing]. Nothing in it is believed: every offset and length is checked
 * against the container that it lies in, and no word may belong to two values, so that a small frame can not unfold into
 * a large value. Keys may stand in any order.
 * @throws {BalError} INVALID_FRAME
 */
export function readQt(body: Buffer): RawFrame {
  if (body.length < HEAD_BYTES + BASE_BYTES || body.readUInt32LE(0) !== MAGIC) throw broken('header');
  if (body.readUInt32LE(WORD_BYTES) !== 1) throw invalid('the frame is Qt binary JSON of an unknown version');
  if ((body.readUInt32LE(HEAD_BYTES + WORD_BYTES) & isObjectBit) === 0) throw invalid('the frame is not an object');
  const reader = new Reader(body);
  const header = reader.root();
  return {
    header,
    data: (): RawData =>
      reader.twice === undefined
        ? { value: header.fcm_data }
        : { value: header.fcm_data, problem: twiceInData(reader.twice) },
  };
}

function broken(what: string) {
  return invalid(`the frame is not valid Qt binary JSON: ${what}`);
}

/** Where a container lies: its first byte, where its table begins and how many entries that has. */
interface Base {
  readonly start: number;
  readonly table: number;
  readonly length: number;
  readonly object: boolean;
}

class Reader {
  readonly #bytes: Buffer;
  /** 1 for every word that belongs to a value already read. */
  readonly #taken: Uint8Array;
  /** The first key that stands twice within `fcm_data`. */
  twice: string | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#taken = new Uint8Array(Math.ceil(bytes.length / WORD_BYTES));
  }

  root(): JsonObject {
    return this.#object(this.#base(HEAD_BYTES, this.#bytes.length), 1, false);
  }

  /** The container that starts at `start` and must end before `end`. */
  #base(start: number, end: number): Base {
    if (end - start < BASE_BYTES) throw broken('a container is cut off');
    const size = this.#word(start);
    const word = this.#word(start + WORD_BYTES);
    const tableOffset = this.#word(start + 2 * WORD_BYTES);
    const length = word >>> 1;
    if (size < BASE_BYTES || size > end - start) throw broken('the size of a container');
    // An empty container may say 0 instead of where its table would stand.
    if (length > 0 && (tableOffset < BASE_BYTES || tableOffset % WORD_BYTES !== 0)) throw broken('a table offset');
    if (tableOffset > size || length > (size - tableOffset) / WORD_BYTES) throw broken('the length of a container');
    this.#take(start, BASE_BYTES);
    if (length > 0) this.#take(start + tableOffset, length * WORD_BYTES);
    return { start, table: start + tableOffset, length, object: (word & isObjectBit) !== 0 };
  }

  #object(base: Base, depth: number, inData: boolean): JsonObject {
    const object: Record<string, unknown> = {};
    for (let i = 0; i < base.length; i++) {
      const entry = this.#place(base, this.#word(base.table + i * WORD_BYTES), WORD_BYTES);
      const word = this.#word(entry);
      this.#take(entry, WORD_BYTES);
      const key = this.#string(base, entry - base.start + WORD_BYTES, (word & 0x10) !== 0);
      const value = this.#value(base, word, depth, inData || (depth === 1 && key === 'fcm_data'));
      if (Object.hasOwn(object, key)) {
        if (depth === 1) throw invalid(`the frame has the key ${shown(key)} twice`);
        if (inData) this.twice ??= key;
      }
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      } else {
        object[key] = value;
      }
    }
    return object;
  }

  #array(base: Base, depth: number, inData: boolean): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < base.length; i++) {
      items.push(this.#value(base, this.#word(base.table + i * WORD_BYTES), depth, inData));
    }
    return items;
  }

  /** A value of the container `base`. `word` is 3 bits type, 1 bit Latin-1 or integer, 1 bit Latin-1 key, 27 bits value. */
  #value(base: Base, word: number, depth: number, inData: boolean): unknown {
    const offset = word >>> 5;
    const compact = (word & 0x08) !== 0;
    switch (word & 0x07) {
      case type.null:
        return null;
      case type.bool:
        return offset !== 0;
      case type.double:
        return compact ? word >> 5 : this.#double(base, offset);
      case type.string:
        return this.#string(base, offset, compact);
      case type.array:
      case type.object: {
        if (depth >= MAX_DEPTH) throw invalid(tooDeep('the frame'));
        const inner = this.#base(this.#place(base, offset, BASE_BYTES), base.table);
        if (inner.object !== ((word & 0x07) === type.object)) throw broken('an object is marked as an array');
        return inner.object ? this.#object(inner, depth + 1, inData) : this.#array(inner, depth + 1, inData);
      }
      default:
        throw broken('an unknown type');
    }
  }

  #double(base: Base, offset: number): number {
    const at = this.#place(base, offset, 8);
    this.#take(at, 8);
    const value = this.#bytes.readDoubleLE(at);
    if (!Number.isFinite(value)) throw broken('a number that is not finite');
    return value;
  }

  /** Latin-1 behind a 16-bit length, or UTF-16 behind a 32-bit one. */
  #string(base: Base, offset: number, latin: boolean): string {
    const at = this.#place(base, offset, WORD_BYTES);
    const head = latin ? 2 : WORD_BYTES;
    const bytes = latin ? this.#bytes.readUInt16LE(at) : this.#word(at) * 2;
    if (bytes > base.table - at - head) throw broken('the length of a string');
    this.#take(at, head + bytes);
    return this.#bytes.toString(latin ? 'latin1' : 'utf16le', at + head, at + head + bytes);
  }

  /** The absolute position of `offset` in the data of `base`, where at least `bytes` must follow before its table. */
  #place(base: Base, offset: number, bytes: number): number {
    if (offset < BASE_BYTES || offset % WORD_BYTES !== 0 || offset + bytes > base.table - base.start) {
      throw broken('an offset');
    }
    return base.start + offset;
  }

  #word(at: number): number {
    return this.#bytes.readUInt32LE(at);
  }

  /** Marks the words from `at` on as read; `at` is the start of a word. */
  #take(at: number, bytes: number): void {
    const end = Math.ceil((at + bytes) / WORD_BYTES);
    for (let word = at / WORD_BYTES; word < end; word++) {
      if (this.#taken[word] === 1) throw broken('values that overlap');
      this.#taken[word] = 1;
    }
  }
}
