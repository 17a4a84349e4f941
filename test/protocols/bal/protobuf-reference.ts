/**
 * A second reader of protobuf frames, made from the encoding's specification (protobuf.dev/programming-guides/encoding) and
 * BAL.md's field numbers, knowing nothing of the library: strict where the specification or BAL says so.
 */
export class Malformed extends Error {}

type Kind = 'string' | 'uint64' | 'uint64s' | 'uint32' | 'bool' | 'strings';

const FIELDS: Readonly<Record<number, readonly [name: string, kind: Kind]>> = {
  1: ['message_type', 'string'],
  2: ['session_id', 'string'],
  3: ['message_id', 'string'],
  4: ['group_id', 'string'],
  5: ['sequence_id', 'uint64'],
  6: ['sequence_ids', 'uint64s'],
  7: ['status', 'string'],
  8: ['error', 'string'],
  9: ['error_string', 'string'],
  10: ['error_description', 'string'],
  11: ['fcm_data', 'string'],
  12: ['secret', 'string'],
  13: ['window', 'uint32'],
  16: ['client', 'string'],
  17: ['server', 'string'],
  18: ['provider', 'string'],
  19: ['data', 'string'],
  20: ['confirm', 'bool'],
  21: ['message_ids', 'strings'],
  22: ['taken', 'bool'],
  23: ['token', 'string'],
  24: ['vapid', 'string'],
  25: ['endpoint', 'string'],
  26: ['expiration', 'string'],
  27: ['to', 'string'],
};

/** Groups within groups that are skipped at most. */
const MAX_GROUPS = 100;

class Bytes {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** A number of at most `max` bytes, all 7 bits of each. */
  varint(max: number): bigint {
    let value = 0n;
    for (let i = 0; i < max; i++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new Malformed('varint cut off');
      value |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte < 128) return value;
    }
    throw new Malformed('varint too long');
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new Malformed('cut off');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  chunk(): Buffer {
    const size = this.varint(5);
    if (size >= 2n ** 31n) throw new Malformed('length');
    return this.take(Number(size));
  }

  tag(): { field: number; wire: number } {
    const tag = this.varint(5);
    if (tag >= 2n ** 32n || tag < 8n) throw new Malformed('tag');
    return { field: Number(tag >> 3n), wire: Number(tag & 7n) };
  }
}

/** The fields that are set to something else than their default, or {@link Malformed}. */
export function readProtobufReference(body: Buffer): Record<string, unknown> {
  const bytes = new Bytes(body);
  const fields: Record<string, unknown> = {};
  while (!bytes.done) {
    const { field, wire } = bytes.tag();
    const known = FIELDS[field];
    if (known) read(bytes, wire, known[0], known[1], fields);
    else skip(bytes, field, wire, 0);
  }
  return fields;
}

function read(bytes: Bytes, wire: number, name: string, kind: Kind, fields: Record<string, unknown>): void {
  const isText = kind === 'string' || kind === 'strings';
  if (isText !== (wire === 2) && !(kind === 'uint64s' && wire === 2)) throw new Malformed('wire type');
  if (!isText && wire !== 0 && wire !== 2) throw new Malformed('wire type');
  if (isText) {
    set(fields, name, kind, decoded(bytes.chunk()));
  } else if (wire === 2) {
    const packed = new Bytes(bytes.chunk());
    while (!packed.done) set(fields, name, kind, exact(packed.varint(10)));
  } else {
    const value = bytes.varint(10);
    if (kind === 'bool') set(fields, name, kind, value !== 0n);
    else if (kind === 'uint32') set(fields, name, kind, Number(BigInt.asUintN(32, value)));
    else set(fields, name, kind, exact(value));
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Malformed('UTF-8');
  }
}

/** [BAL §Framing] A uint64 of 2^53 or more is refused. */
function exact(value: bigint): number {
  const low = BigInt.asUintN(64, value);
  if (low >= 2n ** 53n) throw new Malformed('2^53 or more');
  return Number(low);
}

/** Lists grow; of a single field the last value counts, and its default means absent. `taken` has no default. */
function set(fields: Record<string, unknown>, name: string, kind: Kind, value: unknown): void {
  if (kind === 'uint64s' || kind === 'strings') {
    const list = fields[name] ?? [];
    fields[name] = [...(list as unknown[]), value];
  } else if (name !== 'taken' && (value === '' || value === 0 || value === false)) delete fields[name];
  else fields[name] = value;
}

function skip(bytes: Bytes, field: number, wire: number, depth: number): void {
  if (depth > MAX_GROUPS) throw new Malformed('groups too deep');
  // Inside of groups, which nobody looks at, the codec lets a varint be longer than it can be.
  if (wire === 0) bytes.varint(depth === 0 ? 10 : Number.POSITIVE_INFINITY);
  else if (wire === 1) bytes.take(8);
  else if (wire === 2) bytes.chunk();
  else if (wire === 5) bytes.take(4);
  else if (wire === 3) {
    for (;;) {
      const inner = bytes.tag();
      if (inner.wire === 4) {
        if (inner.field !== field) throw new Malformed('another group ends');
        return;
      }
      skip(bytes, inner.field, inner.wire, depth + 1);
    }
  } else throw new Malformed('wire type');
}
