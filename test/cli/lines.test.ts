import { Readable } from 'node:stream';
import test from 'ava';
import { MAX_LINE, readLines } from '../../src/cli/lines.ts';

async function lines(...chunks: (string | Uint8Array)[]) {
  const found: [number, string | undefined][] = [];
  for await (const { number, text } of readLines(Readable.from(chunks))) found.push([number, text]);
  return found;
}

test('lines are found however they are cut into chunks', async (t) => {
  const text = 'one\ntwo\r\n\nfour äöü \u{1f600}\nfive';
  const bytes = Buffer.from(text);
  const expected = [
    [1, 'one'],
    [2, 'two'],
    [3, ''],
    [4, 'four äöü \u{1f600}'],
    [5, 'five'],
  ];
  for (let size = 1; size <= bytes.length; size++) {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    t.deepEqual(await lines(...chunks), expected as [number, string][], `chunks of ${size}`);
  }
});

test('an end of line at the end begins no further line', async (t) => {
  t.deepEqual(await lines('a\n'), [[1, 'a']]);
  t.deepEqual(await lines(''), []);
  t.deepEqual(await lines(), []);
});

test('a line at the limit is read, a longer one is only counted, and the next is read again', async (t) => {
  const most = 'x'.repeat(MAX_LINE);
  t.deepEqual(await lines(`${most}\nb`), [
    [1, most],
    [2, 'b'],
  ]);
  t.deepEqual(await lines('a\n', most, 'x', most, '\nb\n'), [
    [1, 'a'],
    [2, undefined],
    [3, 'b'],
  ]);
  t.deepEqual(await lines(most, 'x'), [[1, undefined]]);
});
