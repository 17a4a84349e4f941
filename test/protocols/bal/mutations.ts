import { type Arbitrary, fc } from '../../properties.ts';

/** One thing done to bytes; `at` is a place as a share of their length. */
type Change =
  | { readonly do: 'set' | 'flip'; readonly at: number; readonly byte: number }
  | { readonly do: 'word'; readonly at: number; readonly word: number }
  | { readonly do: 'nudge'; readonly at: number; readonly by: number }
  | { readonly do: 'copy' | 'cut'; readonly at: number; readonly to: number; readonly count: number }
  | { readonly do: 'truncate'; readonly at: number }
  | { readonly do: 'append'; readonly bytes: Uint8Array };

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const byte = fc.integer({ min: 0, max: 255 });

/**
 * Changes that aim at structure: words take values of other words' kind (offsets, counts, type tags), move by a little, or
 * are copied over others, so that offsets meet, go round in circles or leave their container.
 */
const change: Arbitrary<Change> = fc.oneof(
  fc.record({ do: fc.constant('set' as const), at: place, byte }),
  fc.record({
    do: fc.constant('flip' as const),
    at: place,
    byte: fc.integer({ min: 0, max: 7 }).map((bit) => 1 << bit),
  }),
  fc.record({
    do: fc.constant('word' as const),
    at: place,
    word: fc.oneof(
      fc.nat(64),
      fc.nat(400).map((n) => n * 4),
      fc.constantFrom(0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
    ),
  }),
  fc.record({
    do: fc.constant('nudge' as const),
    at: place,
    by: fc.constantFrom(-32, -8, -4, -1, 1, 2, 4, 8, 16, 32, 128),
  }),
  fc.record({ do: fc.constant('copy' as const), at: place, to: place, count: fc.integer({ min: 1, max: 16 }) }),
  fc.record({ do: fc.constant('cut' as const), at: place, to: place, count: fc.integer({ min: 1, max: 16 }) }),
  fc.record({ do: fc.constant('truncate' as const), at: place }),
  fc.record({ do: fc.constant('append' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }) }),
);

/** A few changes to be made to bytes, whatever bytes these are. */
export const mutation: Arbitrary<(bytes: Buffer) => Buffer> = fc
  .array(change, { minLength: 1, maxLength: 3 })
  .map((changes) => (bytes) => changes.reduce(changed, bytes));

function changed(bytes: Buffer, step: Change): Buffer {
  const out = Buffer.from(bytes);
  if (step.do === 'append') return Buffer.concat([out, step.bytes]);
  const at = Math.floor(step.at * out.length);
  if (step.do === 'truncate') return out.subarray(0, at);
  if (out.length < 4) return out;
  const word = Math.min(at, out.length - 4) & ~3;
  switch (step.do) {
    case 'set':
      out[at] = step.byte;
      return out;
    case 'flip':
      out[at] = (out[at] ?? 0) ^ step.byte;
      return out;
    case 'word':
      out.writeUInt32LE(step.word, word);
      return out;
    case 'nudge':
      out.writeUInt32LE((out.readUInt32LE(word) + step.by) >>> 0, word);
      return out;
    case 'copy':
      out.copy(out, Math.floor(step.to * out.length) & ~3, word, word + step.count);
      return out;
    case 'cut':
      return Buffer.concat([out.subarray(0, at), out.subarray(at + step.count)]);
  }
}
