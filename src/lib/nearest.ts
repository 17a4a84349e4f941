/**
 * The candidate that `word` was probably meant to be, or undefined if none is close. Up to two slips (a letter too many,
 * too few, wrong, or swapped with its neighbour) are forgiven, fewer in short words.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const plain = word.toLowerCase().replaceAll('-', '_');
  let best: string | undefined;
  let least = Math.min(2, Math.floor(plain.length / 2)) + 1;
  for (const candidate of candidates) {
    const slips = distance(plain, candidate.toLowerCase().replaceAll('-', '_'));
    if (slips < least) [best, least] = [candidate, slips];
  }
  return best;
}

/** Edits between two words, a swap of neighbours counting as one (optimal string alignment). */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let edits = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, at(before, j - 2) + 1);
      row.push(edits);
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.POSITIVE_INFINITY;
