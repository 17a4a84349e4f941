/**
 * A second reader of Qt 5 binary JSON, made from the published layout of qjson_p.h and knowing nothing of the codec. It
 * notes which bytes each value takes and says at the end whether any two of them took the same.
 */
export class Malformed extends Error {}

interface Span {
  readonly from: number;
  readonly to: number;
}

interface Place {
  readonly start: number;
  /** Where the table begins: data ends here. */
  readonly table: number;
  readonly count: number;
}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Malformed(what);
}

/** Entries of an object in the order of its table, so that keys that stand twice can be seen. */
export type Entries = { readonly entries: (readonly [string, Read])[] };
export type Read = null | boolean | number | string | Read[] | Entries;

/** The root object, or {@link Malformed}. */
export function readQtReference(bytes: Buffer): Entries {
  must(bytes.length >= 20, 'too short');
  must(bytes.toString('latin1', 0, 4) === 'qbjs' && bytes.readUInt32LE(4) === 1, 'header');
  const spans: Span[] = [];
  const root = container(bytes, spans, 8, bytes.length, 1);
  must(!Array.isArray(root), 'the root is an array');
  spans.sort((a, b) => a.from - b.from);
  for (let i = 1; i < spans.length; i++) must((spans[i - 1]?.to ?? 0) <= (spans[i]?.from ?? 0), 'overlap');
  return root;
}

function container(bytes: Buffer, spans: Span[], start: number, end: number, depth: number): Read[] | Entries {
  must(depth <= 64, 'depth');
  must(start + 12 <= end, 'container');
  const size = bytes.readUInt32LE(start);
  const word = bytes.readUInt32LE(start + 4);
  const offset = bytes.readUInt32LE(start + 8);
  const count = Math.floor(word / 2);
  must(size >= 12 && start + size <= end, 'size');
  must(offset + 4 * count <= size, 'table');
  if (count > 0) must(offset >= 12 && offset % 4 === 0, 'table offset');
  spans.push({ from: start, to: start + 12 });
  if (count > 0) spans.push({ from: start + offset, to: start + offset + 4 * count });
  const place = { start, table: start + offset, count };
  const words = Array.from({ length: count }, (_, i) => bytes.readUInt32LE(place.table + 4 * i));
  if (word % 2 === 0) return words.map((item) => value(bytes, spans, place, item, depth));
  return {
    entries: words.map((at) => {
      const entry = located(place, at, 4);
      const item = bytes.readUInt32LE(entry);
      spans.push({ from: entry, to: entry + 4 });
      const key = text(bytes, spans, place, entry + 4 - place.start, (item & 16) !== 0);
      return [key, value(bytes, spans, place, item, depth)] as const;
    }),
  };
}

function value(bytes: Buffer, spans: Span[], place: Place, word: number, depth: number): Read {
  const type = word % 8;
  const flag = (word & 8) !== 0;
  const offset = Math.floor(word / 32);
  if (type === 0) return null;
  if (type === 1) return offset !== 0;
  if (type === 2 && flag) return offset >= 2 ** 26 ? offset - 2 ** 27 : offset;
  if (type === 2) {
    const at = located(place, offset, 8);
    spans.push({ from: at, to: at + 8 });
    const number = bytes.readDoubleLE(at);
    must(Number.isFinite(number), 'not finite');
    return number;
  }
  if (type === 3) return text(bytes, spans, place, offset, flag);
  must(type === 4 || type === 5, 'type');
  const inner = container(bytes, spans, located(place, offset, 12), place.table, depth + 1);
  must(Array.isArray(inner) === (type === 4), 'object or array');
  return inner;
}

/** Where `offset` points at, with room for `size` bytes before the table. */
function located(place: Place, offset: number, size: number): number {
  must(offset >= 12 && offset % 4 === 0 && place.start + offset + size <= place.table, 'offset');
  return place.start + offset;
}

function text(bytes: Buffer, spans: Span[], place: Place, offset: number, latin: boolean): string {
  const at = located(place, offset, 4);
  const length = latin ? bytes.readUInt16LE(at) : bytes.readUInt32LE(at) * 2;
  const from = at + (latin ? 2 : 4);
  must(from + length <= place.table, 'string');
  spans.push({ from: at, to: from + length + ((4 - ((from + length) % 4)) % 4) });
  return bytes.toString(latin ? 'latin1' : 'utf16le', from, from + length);
}

/** Plain JSON values; of keys that stand twice the last one counts. */
export function plain(read: Read): unknown {
  if (Array.isArray(read)) return read.map(plain);
  if (typeof read !== 'object' || read === null) return read;
  return Object.fromEntries(read.entries.map(([key, item]) => [key, plain(item)]));
}

/** Whether the header has a key twice. */
export const hasTwice = ({ entries }: Entries): boolean => new Set(entries.map(([key]) => key)).size < entries.length;
