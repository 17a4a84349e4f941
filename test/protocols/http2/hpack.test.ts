import test from 'ava';
import { CompressionError, HeaderDecoder, type HeaderLine } from '../../../src/protocols/http2/hpack/index.ts';

const LIST_MAX_BYTES = 32_768;
const bytes = (hex: string) => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
const text = (lines: readonly HeaderLine[] | undefined) => lines?.map(({ name, value }) => `${name}: ${value}`);

/** What a fresh decoder reads out of these blocks, one after the other. */
function read(...blocks: string[]) {
  const decoder = new HeaderDecoder(LIST_MAX_BYTES);
  return blocks.map((block) => text(decoder.decode(bytes(block))));
}

const requests = [
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
  [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
  [':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'],
];

const DATE = 'date: Mon, 21 Oct 2013 20:13:';
const WHERE = 'location: https://www.example.com';
const answers = [
  [':status: 302', 'cache-control: private', `${DATE}21 GMT`, WHERE],
  [':status: 307', 'cache-control: private', `${DATE}21 GMT`, WHERE],
  [
    ':status: 200',
    'cache-control: private',
    `${DATE}22 GMT`,
    WHERE,
    'content-encoding: gzip',
    'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ],
];

/** The table of the last two examples has 256 bytes: the first block says so. */
const SIZE_256 = '3fe101';

const examples: [clause: string, blocks: string[], lines: string[][]][] = [
  ['C.2.1', ['400a637573746f6d2d6b65790d637573746f6d2d686561646572'], [['custom-key: custom-header']]],
  ['C.2.2', ['040c2f73616d706c652f70617468'], [[':path: /sample/path']]],
  ['C.2.3', ['100870617373776f726406736563726574'], [['password: secret']]],
  ['C.2.4', ['82'], [[':method: GET']]],
  [
    'C.3',
    [
      '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
      '8286 84be 5808 6e6f 2d63 6163 6865',
      '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
    ],
    requests,
  ],
  [
    'C.4',
    [
      '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
      '8286 84be 5886 a8eb 1064 9cbf',
      '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
    ],
    requests,
  ],
  [
    'C.5',
    [
      `${SIZE_256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32
       3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
      '4803 3330 37c1 c0bf',
      `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
       6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
       2076 6572 7369 6f6e 3d31`,
    ],
    answers,
  ],
  [
    'C.6',
    [
      `${SIZE_256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
       1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
      '4883 640e ffc1 c0bf',
      `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
       dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    ],
    answers,
  ],
];

for (const [clause, blocks, lines] of examples) {
  test(`example ${clause} of RFC 7541 is read as it says`, (t) => {
    t.deepEqual(read(...blocks), lines);
  });
}

/** The bytes 0 to 255 as one string of Huffman codes. */
const ALL_SYMBOLS = `
  ffc7fffd8fffffe2fffffe3fffffe4fffffe5fffffe6fffffe7fffffe8ffffeafffffff3fffffa7fffffabffffffdfffffebfffffecfff
  ffedfffffeefffffefffffff0ffffff1ffffff2fffffffbfffffcffffffd3fffffd7fffffdbfffffdffffffe3fffffe7fffffebfffffed
  4fe3f9ffaffcabf1febfafefe7fdfd2cbb00089969b71d79fb9f7fff20ffbff3ff50ddbd7f061c58f265cd9f469d5af66dddbf871e5f9c
  ff7ff7fffc3ff9ffe45fff4719242cb34e6e9d68a6a3d7dac426defe3cfaf7fffbfe7ffbffdffffffcfffe6ffff4bfff9ffffa3fffd3ff
  ff53fffd5ffffb3fffeb7fffdaffffb7ffff73fffeeffffdeffffebffffbfffffd9ffffdbfffebffffe0ffffeeffffc3ffff8bffff1fff
  fe4fffee7fffb1ffff97fffd9ffffcdffff9fffffbffffdafffeeffff4ffffb7fffee7fffe8ffffd3fffdeffffd5fffeeffffbdffffe1f
  ffdfffff7fffff5ffffecffff07fff87fffe0ffff17fffedffff87ffff77fffeffffeaffff8bfffe3ffff93ffff87fffcbffff37ffff1f
  ffff83ffffe1fffebfffe3ffff3fffff2ffffa3ffffd9fffff17ffffc7fffff27ffffdefffffbffffff2fffff8fffffb7fff97fff8ffff
  fe6fffffc1fffff87ffffe7fffffc5ffffe5fffe4ffff2fffffd1fffff4ffffffefffffe3fffffc9fffff97fffb3ffffcffffb7fffcdff
  ff4ffff9ffffd1ffffcffffeaffffafffffddffffeffffff4fffff5fffffabffffa7ffffd7fffff9bffffecfffffb7fffff3fffffe8fff
  ffd3fffffabfffff5fffffff7ffffecfffffdbfffffbbfffff7ffffff0fffffbbf`;

test('every symbol of the Huffman code', (t) => {
  const [lines] = read(`00 0178 ff c803 ${ALL_SYMBOLS}`);
  t.deepEqual(lines, [`x: ${String.fromCharCode(...Array(256).keys())}`]);
});

/** A line of `x` with a value of Huffman codes. */
const coded = (hex: string) => `00 0178 ${(0x80 + hex.length / 2).toString(16)} ${hex}`;

const broken: [what: string, blocks: string[]][] = [
  ['padding with a zero in it', [coded('1e')]],
  ['eight ones of padding', [coded('f8ff')]],
  ['nothing but padding of a whole byte', [coded('ff')]],
  ['the symbol of the end in a string', [coded('ffffffff')]],
  ['the symbol of the end between others', [coded('1fffffffe3')]],
  ['a code that is cut off', [coded('fffe')]],
  ['index 0', ['80']],
  ['an index beyond the static table', ['be']],
  ['an index beyond the dynamic table', ['400178 0179', 'bf']],
  ['the name of an index beyond the table', ['7e 0179']],
  ['an entry that was driven out by a smaller table', ['400178 0179', '20', 'be']],
  ['an entry that was driven out by one larger than the table', ['3f03 400178 0179 400178 022d2d', 'be']],
  ['a size of the table behind a line', ['82 20']],
  ['a table larger than we allow', ['3fe21f']],
  ['an index that ends in its middle', ['ff']],
  ['an index that goes on and ends in its middle', ['ff80']],
  ['a number beyond all reason', ['ffffffffff0f']],
  ['a number that does not end', ['ff808080808080']],
  ['a name that ends in its middle', ['00 0278']],
  ['a value that ends in its middle', ['00 0178 0279']],
  ['a line without a value', ['00 0178']],
  ['a line without a name', ['40']],
];

for (const [what, blocks] of broken) {
  test(`not read: ${what}`, (t) => {
    const decoder = new HeaderDecoder(LIST_MAX_BYTES);
    const last = bytes(blocks.at(-1) ?? '');
    for (const block of blocks.slice(0, -1)) decoder.decode(bytes(block));
    t.throws(() => decoder.decode(last), { instanceOf: CompressionError });
  });
}

const fine: [what: string, blocks: string[], last: string[]][] = [
  ['seven ones of padding', [coded('18c631ff')], ['x: aaaaa']],
  ['no padding', [coded('f8')], ['x: &']],
  ['an empty string of Huffman codes', [coded('')], ['x: ']],
  ['an empty block', [''], []],
  ['the last entry of the static table', ['bd'], ['www-authenticate: ']],
  ['as large a table as we allow', ['3fe11f 82'], [':method: GET']],
  ['several sizes of the table at the beginning of a block', ['20 3f61 3fe11f 82'], [':method: GET']],
  ['an entry that just fits into the table', ['3f03 400178 0179', 'be'], ['x: y']],
  ['a name whose entry is driven out by its line', ['3f03 400178 0179', '7e 017a', 'be'], ['x: z']],
  ['a number with more bytes than it needs', ['0f8000 0179'], ['accept-charset: y']],
  ['a line without indexing takes no place', ['400178 0179', '000178 017a', 'be'], ['x: y']],
  ['a line that is never to be indexed takes no place', ['400178 0179', '100178 017a', 'be'], ['x: y']],
  ['Latin-1', ['000178 01e9'], ['x: \u00e9']],
];

for (const [what, blocks, last] of fine) {
  test(`read: ${what}`, (t) => {
    t.deepEqual(read(...blocks).at(-1), last);
  });
}

test('a block with more lines than there may be is not kept, but later ones are read by what it says', (t) => {
  const decoder = new HeaderDecoder(100);
  const [x, rest] = ['400178 0179', `40 0172 20 ${'76'.repeat(32)}`]; // 34 and 65 bytes
  t.deepEqual(text(decoder.decode(bytes(`${x} 00 00 00`))), ['x: y', ': ']);
  t.is(decoder.decode(bytes(`${rest} be be`)), undefined);
  t.deepEqual(text(decoder.decode(bytes('bf'))), ['x: y']);
  const exactly = new HeaderDecoder(99);
  t.is(exactly.decode(bytes(x + rest))?.length, 2);
  const oneLess = new HeaderDecoder(98);
  t.is(oneLess.decode(bytes(x + rest)), undefined);
  t.throws(
    () => oneLess.decode(bytes(`${x}${rest} 20`)),
    { instanceOf: CompressionError },
    'a size is out of place there',
  );
});
