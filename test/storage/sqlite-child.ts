/** The other process of the tests: `open PATH` tries to open a store, `traffic PATH` works in it until it is killed. */
import { writeSync } from 'node:fs';
import { StoreError } from '../../src/core/index.ts';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { accepted, LIMITS, registration, submission, T0 } from './samples.ts';

const [, , what, path = ''] = process.argv;
const limits = {
  ...LIMITS,
  dedupeMax: 1_000_000,
  maxInbox: 1_000_000,
  registrationsMax: 1_000_000,
  registrationsPerOwner: 1_000_000,
};
/** Not buffered: what was said before a kill was said. */
const say = (line: string): void => void writeSync(1, `${line}\n`);

if (what === 'open') {
  try {
    const store = await openSqliteStore({ path, limits });
    say(`opened ${store.pending('app')}`);
    await store.close();
  } catch (error) {
    say(error instanceof StoreError ? error.code : String(error));
  }
} else {
  const store = await openSqliteStore({ path, limits });
  const mailbox = await store.openMailbox('app');
  const intake = async (): Promise<void> => {
    for (let n = 0; ; n += 7) {
      const ids = Array.from({ length: 7 }, (_, i) => `m${n + i}`);
      await store.accept(ids.map((id) => submission(id, { mailbox, groupId: `g${n % 5}` })));
      say(`taken ${ids.join(' ')}`);
    }
  };
  const dispatch = async (): Promise<void> => {
    for (;;) {
      const { claims } = await store.claim('ccs', 5, T0);
      await store.settle(claims.map((lent) => accepted(lent)));
      if (claims.length) say(`settled ${claims.map(({ message }) => message.messageId).join(' ')}`);
    }
  };
  const drain = async (): Promise<void> => {
    for (;;) {
      const frames = await store.claimInbox('app', [mailbox, 0], 3);
      await store.ackInbox(
        'app',
        frames.map(({ sequence }) => sequence),
        T0,
      );
      if (frames.length) say(`acked ${frames.map(({ sequence }) => sequence).join(' ')}`);
    }
  };
  const register = async (): Promise<void> => {
    for (let n = 0; ; n += 3) {
      const names = Array.from({ length: 3 }, (_, i) => `r${n + i}`);
      await store.register(names.map((name) => registration(name)));
      say(`registered ${names.join(' ')}`);
      const [first = ''] = names;
      await store.revoke([{ token: registration(first).token }], T0);
      say(`revoked ${first}`);
    }
  };
  await Promise.all([intake(), dispatch(), drain(), register()]);
}
