/** Chance that can be repeated: the same seed gives the same bytes. */
import { seeded } from '../../test/protocols/bal/helpers.ts';

/** Words that break careless arithmetic, as they stand in lengths and offsets. */
const WORDS = [0, 1, 2, 3, 4, 8, 12, 0x7f, 0x80, 0xff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Text that codecs, stores and logs have stumbled over elsewhere. */
const TEXTS = [
  '',
  ' ',
  '0',
  'null',
  '__proto__',
  'constructor',
  'toString',
  'Grüße ✓ 😀',
  '\u0000',
  '\u0001\u001f\u007f',
  '\ufffe\uffff',
  '\u2028\u2029',
  '\ud800',
  '\udc00x',
  ']]>',
  '<![CDATA[&amp;]]>',
  '"\\"',
  "'; DROP TABLE outbox; --",
  '../../etc',
  'x'.repeat(1_024),
  'é'.repeat(513),
];

const NUMBERS = [0, -0, 1, -1, 2, 100, 2 ** 26, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53)];

export class Chance {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seeded(seed);
  }

  /** A chance of its own for the case, connection or client of this number. */
  static of(seed: number, number: number): Chance {
    const chance = new Chance((Math.imul(seed, 0x9e37_79b1) ^ Math.imul(number + 1, 0x85eb_ca6b)) >>> 0);
    chance.int(2); // neighbours differ from the second number on
    return chance;
  }

  /** A number in [0, 1). */
  float(): number {
    return this.#next();
  }

  /** A whole number in [0, `below`). */
  int(below: number): number {
    return Math.floor(this.#next() * below);
  }

  odds(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const item = list[this.int(list.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    for (let i = 0; i < count; i++) bytes[i] = this.int(256);
    return bytes;
  }

  text(): string {
    return this.odds(0.5) ? this.pick(TEXTS) : this.bytes(this.int(12)).toString('latin1');
  }

  number(): number {
    if (this.odds(0.5)) return this.pick(NUMBERS);
    return this.odds(0.5) ? this.int(1_000) : (this.float() - 0.5) * 10 ** this.int(40);
  }

  /** Any JSON value, `depth` levels deep at most. */
  value(depth = 2): Value {
    switch (this.int(depth > 0 ? 7 : 5)) {
      case 0:
        return null;
      case 1:
        return this.odds(0.5);
      case 2:
        return this.number();
      case 3:
      case 4:
        return this.text();
      case 5:
        return Array.from({ length: this.int(4) }, () => this.value(depth - 1));
      default:
        return Object.fromEntries(
          Array.from({ length: this.int(4) }, () => [this.text(), this.value(depth - 1)] as const),
        );
    }
  }

  /** A few bytes changed, cut out, doubled, put in or replaced by treacherous numbers. */
  mutated(bytes: Buffer): Buffer {
    let out: Buffer = Buffer.from(bytes);
    for (let left = 1 + this.int(3); left > 0 && out.length > 0; left--) out = this.#mutatedOnce(out);
    return out;
  }

  #mutatedOnce(bytes: Buffer): Buffer {
    const at = this.int(bytes.length);
    const some = this.int(12);
    switch (this.int(7)) {
      case 0:
        bytes[at] = this.int(256);
        return bytes;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << this.int(8));
        return bytes;
      case 2:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + some)]);
      case 3:
        return Buffer.concat([bytes.subarray(0, at + some), bytes.subarray(at)]);
      case 4:
        return bytes.subarray(0, at);
      case 5: {
        if (bytes.length < 4) return bytes;
        const place = Math.min(at, bytes.length - 4) & ~3;
        if (this.odds(0.5)) bytes.writeUInt32LE(this.pick(WORDS), place);
        else bytes.writeUInt32BE(this.pick(WORDS), place);
        return bytes;
      }
      default:
        return Buffer.concat([bytes.subarray(0, at), this.bytes(1 + some), bytes.subarray(at)]);
    }
  }
}

export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
