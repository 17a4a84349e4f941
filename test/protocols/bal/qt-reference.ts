/**
 * A second writer of Qt 5 binary JSON, made straight from the published layout of qjson_p.h and knowing nothing of the
 * codec: buffers are built from the inside out and joined.
 */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface Quirks {
  /** Leave the entries in the order given instead of sorting them. */
  unsorted?: boolean;
}

export function qtDocument(root: Json, quirks: Quirks = {}): Buffer {
  return Buffer.concat([Buffer.from('qbjs'), word(1), container(root, quirks)]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

function container(value: Json, quirks: Quirks): Buffer {
  const isArray = Array.isArray(value);
  if (!isArray && (typeof value !== 'object' || value === null)) throw new TypeError('not a container');
  const data: Buffer[] = [];
  const table: Buffer[] = [];
  let offset = 12;
  const add = (bytes: Buffer): void => {
    data.push(bytes);
    offset += bytes.length;
  };
  if (isArray) {
    for (const item of value) {
      const { head, body } = encoded(item, offset, quirks);
      table.push(word(head));
      add(body);
    }
  } else {
    const keys = Object.keys(value);
    if (!quirks.unsorted) keys.sort(byCodeUnit);
    for (const key of keys) {
      const keyBytes = string(key);
      table.push(word(offset));
      const { head, body } = encoded(value[key] ?? null, offset + 4 + keyBytes.length, quirks);
      add(Buffer.concat([word(head | (narrow(key) ? 16 : 0)), keyBytes, body]));
    }
  }
  const count = table.length;
  const size = offset + 4 * count;
  const tableOffset = count === 0 ? 0 : offset;
  return Buffer.concat([word(size), word(count * 2 + (isArray ? 0 : 1)), word(tableOffset), ...data, ...table]);
}

/** The word of a value and what lies at `offset` behind it. */
function encoded(value: Json, offset: number, quirks: Quirks): { head: number; body: Buffer } {
  const none = Buffer.alloc(0);
  if (value === null) return { head: 0, body: none };
  if (typeof value === 'boolean') return { head: 1 + (value ? 32 : 0), body: none };
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value !== 0 && Math.abs(value) < 67_108_864) {
      return { head: 2 + 8 + value * 32, body: none };
    }
    const body = Buffer.alloc(8);
    body.writeDoubleLE(value);
    return { head: 2 + offset * 32, body };
  }
  if (typeof value === 'string') return { head: 3 + (narrow(value) ? 8 : 0) + offset * 32, body: string(value) };
  return { head: (Array.isArray(value) ? 4 : 5) + offset * 32, body: container(value, quirks) };
}

function narrow(text: string): boolean {
  if (text.length >= 32_768) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 255) return false;
  return true;
}

function string(text: string): Buffer {
  const length = Buffer.alloc(narrow(text) ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  const bytes = Buffer.concat([length, Buffer.from(text, narrow(text) ? 'latin1' : 'utf16le')]);
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

function byCodeUnit(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a.charCodeAt(i) !== b.charCodeAt(i)) return a.charCodeAt(i) - b.charCodeAt(i);
  }
  return a.length - b.length;
}
