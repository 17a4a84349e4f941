import test from 'ava';
import { RandomIds } from '../../src/lib/random-ids.ts';

test('ids are base64url of as many bytes as asked for, and none comes twice', (t) => {
  const ids = new RandomIds(20);
  const made = Array.from({ length: 1_000 }, () => ids.next());
  for (const id of made) t.regex(id, /^[\w-]{27}$/);
  t.is(new Set(made).size, 1_000);
});

test('every byte of every id is random', (t) => {
  const ids = new RandomIds(4);
  const seen = Array.from({ length: 4 }, () => new Set<number>());
  for (let i = 0; i < 1_000; i++) {
    for (const [place, byte] of [...Buffer.from(ids.next(), 'base64url')].entries()) seen[place]?.add(byte);
  }
  // Of 256 values a thousand draws leave out five, on average; two hundred are always there.
  for (const values of seen) t.true(values.size > 200);
});
