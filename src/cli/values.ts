import { type LogLevel, logLevels } from '../lib/log.ts';
import { parseDuration } from '../lib/schema.ts';
import { type Args, UsageError } from './command.ts';

/** The value of an option that must be given. */
export function required(args: Args, name: string, value: string): string {
  const text = args.text(name);
  if (!text) throw new UsageError(`--${name} ${value} is missing`);
  return text;
}

/** A duration in milliseconds; 0 may be written without a unit. */
export function durationOf(args: Args, name: string, otherwise: number): number {
  const text = args.text(name);
  if (text === undefined) return otherwise;
  const ms = text === '0' ? 0 : parseDuration(text);
  if (ms === undefined) throw new UsageError(`--${name} must be a duration such as 250ms, 10s or 5m`);
  return ms;
}

/** A whole number of at least 1. */
export function countOf(args: Args, name: string): number | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new UsageError(`--${name} must be a whole number of at least 1`);
  return Number(text);
}

export function levelOf(args: Args, otherwise: LogLevel): LogLevel {
  const wanted = args.text('log-level') ?? otherwise;
  const level = logLevels.find((known) => known === wanted);
  if (!level) throw new UsageError(`--log-level must be one of ${logLevels.join(', ')}`);
  return level;
}

/** The two sides of `KEY=VALUE`. */
export function pairOf(flag: string, text: string, shape: string): [string, string] {
  const match = /^([^=]+)=(.*)$/s.exec(text);
  if (!match) throw new UsageError(`${flag} needs two sides: ${flag} ${shape}`);
  return [match[1] ?? '', match[2] ?? ''];
}

/** A port that can be connected to. */
export function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) throw new UsageError('--port must be a number from 1 to 65535');
  return port;
}
