import test from 'ava';
import { Strikes } from '../../src/lib/strikes.ts';

test('so many in a row are too many; one less is not', (t) => {
  const strikes = new Strikes(3);
  t.false(strikes.add(strikes.begin()));
  t.false(strikes.add(strikes.begin()));
  t.true(strikes.add(strikes.begin()));
  t.true(strikes.add(strikes.begin()));
});

test('what began before the last one that counted is the same misfortune', (t) => {
  const strikes = new Strikes(2);
  const tickets = Array.from({ length: 100 }, () => strikes.begin());
  for (const ticket of tickets) t.false(strikes.add(ticket));
  t.true(strikes.add(strikes.begin()));
});

test('a success in between starts anew', (t) => {
  const strikes = new Strikes(2);
  t.false(strikes.add(strikes.begin()));
  strikes.clear();
  t.false(strikes.add(strikes.begin()));
  t.true(strikes.add(strikes.begin()));
});
