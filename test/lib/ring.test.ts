import test from 'ava';
import { Ring } from '../../src/lib/ring.ts';

test('a ring takes as many items as it was made for and refuses the next', (t) => {
  const ring = new Ring<number>(3);
  t.deepEqual(
    [1, 2, 3, 4].map((item) => ring.push(item)),
    [true, true, true, false],
  );
  t.is(ring.size, 3);
  t.is(ring.room, 0);
});

test('items leave in the order in which they came, round the edge too', (t) => {
  const ring = new Ring<number>(3);
  const out: (number | undefined)[] = [];
  for (let item = 1; item <= 10; item++) {
    t.true(ring.push(item));
    if (item % 2 === 0) out.push(ring.shift(), ring.shift());
  }
  t.deepEqual(out, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  t.is(ring.shift(), undefined);
  t.is(ring.size, 0);
});

test('peek looks without taking', (t) => {
  const ring = new Ring<string>(1);
  t.is(ring.peek(), undefined);
  ring.push('a');
  t.is(ring.peek(), 'a');
  t.is(ring.size, 1);
});

test('a ring holds at least one item', (t) => {
  for (const limit of [0, -1, 1.5, Number.NaN]) t.throws(() => new Ring(limit), { instanceOf: RangeError });
});
