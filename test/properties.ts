import type { ExecutionContext } from 'ava';
import fc, { type Arbitrary } from 'fast-check';

/**
 * The one importer of the property-testing library, with the settings of all property tests. `PROPERTY_RUNS` multiplies
 * the cases of every property (1), `PROPERTY_SEED` repeats a run: a failure prints its seed and the smallest case found.
 */
export { type Arbitrary, fc };

const factor = Number(process.env.PROPERTY_RUNS ?? 1);
const seed = process.env.PROPERTY_SEED === undefined ? {} : { seed: Number(process.env.PROPERTY_SEED) };

/**
 * Holds `law` against arbitrary values; a law fails by throwing or by a failed assertion of its own.
 * @param runs cases of a normal run
 */
export function holds<T>(t: ExecutionContext, values: Arbitrary<T>, law: (value: T) => void, runs = 300): void {
  fc.assert(fc.property(values, law), { numRuns: runs * factor, includeErrorInReport: true, ...seed });
  t.pass();
}

/** Fails the law unless the two are the same, all the way down. */
export { deepStrictEqual as same } from 'node:assert';

/** Text of any UTF-16 code units: half surrogate pairs, controls and all. */
export const anyText = (maxLength = 20): Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength }).map((units) => String.fromCharCode(...units));

/** Text that every encoding can carry. */
export const wholeText = (maxLength = 20): Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength }),
    fc.constantFrom('__proto__', 'constructor', '\0', '\ufffe\uffff', '\u2028', '😀', ']]>', '"\\'),
  );

/** Numbers that JSON keeps: whole ones up to 2^53-1, fractions, exponents, negative ones and zeros. */
export const exactNumber: Arbitrary<number> = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => Number.isSafeInteger(n) || !Number.isInteger(n)),
  fc.constantFrom(0, -0, 1, -1, 2 ** 26 - 1, 2 ** 26, -(2 ** 26), 2 ** 53 - 1, 5e-324, 0.1),
);

/** JSON values of texts, numbers and the rest, nested up to `levels` deep. */
export function jsonValue(levels: number, text: Arbitrary<string> = anyText(8)): Arbitrary<unknown> {
  const leaf = fc.oneof(text, exactNumber, fc.boolean(), fc.constant(null));
  if (levels <= 0) return leaf;
  const inner = jsonValue(levels - 1, text);
  return fc.oneof({ arbitrary: leaf, weight: 2 }, fc.array(inner, { maxLength: 4 }), jsonObject(levels, text));
}

/** JSON objects; keys such as `__proto__` are plain own properties, as a parser makes them. */
export function jsonObject(levels: number, text: Arbitrary<string> = anyText(8)): Arbitrary<Record<string, unknown>> {
  const entry = fc.tuple(fc.oneof(text, fc.constantFrom('__proto__', 'a', 'data')), jsonValue(levels - 1, text));
  return fc.array(entry, { maxLength: 4 }).map((entries) => Object.fromEntries(entries));
}

/** `value` at the bottom of so many objects and arrays. */
export function nested(levels: number, value: unknown): unknown {
  let outer = value;
  for (let i = 0; i < levels; i++) outer = i % 2 ? [outer] : { v: outer };
  return outer;
}

/** The bytes cut into chunks at any places. */
export function chunks(bytes: Buffer): Arbitrary<Buffer[]> {
  return fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 30 }).map((cuts) => {
    const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
    return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
  });
}
