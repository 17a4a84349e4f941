import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { StoreError } from '../../src/core/index.ts';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { guarded } from '../../src/storage/sqlite/open.ts';
import { APPLICATION_ID, MIGRATIONS } from '../../src/storage/sqlite/schema.ts';
import { claimIds, HOUR, LIMITS, registration, submission, T0 } from './samples.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();
const child = fileURLToPath(new URL('./sqlite-child.ts', import.meta.url));

/** Opening must fail with this code, name the path, and leave the file and its folder as they were. */
async function refuses(t: ExecutionContext, path: string, code: StoreError['code'], isFile = true): Promise<void> {
  const [bytes, names] = [isFile ? readFileSync(path) : undefined, readdirSync(dirname(path))];
  const error = await t.throwsAsync(openSqliteStore({ path, limits: LIMITS }), { instanceOf: StoreError });
  t.is((error as StoreError).code, code);
  t.true(error?.message.includes(path), error?.message);
  if (bytes) t.true(bytes.equals(readFileSync(path)));
  t.deepEqual(readdirSync(dirname(path)), names);
}

/** A path alone in its folder, so that traces beside it would show. */
function lonely(name: string): string {
  mkdirSync(fresh(name));
  return `${fresh(name)}/store.db`;
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

async function made(path: string): Promise<string> {
  const store = await openSqliteStore({ path, limits: LIMITS });
  await store.accept([submission('a'), submission('b')]);
  await store.close();
  return path;
}

function withSql(path: string, sql: string): string {
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
  return path;
}

test('refuses what is no database', async (t) => {
  const path = lonely('text');
  writeFileSync(path, 'just some text, long enough to be a header of a database file, if only it were one: it is not.');
  await refuses(t, path, 'unreadable');
  writeFileSync(path, 'short');
  await refuses(t, path, 'unreadable');
});

test('refuses a folder', async (t) => {
  const path = lonely('folder');
  mkdirSync(path);
  await refuses(t, path, 'unreadable', false);
});

test('refuses a path whose folder is missing, and says so', async (t) => {
  const path = fresh('no/such/folder/store.db');
  const error = await t.throwsAsync(openSqliteStore({ path, limits: LIMITS }), { instanceOf: StoreError });
  t.true(error?.message.includes(dirname(path)));
});

test('refuses a database that is cut short', async (t) => {
  const path = await made(lonely('short'));
  writeFileSync(path, readFileSync(path).subarray(0, 3 * 4096));
  await refuses(t, path, 'unreadable');
});

test('refuses a database that is damaged', async (t) => {
  const path = await made(lonely('damaged'));
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 100, 4096);
  writeFileSync(path, bytes);
  await refuses(t, path, 'unreadable');
});

test('refuses a database without its tables', async (t) => {
  await refuses(t, withSql(await made(lonely('holes')), 'DROP TABLE outcomes'), 'unreadable');
});

test('a database that can only be read: says what is missing, and not that it is damaged', async (t) => {
  const path = await made(lonely('read-only'));
  const db = new DatabaseSync(path, { readOnly: true });
  t.teardown(() => db.close());
  const error = t.throws(() => guarded(path, () => db.exec('UPDATE state SET epoch = 0')), { instanceOf: StoreError });
  t.is(error?.code, 'unreadable');
  t.regex(error?.message ?? '', /can't be opened for writing .*readonly.*let the bridge write the file and its folder/);
});

test('refuses the database of another program', async (t) => {
  await refuses(t, withSql(lonely('named'), 'PRAGMA application_id = 4711; CREATE TABLE t (a)'), 'foreign');
  await refuses(t, withSql(lonely('nameless'), 'CREATE TABLE t (a)'), 'foreign');
  await refuses(t, withSql(lonely('wal'), 'PRAGMA journal_mode = WAL; CREATE TABLE t (a)'), 'foreign');
});

test('refuses the database of a newer version', async (t) => {
  await refuses(t, withSql(await made(lonely('newer')), 'PRAGMA user_version = 99'), 'newer');
});

test('a migration that was released is never changed', (t) => {
  const released = ['41c596248dc4c1f1e6f540afedbaa120f32a315bdb8a9e06c03912bc730aa1c5'];
  t.deepEqual(
    MIGRATIONS.slice(0, released.length).map((sql) => hash('sha256', sql)),
    released,
  );
});

test('a database of the first version is brought up to date with all that it holds', async (t) => {
  const path = withSql(
    fresh(),
    `${MIGRATIONS[0]}
    PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = 1;
    UPDATE state SET last_id = 7;
    INSERT INTO sessions VALUES (1, 'app', 0, 1, 0);
    INSERT INTO providers VALUES (1, 'ccs', 1);
    INSERT INTO ids VALUES (1, 'old', 7);
    INSERT INTO outbox VALUES (7, 1, NULL, 0, 1, 0, ${T0 + HOUR}, ${T0}, 0, NULL, NULL, 60, 'high', 'none', 0, 'old', NULL,
      'token', NULL, 'digest of old', '{}', x'00ff')`,
  );
  const store = await openSqliteStore({ path, limits: { ...LIMITS, sessions: { app: { maxPerTarget: 1 } } } });
  t.teardown(() => store.close());
  t.is((await store.stats()).registrations, 0);
  t.like((await store.register([registration('a')]))[0], { kind: 'new' });
  t.like(await store.registration('token of a', T0), { name: 'a' });
  const payload = { kind: 'opaque', body: Buffer.from([1]), headers: '{}' } as const;
  t.deepEqual(await store.accept([submission('new', { payload })]), [{ kind: 'full' }], 'what was there counts');
  const { claims } = await store.claim('ccs', 10, T0);
  t.like(claims, [{ message: { id: 7, messageId: 'old', payload: { headers: '{}' } } }]);
});

test('begins with nothing, with an empty file and with an empty database', async (t) => {
  const empty = fresh();
  writeFileSync(empty, '');
  const bare = withSql(fresh(), 'CREATE TABLE t (a); DROP TABLE t');
  for (const path of [fresh(), empty, bare]) {
    const store = await openSqliteStore({ path: await made(path), limits: LIMITS });
    t.deepEqual(await claimIds(store), ['a', 'b']);
    await store.close();
    const db = new DatabaseSync(path, { readOnly: true });
    t.deepEqual({ ...db.prepare('PRAGMA user_version').get() }, { user_version: MIGRATIONS.length });
    t.deepEqual({ ...db.prepare('PRAGMA application_id').get() }, { application_id: 0x50754272 });
    t.deepEqual({ ...db.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
    db.close();
  }
});

test('a new database is for its owner alone, with all that lies beside it', async (t) => {
  const path = lonely('private');
  const store = await openSqliteStore({ path, limits: LIMITS });
  await store.accept([submission('a')]);
  const names = readdirSync(dirname(path));
  t.true(names.includes('store.db') && names.includes('store.db-wal'));
  for (const name of names) t.is(modeOf(`${dirname(path)}/${name}`), 0o600, name);
  await store.close();
  t.is(modeOf(path), 0o600);
});

test('the mode of a file that exists is left alone', async (t) => {
  const empty = lonely('group');
  writeFileSync(empty, '');
  for (const path of [empty, await made(lonely('shared'))]) {
    chmodSync(path, 0o640);
    await made(path);
    t.is(modeOf(path), 0o640);
  }
});

test('a second store on one file is refused at once, in this process and in another', async (t) => {
  const path = fresh();
  const store = await openSqliteStore({ path, limits: LIMITS });
  t.teardown(() => store.close());
  const error = await t.throwsAsync(openSqliteStore({ path, limits: LIMITS }), { instanceOf: StoreError });
  t.is((error as StoreError).code, 'in-use');
  await store.accept([submission('a')]);
  const { stdout } = spawnSync(process.execPath, [child, 'open', path], { encoding: 'utf8' });
  t.is(stdout.trim(), 'in-use');
  t.deepEqual(await claimIds(store), ['a'], 'the first one does not mind');
});

test('a store that was closed can be opened elsewhere', async (t) => {
  const { stdout } = spawnSync(process.execPath, [child, 'open', await made(fresh())], { encoding: 'utf8' });
  t.is(stdout.trim(), 'opened 2');
});
