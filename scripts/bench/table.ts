/** What a scenario reports, and how it is shown. */
import type { LoadResult } from './load.ts';
import { median } from './measure.ts';

/** One line of a scenario's table: the first column names it. */
export type Row = Readonly<Record<string, string | number | undefined>>;

export interface Section {
  readonly title: string;
  /** What the columns mean where that is not plain. */
  readonly note?: string;
  readonly rows: readonly Row[];
}

/** The runs of one measurement and what they cost the bridge. */
export interface Measured {
  readonly runs: readonly LoadResult[];
  /** Processor microseconds of the bridge for each message, a figure a run. */
  readonly cpuMicros: readonly number[];
  readonly residentMiB: number;
}

export const whole = (n: number): string => (Number.isFinite(n) ? Math.round(n).toLocaleString('en') : '–');
export const tenth = (n: number): string => (Number.isFinite(n) ? n.toFixed(1) : '–');
export const ratio = (n: number): string => (Number.isFinite(n) ? n.toFixed(2) : '–');

export const perSecondOf = ({ runs }: Measured): number => median(runs.map((run) => run.perSecond));

/** The columns that throughput and latency have in common. `raw`: messages per second of the raw loop. */
export function columns(name: string, measured: Measured, raw: number | undefined): Row {
  const { runs, cpuMicros, residentMiB } = measured;
  const rates = runs.map((run) => run.perSecond);
  const of = (pick: (run: LoadResult) => number) => tenth(median(runs.map(pick)));
  return {
    scenario: name,
    'messages/s': whole(median(rates)),
    spread: `${whole(Math.min(...rates))}–${whole(Math.max(...rates))}`,
    'of raw': raw === undefined ? '–' : ratio(median(rates) / raw),
    'p50 ms': of((run) => run.p50),
    'p95 ms': of((run) => run.p95),
    'p99 ms': of((run) => run.p99),
    'CPU µs': whole(median(cpuMicros)),
    MiB: whole(residentMiB),
  };
}

/** A table for Markdown. */
export function markdown(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const line = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`;
  return [line(names), line(names.map(() => '---')), ...rows.map((row) => line(names.map((n) => row[n] ?? '–')))].join(
    '\n',
  );
}
