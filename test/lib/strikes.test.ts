import test from 'ava';
import { Strikes } from '../../src/lib/strikes.ts';

test('so many in a row are too many; one less is not', (t) => {
  const strikes = new Strikes(3);
  t.false(strikes.add(0, 10));
  t.false(strikes.add(10, 20));
  t.true(strikes.add(20, 30));
  t.true(strikes.add(30, 40));
});

test('what began before the last one ended is the same misfortune', (t) => {
  const strikes = new Strikes(2);
  for (let began = 0; began < 100; began++) t.false(strikes.add(began, 100));
  t.true(strikes.add(100, 110));
});

test('a success in between starts anew', (t) => {
  const strikes = new Strikes(2);
  t.false(strikes.add(0, 10));
  strikes.clear();
  t.false(strikes.add(20, 30));
  t.true(strikes.add(40, 50));
});
