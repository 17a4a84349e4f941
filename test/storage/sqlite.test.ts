import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { storeContract } from './contract.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();

storeContract(
  'sqlite',
  async ({ limits }) => {
    const path = fresh();
    const store = await openSqliteStore({ path, limits });
    const reopen = async () => {
      await store.close();
      return openSqliteStore({ path, limits });
    };
    return { store, reopen };
  },
  true,
);
