import test from 'ava';
import { isDeeper } from '../../src/lib/depth.ts';

test('levels count from the outermost object or array, wherever it is deepest', (t) => {
  for (const value of [null, 1, 'x', undefined]) t.false(isDeeper(value, 0));
  t.true(isDeeper({}, 0));
  t.false(isDeeper({ a: 1, b: [] }, 2));
  t.true(isDeeper({ a: 1, b: [[]] }, 2));
  t.true(isDeeper([0, { a: { b: {} } }], 3));
  t.false(isDeeper([0, { a: { b: {} } }], 4));
});

test('what has no end of levels is looked at no further than asked', (t) => {
  t.true(isDeeper(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)), 64));
});
