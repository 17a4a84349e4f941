/** What the scenarios have in common: statistics, the floor of the disk, and a look at a process from outside. */
import {
  closeSync,
  fdatasyncSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** Milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface Usage {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

export const MIB = 2 ** 20;

export const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Milliseconds since the epoch with fractions: comparable between the processes of one machine. */
export const wallMs = (): number => performance.timeOrigin + performance.now();

/** Sorts `times` in place. */
export function quantiles(times: Float64Array): Quantiles {
  times.sort();
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Processor seconds and resident bytes of a process, from /proc. @throws where there is no /proc, or no such process */
export function usage(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return { cpuSeconds: (Number(stat[11]) + Number(stat[12])) / 100, residentBytes: pages * 4096 };
}

/** The highest resident size that the process had since it began, or since {@link resetPeak}, in bytes. */
export function peakBytes(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Bytes of the files whose names begin with `prefix`. */
export function bytesOf(folder: string, prefix: string): number {
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix));
  return names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** The floor under every durable write: so many 512-byte records and one `fdatasync`, in microseconds. */
export function fsyncFloor(folder: string, records: number): number {
  const file = openSync(join(folder, 'floor'), 'w');
  const record = Buffer.alloc(512, 'x');
  const times = Array.from({ length: 200 }, () => {
    const started = performance.now();
    for (let i = 0; i < records; i++) writeSync(file, record);
    fdatasyncSync(file);
    return (performance.now() - started) * 1000;
  });
  closeSync(file);
  return median(times);
}
