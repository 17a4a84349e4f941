import { StoreError, type StoreErrorCode } from '../../core/ports.ts';
import type { Trouble } from './operations.ts';

/** Result codes of SQLite (the low byte of `errcode`). */
export const SQLITE = {
  busy: 5,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

/** The result code of an error that SQLite gave, without its extension; undefined for errors of others. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  return error.errcode & 0xff;
}

/** True if not the operation is at fault but what the store stands on: the next operation will fare no better. */
export function isTrouble(error: unknown): boolean {
  const { noMemory, readOnly, ioError, corrupt, full, cantOpen, notADatabase } = SQLITE;
  const code = sqliteCode(error);
  return (
    code !== undefined && [noMemory, readOnly, ioError, corrupt, full, cantOpen, notADatabase].includes(code as never)
  );
}

/** Any error as one that can travel between threads. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof StoreError) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  const trouble = sqliteCode(error) === SQLITE.full ? 'full' : 'failed';
  const code: StoreErrorCode = isTrouble(error) ? trouble : 'fault';
  if (code === 'full') return { code, message: `no room left for the database: ${message}; free some space` };
  return { code, message: `the database failed: ${message}` };
}

export function unreadable(path: string, why: string, options?: ErrorOptions): StoreError {
  return new StoreError(
    'unreadable',
    `the database ${path} can't be used (${why}): restore it or move it away`,
    options,
  );
}

/** A file that may well be sound, but which this process may not write. */
export function unwritable(path: string, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StoreError(
    'unreadable',
    `the database ${path} can't be opened for writing (${why}): let the bridge write the file and its folder`,
    { cause },
  );
}
