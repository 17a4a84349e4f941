import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { StoreError } from '../../core/ports.ts';
import { SQLITE, sqliteCode, unreadable } from './errors.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';
import { select } from './sql.ts';

/**
 * Looks at a file without opening it for writing: only a new file, an empty database or one of ours may be opened. It looks
 * through SQLite alone: closing a file descriptor of our own would drop the locks that another store of this process
 * holds on the file.
 * @throws StoreError 'unreadable', 'foreign' or 'newer'; or what SQLite throws
 */
export function inspectFile(path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat || (stat.isFile() && stat.size === 0)) return;
  if (!stat.isFile()) throw unreadable(path, 'it is not a file');
  if (!statSync(`${path}-wal`, { throwIfNoEntry: false })?.size) {
    look(path, true);
    return;
  }
  try {
    look(path, false);
  } catch (error) {
    // On a full disk SQLite can't make the file that readers of a WAL share: then the look under the lock must do.
    if (sqliteCode(error) !== SQLITE.ioError) throw error;
  }
}

/** @param immutable leaves no traces beside the file, but does not see what a WAL has in addition */
function look(path: string, immutable: boolean): void {
  const url = pathToFileURL(path);
  if (immutable) url.searchParams.set('immutable', '1');
  const db = new DatabaseSync(url, { readOnly: true });
  try {
    checkOurs(db, path);
  } finally {
    db.close();
  }
}

/** @throws StoreError 'foreign', 'newer' or 'unreadable' unless the database is empty or one that we know */
export function checkOurs(db: DatabaseSync, path: string): void {
  const application = select<{ application_id: number }>(db, 'PRAGMA application_id').get()?.application_id;
  const version = select<{ user_version: number }>(db, 'PRAGMA user_version').get()?.user_version ?? 0;
  const names = new Set(
    select<{ name: string }>(db, 'SELECT name FROM sqlite_schema')
      .all()
      .map(({ name }) => name),
  );
  if (application !== APPLICATION_ID) {
    if (application === 0 && names.size === 0) return;
    throw new StoreError('foreign', `${path} is the database of another program: give another path`);
  }
  if (version > MIGRATIONS.length) throw newerError(path, version);
  if (version < MIGRATIONS.length) return;
  const missing = [...MIGRATIONS.join().matchAll(/CREATE (?:TABLE|INDEX) (\w+)/g)].filter(
    ([, name = '']) => !names.has(name),
  );
  if (missing.length) throw unreadable(path, `it lacks ${missing.map(([, name]) => name).join(', ')}`);
}

function newerError(path: string, version: number): StoreError {
  const ours = MIGRATIONS.length;
  return new StoreError(
    'newer',
    `the database ${path} was written by a newer pushbridge (schema ${version}, this one knows ${ours}): use that one`,
  );
}
