import type { AppServer } from './app-server.ts';
import type { Book } from './book.ts';

/** The table of what was seen, and what does not add up. */
export function report(book: Book, { statuses }: AppServer, seconds: number): { text: string; wrongs: string[] } {
  const ms = (share: number) => `${book.quantile(share).toFixed(1)} ms`;
  const answers = [...statuses].sort(([a], [b]) => a - b);
  const rows: [string, string][] = [
    ['pushed', String(book.total)],
    ['answers', answers.map(([status, n]) => `${n} × ${status}`).join(', ')],
    ['arrived and decrypted', String(book.arrivals)],
    ['replaced by their topic', String(book.count('replaced'))],
    ['taken back', String(book.count('taken back'))],
    ['not for delivery', String(book.count('refused'))],
    ['p50, p95, p99 from post to receiver', `${ms(0.5)}, ${ms(0.95)}, ${ms(0.99)}`],
    ['seconds', seconds.toFixed(1)],
  ];
  const wrongs = [...book.wrongs];
  if (book.arrivals !== book.count('arrives')) {
    wrongs.push(`arrived: ${book.arrivals} instead of ${book.count('arrives')}`);
  }
  const width = Math.max(...rows.map(([name]) => name.length));
  return { text: rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n'), wrongs };
}
