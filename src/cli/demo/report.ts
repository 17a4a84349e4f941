import type { Books } from './services/service.ts';
import type { ShowResult } from './show.ts';

/** The table of what was seen, and what does not add up. */
export function report(
  count: number,
  { tally, seconds, expected }: ShowResult,
  books: Books,
): { text: string; wrongs: string[] } {
  const rejected = [...tally.rejected].sort(([a], [b]) => a.localeCompare(b));
  const rejects = rejected.reduce((sum, [, n]) => sum + n, 0);
  const ms = (share: number) => `${tally.quantile(share).toFixed(1)} ms`;
  const rows: [string, string][] = [
    ['sent', String(tally.sent)],
    ['acked', String(tally.acked)],
    ...rejected.map(([code, n]): [string, string] => [`rejected ${code}`, String(n)]),
    ['receipts', String(tally.receipts.size)],
    ['upstream', String(tally.upstream.size)],
    ['tried again after "unavailable"', String(books.unavailable)],
    ['redelivered after lost connections', String(books.repeated - books.unavailable)],
    [...books.connections],
    ['p50, p95, p99 from send to outcome', `${ms(0.5)}, ${ms(0.95)}, ${ms(0.99)}`],
    ['messages per second', (tally.sent / seconds).toFixed(0)],
  ];
  const sums: [string, number, number][] = [
    ['messages sent', tally.sent, count],
    ['outcomes', tally.settled, count],
    ['acked + rejected', tally.acked + rejects, count],
    ['different messages at the service', books.different, count],
    ['receipts', tally.receipts.size, expected.receipts],
    ['upstream messages', tally.upstream.size, expected.upstream],
    ...books.breaches.map(([what, count]): [string, number, number] => [what, count, 0]),
  ];
  const wrongs = [
    ...tally.wrongs,
    ...sums.flatMap(([what, got, wanted]) => (got === wanted ? [] : [`${what}: ${got} instead of ${wanted}`])),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return { text: rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n'), wrongs };
}
