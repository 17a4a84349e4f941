import test from 'ava';
import { RecentMap } from '../../src/lib/recent-map.ts';
import { RecentSet } from '../../src/lib/recent-set.ts';

test('at the limit all are kept, one more makes the least recently used be forgotten', (t) => {
  const map = new RecentMap<{ n: number }>(2);
  map.set('a', { n: 1 });
  map.set('b', { n: 2 });
  t.deepEqual(map.get('a'), { n: 1 });
  map.set('c', { n: 3 });
  t.deepEqual([map.get('a'), map.get('b'), map.get('c')], [{ n: 1 }, undefined, { n: 3 }]);
});

test('a set of recent keys forgets likewise', (t) => {
  const set = new RecentSet(2);
  for (const key of ['a', 'b', 'c']) set.add(key);
  t.deepEqual(
    ['a', 'b', 'c'].map((key) => set.has(key)),
    [false, true, true],
  );
});
