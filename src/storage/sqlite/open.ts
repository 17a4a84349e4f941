import { statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../../core/ports.ts';
import { SQLITE, sqliteCode, troubleOf, unreadable, unwritable } from './errors.ts';
import { checkOurs, inspectFile } from './inspect.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';
import { select } from './sql.ts';

/** The WAL is copied into the file whenever it has so many pages (16 MiB), and cut to so many bytes if it ever grew. */
const CHECKPOINT_PAGES = 4096;
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
/** A new file is for its owner alone: tokens and payloads stand in it. SQLite gives its companions the same mode. */
const FILE_MODE = 0o600;
/** Pages in memory, in KiB. Those at the ends of tables and indexes are nearly all that is used; the rest is the system's to cache. */
const CACHE_KIB = 16 * 1024;

/**
 * Opens our database for this process alone, brings it up to date and counts the opening.
 * @param maxPages an upper bound of the file, in pages
 * @throws StoreError if the file is not ours to use; it is then as it was
 */
export function openDatabase(path: string, maxPages?: number): DatabaseSync {
  const folder = dirname(path);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new StoreError('unreadable', `the folder ${folder} of the database ${path} does not exist: create it first`);
  }
  guarded(path, () => inspectFile(path));
  createPrivate(path);
  const db = guarded(path, () => new DatabaseSync(path));
  try {
    guarded(path, () => prepare(db, path, maxPages));
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Makes a missing file, because SQLite would make it for everyone to read. The mode of one that exists is its owner's. */
function createPrivate(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })) return;
  try {
    writeFileSync(path, '', { flag: 'wx', mode: FILE_MODE });
  } catch {
    // Another was faster, or nobody can write here: SQLite meets the same and says it in its own way.
  }
}

function prepare(db: DatabaseSync, path: string, maxPages: number | undefined): void {
  // The lock is held until the process ends, however it ends; nobody else gets in between.
  db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  checkOurs(db, path); // again: now nobody can change it any more
  const version = select<{ user_version: number }>(db, 'PRAGMA user_version').get()?.user_version ?? 0;
  for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length};
    UPDATE state SET epoch = epoch + 1; COMMIT`);
  const mode = select<{ journal_mode: string }>(db, 'PRAGMA journal_mode = WAL').get()?.journal_mode;
  if (mode !== 'wal')
    throw new StoreError('failed', `the database ${path} can't have a write-ahead log, only "${mode}"`);
  db.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}; PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`);
  // What the next opening looks at first is the file itself: it must not lag behind the WAL.
  if (version < MIGRATIONS.length) db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  if (maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${maxPages}`);
}

/** Runs `step` and gives the errors of SQLite the names of ours. */
export function guarded<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    const code = sqliteCode(cause);
    if (code === SQLITE.busy) {
      throw new StoreError('in-use', `the database ${path} is in use by another bridge: stop that one first`, {
        cause,
      });
    }
    if (code === SQLITE.full || code === SQLITE.ioError || code === undefined) {
      if (cause instanceof StoreError) throw cause;
      const { code: kind, message } = troubleOf(cause);
      throw new StoreError(kind, `${path}: ${message}`, { cause });
    }
    if (code === SQLITE.readOnly || code === SQLITE.cantOpen) throw unwritable(path, cause);
    throw unreadable(path, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
