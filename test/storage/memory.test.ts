import { createMemoryStore } from '../../src/storage/memory/index.ts';
import { storeContract } from './contract.ts';

storeContract('memory', async ({ limits }) => ({ store: createMemoryStore(limits) }), false);
