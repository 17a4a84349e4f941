import test from 'ava';
import { Lane, READY_MAX } from '../../src/storage/sqlite/lane.ts';

function drained(lane: Lane): number[] {
  const numbers: number[] = [];
  for (let number = lane.take(); number !== undefined; number = lane.take()) numbers.push(number);
  return numbers;
}

test('gives what is ready in order, whatever the order it came in', (t) => {
  for (const numbers of [[3, 1, 2], [5, 4, 3, 2, 1], [1], [], [2, 9, 4, 7, 7, 1, 8, 3]]) {
    const lane = new Lane();
    lane.cursor = 10;
    for (const number of numbers) lane.offer(number);
    t.is(lane.readySize, numbers.length);
    t.deepEqual(
      drained(lane),
      [...numbers].sort((a, b) => a - b),
    );
  }
});

test('does not keep what lies ahead of the cursor', (t) => {
  const lane = new Lane();
  lane.cursor = 10;
  lane.offer(11);
  lane.offer(10);
  t.deepEqual(drained(lane), [10]);
});

test('one more than it holds sends it back to the start', (t) => {
  const lane = new Lane();
  lane.cursor = READY_MAX + 1;
  for (let number = 1; number <= READY_MAX; number++) lane.offer(number);
  t.is(lane.readySize, READY_MAX);
  t.is(lane.cursor, READY_MAX + 1);
  lane.offer(READY_MAX + 1);
  t.is(lane.readySize, 0);
  t.is(lane.cursor, 0);
});
