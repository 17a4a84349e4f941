import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { storeContract } from './contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'pushbridge-sqlite-'));
let files = 0;
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

storeContract(
  'sqlite',
  async ({ limits }) => {
    const path = join(folder, `${++files}.db`);
    const store = await openSqliteStore({ path, limits });
    const reopen = async () => {
      await store.close();
      return openSqliteStore({ path, limits });
    };
    return { store, reopen };
  },
  true,
);
