import type { Lane } from './lane.ts';

/** Frames of one mailbox that could be claimed, in order; those from `ahead` on lie before the lane's cursor. */
export interface Candidates {
  readonly lane: Lane;
  readonly numbers: number[];
  readonly ahead: number;
  readonly walkedTo: number;
  taken: number;
}

/** The smallest numbers of all sources, at most `room`; each counts as taken once it is given. */
export function* merge(sources: readonly Candidates[], room: number): Generator<number, void, void> {
  for (let left = room; left > 0; left--) {
    let first: Candidates | undefined;
    let least = Infinity;
    for (const source of sources) {
      const number = source.numbers[source.taken] ?? Infinity;
      if (number >= least) continue;
      least = number;
      first = source;
    }
    if (!first) return;
    first.taken++;
    yield least;
  }
}

/** What was looked at and not taken is met again next time. */
export function giveBack({ lane, numbers, ahead, walkedTo, taken }: Candidates): void {
  const next = numbers[Math.max(taken, ahead)];
  lane.cursor = Math.max(lane.cursor, next === undefined ? walkedTo : next - 1);
  for (const number of numbers.slice(taken, ahead)) lane.offer(number);
}
