import test from 'ava';
import { equalJitter, fullJitter } from '../../src/lib/backoff.ts';

const rule = { baseMs: 100, capMs: 5_000 };
const top = () => 1;
const bottom = () => 0;

test('the ceiling doubles with every attempt up to the cap', (t) => {
  t.deepEqual(
    [0, 1, 2, 5, 6, 60, 2_000].map((attempt) => fullJitter(attempt, rule, top)),
    [100, 200, 400, 3_200, 5_000, 5_000, 5_000],
  );
});

test('full jitter reaches down to zero, equal jitter to half of the ceiling', (t) => {
  t.is(fullJitter(3, rule, bottom), 0);
  t.is(equalJitter(3, rule, bottom), 400);
  t.is(equalJitter(3, rule, top), 800);
});

test('waits are whole milliseconds, and an attempt below zero counts as the first', (t) => {
  t.is(
    fullJitter(0, { baseMs: 3, capMs: 10 }, () => 0.5),
    2,
  );
  t.is(fullJitter(-5, rule, top), 100);
});
