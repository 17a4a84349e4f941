import { invalid, isObject } from './fields.ts';
import type { BridgeFrame, JsonObject, SentFrame } from './frames.ts';
import { HEADER_BYTES } from './framing.ts';
import { tooDeep, withDescription, withoutProblem } from './json.ts';
import { MAX_DEPTH } from './json-keys.ts';
import {
  BASE_BYTES,
  isObjectBit,
  MAGIC,
  MAX_OFFSET,
  TOO_LARGE_INTEGER,
  TOO_LONG_FOR_LATIN,
  type,
  WORD_BYTES,
} from './qt-layout.ts';

/** The largest `sequence_id` that GIMMM's library can read: it takes a signed 32-bit integer. */
export const MAX_QT_SEQUENCE = 2 ** 31 - 1;

/**
 * A frame of the bridge, header and body in one buffer. `sequence_id` is the number that the *connection* gave the
 * frame: see {@link encodeBridgeFrame}.
 * @throws {BalError} INVALID_FRAME if `fcm_data` is nested too deep
 */
export function bridgeFrameToQt(frame: BridgeFrame): Buffer {
  if ('sequence_id' in frame && frame.sequence_id !== undefined && frame.sequence_id > MAX_QT_SEQUENCE) {
    throw new RangeError('Qt frames carry sequence ids of the connection, from 1 to 2^31-1');
  }
  if (!('fcm_data' in frame)) return write(withDescription(frame));
  return write({ ...withDescription(frame), fcm_data: JSON.parse(frame.fcm_data) });
}

/** A frame of the backend, header and body in one buffer. @throws {BalError} INVALID_FRAME */
export function backendFrameToQt(frame: SentFrame): Buffer {
  return write(frame.message_type === 'DOWNSTREAM' ? withoutProblem(frame) : frame);
}

function write(fields: JsonObject): Buffer {
  const writer = new Writer();
  writer.word(0); // the place of the frame's length
  writer.word(MAGIC);
  writer.word(1);
  writer.container(fields, 1);
  return writer.finish();
}

const isLatin = (text: string): boolean => text.length < TOO_LONG_FOR_LATIN && !/[^\x00-\xff]/.test(text);

/** Zero has no exponent in Qt's test for compact numbers and is therefore written as a double. */
const isCompact = (n: number): boolean => Number.isInteger(n) && n !== 0 && Math.abs(n) < TOO_LARGE_INTEGER;

class Writer {
  #bytes = Buffer.alloc(1_024);
  #at = 0;

  word(value: number): void {
    this.#ensure(WORD_BYTES);
    this.#at = this.#bytes.writeUInt32LE(value >>> 0, this.#at);
  }

  container(value: JsonObject | readonly unknown[], depth: number): void {
    if (depth > MAX_DEPTH) throw invalid(tooDeep('fcm_data'));
    const start = this.#at;
    this.#skip(BASE_BYTES);
    const table = Array.isArray(value) ? this.#items(value, start, depth) : this.#entries(value, start, depth);
    const tableOffset = this.#offset(start);
    for (const word of table) this.word(word);
    this.#bytes.writeUInt32LE(this.#at - start, start);
    this.#bytes.writeUInt32LE(
      ((table.length << 1) | (Array.isArray(value) ? 0 : isObjectBit)) >>> 0,
      start + WORD_BYTES,
    );
    this.#bytes.writeUInt32LE(table.length === 0 ? 0 : tableOffset, start + 2 * WORD_BYTES); // as Qt's empty containers
  }

  finish(): Buffer {
    this.#bytes.writeUInt32BE(this.#at - HEADER_BYTES, 0);
    return this.#bytes.subarray(0, this.#at);
  }

  /** Offsets of the entries, sorted by key in UTF-16 code units: Qt looks keys up by bisection. */
  #entries(object: object, start: number, depth: number): number[] {
    const fields: [string, unknown][] = Object.entries(object).filter(([, value]) => value !== undefined);
    fields.sort(([a], [b]) => (a < b ? -1 : 1));
    return fields.map(([key, value]) => {
      const at = this.#at;
      const latin = isLatin(key);
      this.#skip(WORD_BYTES);
      this.#string(key, latin);
      const word = this.#value(value, start, depth) | (latin ? 0x10 : 0);
      this.#bytes.writeUInt32LE(word >>> 0, at);
      return at - start;
    });
  }

  #items(items: readonly unknown[], start: number, depth: number): number[] {
    return items.map((item) => this.#value(item, start, depth));
  }

  /** Writes what the value points at, if anything; returns its word. */
  #value(value: unknown, start: number, depth: number): number {
    switch (typeof value) {
      case 'boolean':
        return type.bool | (value ? 1 << 5 : 0);
      case 'number': {
        if (isCompact(value)) return type.double | 0x08 | (value << 5);
        if (!Number.isFinite(value)) return type.null; // as JSON.stringify and Qt do
        const offset = this.#offset(start);
        this.#ensure(8);
        this.#at = this.#bytes.writeDoubleLE(value, this.#at);
        return type.double | (offset << 5);
      }
      case 'string': {
        const latin = isLatin(value);
        const offset = this.#offset(start);
        this.#string(value, latin);
        return type.string | (latin ? 0x08 : 0) | (offset << 5);
      }
      case 'object': {
        if (value === null) return type.null;
        const offset = this.#offset(start);
        this.container(isObject(value) ? value : (value as readonly unknown[]), depth + 1);
        return (isObject(value) ? type.object : type.array) | (offset << 5);
      }
      case 'undefined': // in an array, as JSON.stringify does
        return type.null;
      default:
        throw invalid(`fcm_data can not hold a ${typeof value}`);
    }
  }

  #string(text: string, latin: boolean): void {
    const bytes = latin ? 2 + text.length : WORD_BYTES + 2 * text.length;
    const padded = Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;
    const at = this.#at;
    this.#skip(padded);
    if (latin) {
      this.#bytes.writeUInt16LE(text.length, at);
      this.#bytes.write(text, at + 2, 'latin1');
    } else {
      this.#bytes.writeUInt32LE(text.length, at);
      this.#bytes.write(text, at + WORD_BYTES, 'utf16le');
    }
  }

  #offset(start: number): number {
    const offset = this.#at - start;
    if (offset > MAX_OFFSET) throw invalid('the frame is too large for Qt binary JSON');
    return offset;
  }

  /** Leaves `bytes` of zeros. */
  #skip(bytes: number): void {
    this.#ensure(bytes);
    this.#at += bytes;
  }

  #ensure(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.#at + bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}
