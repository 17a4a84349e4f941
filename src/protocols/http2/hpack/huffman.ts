import { CompressionError } from './compression-error.ts';

/**
 * The code is canonical: of two symbols the one with the shorter code comes first, of two with codes of the same length
 * the smaller one. Who has how many bits says all. [RFC 7541 Appendix B]
 */
const SYMBOLS_BY_BITS: readonly (readonly [bits: number, symbols: readonly number[]])[] = [
  [5, chars('012aceiost')],
  [6, chars(' %-./3456789=A_bdfghlmnpru')],
  [7, chars(':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz')],
  [8, chars('&*,;XZ')],
  [10, chars('!"()?')],
  [11, chars("'+|")],
  [12, chars('#>')],
  [13, [0, ...chars('$@[]~')]],
  [14, chars('^}')],
  [15, chars('<`{')],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [22, [129, ...range(132, 134), 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, ...range(185, 187)]],
  [22, [189, 190, 196, 198, 228, 232, 233]],
  [23, [1, 135, ...range(137, 141), 143, 147, ...range(149, 152), 155, 157, 158, 165, 166, 168, 174, 175, 180, 182]],
  [23, [183, 188, 191, 197, 231, 239]],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, [203, 204, 211, 212, 214, 221, 222, 223, 241, ...range(244, 248), ...range(250, 254)]],
  [28, [...range(2, 8), 11, 12, ...range(14, 21), ...range(23, 31), 127, 220, 249]],
  [30, [10, 13, 22, 256]],
];

/** The end of a string, which never stands in one. */
const EOS = 256;
/** A string ends on a byte with less than one byte of ones. [RFC 7541 §5.2] */
const PADDING_MAX_BITS = 7;

/**
 * The code as a tree: the children of node `n` are at `2 n` and `2 n + 1`. Positive: a node. Negative: a symbol, less one.
 */
const tree = plant();

/**
 * A string of Huffman codes, as Latin-1.
 * @throws CompressionError if it ends in the middle of a symbol, or has the one for its end in it
 */
export function decodeHuffman(bytes: Buffer, from: number, to: number): string {
  // No code is shorter than five bits.
  const text = Buffer.allocUnsafe(Math.ceil(((to - from) * 8) / 5));
  let length = 0;
  let node = 0;
  let depth = 0;
  let ones = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    for (let bit = 7; bit >= 0; bit--) {
      const branch = (byte >> bit) & 1;
      const next = tree[2 * node + branch] ?? 0;
      depth++;
      ones &&= branch === 1;
      if (next > 0) {
        node = next;
        continue;
      }
      const symbol = -next - 1;
      if (symbol === EOS) throw new CompressionError('a string holds the symbol of its end');
      text[length++] = symbol;
      node = depth = 0;
      ones = true;
    }
  }
  if (depth > PADDING_MAX_BITS || !ones) throw new CompressionError('a string ends in the middle of a symbol');
  return text.toString('latin1', 0, length);
}

function plant(): Int16Array {
  const nodes = new Int16Array(2 * 257);
  let planted = 1;
  let code = 0;
  let length = 0;
  for (const [bits, symbols] of SYMBOLS_BY_BITS) {
    code <<= bits - length;
    length = bits;
    for (const symbol of symbols) {
      let node = 0;
      for (let bit = bits - 1; bit > 0; bit--) {
        const place = 2 * node + ((code >> bit) & 1);
        if (nodes[place] === 0) nodes[place] = planted++;
        node = nodes[place] ?? 0;
      }
      nodes[2 * node + (code & 1)] = -symbol - 1;
      code++;
    }
  }
  return nodes;
}

function chars(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}

/** Both ends included. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
