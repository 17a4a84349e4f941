import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { StoreError } from '../../core/index.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';
import { select } from './sql.ts';

/** The header of a database file: https://sqlite.org/fileformat.html#the_database_header */
const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';

/**
 * Looks at a file without opening it for writing: only a new file, an empty database or one of ours may be opened.
 * @throws StoreError 'unreadable', 'foreign' or 'newer'
 */
export function inspectFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat || (stat.isFile() && stat.size === 0)) return;
  if (!stat.isFile()) throw new StoreError('unreadable', `${path} is not a file: give the path of a database file`);
  const header = readHeader(path);
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new StoreError('unreadable', `${path} is not an SQLite database: give another path or move it away`);
  }
  const version = header.readUInt32BE(60);
  const application = header.readUInt32BE(68);
  if (application !== APPLICATION_ID && (application !== 0 || hasTables(path))) {
    throw new StoreError('foreign', `${path} is the database of another program: give another path`);
  }
  if (application === APPLICATION_ID && version > MIGRATIONS.length) throw newerError(path, version);
  if (isCutShort(header, stat.size) && !sizeOf(`${path}-wal`) && !sizeOf(`${path}-journal`)) {
    throw new StoreError('unreadable', `the database ${path} is cut short: restore it or move it away`);
  }
}

export function newerError(path: string, version: number): StoreError {
  const ours = MIGRATIONS.length;
  return new StoreError(
    'newer',
    `the database ${path} was written by a newer pushbridge (schema ${version}, this one knows ${ours}): use that one`,
  );
}

function readHeader(path: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      return header.subarray(0, readSync(file, header, 0, HEADER_BYTES, 0));
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('unreadable', `the database ${path} can't be read: ${why}`, { cause });
  }
}

/** Bytes 28 to 31 count the pages, if bytes 92 to 95 say that whoever wrote last has kept that number. */
function isCutShort(header: Buffer, size: number): boolean {
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  return header.readUInt32BE(24) === header.readUInt32BE(92) && header.readUInt32BE(28) * pageBytes > size;
}

function hasTables(path: string): boolean {
  const url = pathToFileURL(path);
  // `immutable` leaves no traces beside the file, but does not see what a WAL has in addition.
  if (!sizeOf(`${path}-wal`)) url.searchParams.set('immutable', '1');
  try {
    const db = new DatabaseSync(url, { readOnly: true });
    try {
      return (select<{ n: number }>(db, 'SELECT count(*) AS n FROM sqlite_schema').get()?.n ?? 0) > 0;
    } finally {
      db.close();
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('unreadable', `the database ${path} can't be read (${why}): restore it or move it away`, {
      cause,
    });
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
