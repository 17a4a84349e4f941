import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type ExecutionContext } from 'ava';
import { corrupt, tear } from '../../scripts/trials/wal.ts';
import { seeded } from '../protocols/bal/helpers.ts';

const ROWS = 50;

/** A database and its log as a kill leaves them, copied anew for each seed; how many rows are readable after the damage. */
function rowsAfter(t: ExecutionContext, damage: typeof tear, seeds: number): { what: string; rows: number }[] {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-wal-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const alive = join(folder, 'alive.db');
  const db = new DatabaseSync(alive);
  t.teardown(() => db.close());
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE rows (n INTEGER PRIMARY KEY, text TEXT)');
  const insert = db.prepare('INSERT INTO rows VALUES (?, ?)');
  for (let n = 0; n < ROWS; n++) insert.run(n, 'x'.repeat(500));
  return Array.from({ length: seeds }, (_, seed) => {
    const path = join(folder, `copy${seed}.db`);
    for (const suffix of ['', '-wal']) copyFileSync(alive + suffix, path + suffix);
    const what = damage(`${path}-wal`, seeded(seed)) ?? 'nothing';
    t.notDeepEqual([what, readFileSync(`${path}-wal`)], ['nothing', readFileSync(`${alive}-wal`)]);
    const copy = new DatabaseSync(path);
    try {
      return { what, rows: Number(copy.prepare('SELECT count(*) AS n FROM rows').get()?.n) };
    } catch {
      return { what, rows: 0 }; // not even the table
    } finally {
      copy.close();
    }
  });
}

test('a torn tail takes nothing that was committed, in whatever way it tears', (t) => {
  const torn = rowsAfter(t, tear, 60);
  t.is(new Set(torn.map(({ what }) => what)).size, 5, 'every way was tried');
  for (const { what, rows } of torn) t.is(rows, ROWS, what);
});

test('a corrupt log has lost something: the trial is not harmless', (t) => {
  const corrupted = rowsAfter(t, corrupt, 30);
  t.is(new Set(corrupted.map(({ what }) => what)).size, 3, 'every way was tried');
  for (const { what, rows } of corrupted) t.true(rows < ROWS, what);
});
