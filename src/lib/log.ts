import { createLogger, format, transports } from 'winston';

/** Facts that belong to one log line. Never a secret; a device token only through `shorten`. */
export type Facts = Readonly<Record<string, unknown>>;

/**
 * One line per event in the life of a connection or of the process; nothing per message above `debug`.
 * `event` is a short fixed phrase to search for, everything variable belongs into `facts`.
 */
export interface Log {
  error(event: string, facts?: Facts): void;
  warn(event: string, facts?: Facts): void;
  info(event: string, facts?: Facts): void;
  debug(event: string, facts?: Facts): void;
  /** A log whose lines all carry these facts. */
  child(facts: Facts): Log;
}

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];
export const logFormats = ['json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];

/** A log on standard error, so that standard output stays free for results. */
export function createLog(level: LogLevel, shape: LogFormat): Log {
  const line = shape === 'json' ? format.combine(format.timestamp(), format.json()) : pretty();
  return createLogger({
    level,
    format: format.combine(format(withPlainErrors)(), line),
    transports: [new transports.Console({ stderrLevels: [...logLevels] })],
  });
}

/** A log that keeps silent: for tests and for libraries that were given none. */
export const silentLog: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLog,
};

/** The message of anything that was thrown. */
export function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof AggregateError && !error.message) return error.errors.map(reason).join('; ');
  return error.message;
}

/** Errors have no enumerable fields: without this they would be logged as `{}`. */
function withPlainErrors<T extends Record<string, unknown>>(info: T): T {
  for (const [key, value] of Object.entries(info)) {
    if (value instanceof Error) Object.assign(info, { [key]: reason(value) });
  }
  return info;
}

function pretty() {
  return format.combine(
    format.timestamp({ format: 'HH:mm:ss.SSS' }),
    format.printf(({ timestamp, level, message, ...facts }) => {
      const tail = Object.entries(facts)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
        .join(' ');
      return `${timestamp} ${level.padEnd(5)} ${message}${tail && `  ${tail}`}`;
    }),
  );
}
