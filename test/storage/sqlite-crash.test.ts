import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Store } from '../../src/core/index.ts';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { accepted, LIMITS, registration, submission, T0 } from './samples.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();
const child = fileURLToPath(new URL('./sqlite-child.ts', import.meta.url));
const limits = {
  ...LIMITS,
  dedupeMax: 1_000_000,
  maxInbox: 1_000_000,
  registrationsMax: 1_000_000,
  registrationsPerOwner: 1_000_000,
};

/** Lets the other process work until it has said so many lines, kills it, and gives what it had reported as done. */
async function killed(path: string, lines: number) {
  const process_ = spawn(process.execPath, [child, 'traffic', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said: Record<string, string[]> = { taken: [], settled: [], acked: [], registered: [], revoked: [] };
  const ended = once(process_, 'exit');
  for await (const line of createInterface(process_.stdout)) {
    const [kind = '', ...ids] = line.split(' ');
    said[kind]?.push(...ids);
    if (--lines === 0) process_.kill('SIGKILL');
  }
  const [, signal] = await ended;
  const { taken = [], settled = [], acked = [], registered = [], revoked = [] } = said;
  return { taken, settled, acked, registered, revoked, signal };
}

async function claimAll(store: Store): Promise<number> {
  for (let count = 0; ; ) {
    const { claims } = await store.claim('ccs', 1000, T0);
    if (claims.length === 0) return count;
    await store.settle(claims.map((lent) => accepted(lent)));
    count += claims.length;
  }
}

async function everyName(store: Store): Promise<string[]> {
  const names: string[] = [];
  for (;;) {
    const page = await store.registrationsOf(registration('').owner, names.at(-1), 1000, T0);
    if (page.length === 0) return names;
    names.push(...page.map(({ name }) => name));
  }
}

for (const lines of [30, 400, 3000]) {
  test(`what was reported before a kill is there after it (${lines} reports)`, async (t) => {
    const path = fresh();
    const { taken, settled, acked, registered, revoked, signal } = await killed(path, lines);
    t.is(signal, 'SIGKILL');
    t.true(taken.length > 0 && revoked.length > 0);
    const store = await openSqliteStore({ path, limits });
    t.teardown(() => store.close());

    const done = new Set(settled);
    const open = taken.filter((id) => !done.has(id));
    const kinds = (await store.accept(open.map((id, n) => submission(id, { groupId: `g${n % 5}` })))).map(
      (a) => a.kind,
    );
    t.true(
      kinds.every((kind) => kind === 'pending' || kind === 'repeated'),
      'what was taken is known',
    );
    const acks = await store.ackInbox('app', acked.map(Number), T0);
    t.true(
      acks.every((ack) => ack === 'already'),
      'what was acknowledged stays so',
    );
    const repeats = await store.accept(settled.map((id) => submission(id)));
    t.true(
      repeats.every((repeat) => repeat.kind === 'repeated'),
      'what was settled has its outcome',
    );

    const frames = await store.claimInbox('app', [0], 1_000_000);
    t.is(store.waiting('app'), frames.length, 'the counter of the inbox is exact');
    t.is(new Set(frames.map(({ sequence }) => sequence)).size, frames.length);
    // A revocation that was on its way at the kill may be there, too.
    for (const name of revoked) t.is(await store.registration(registration(name).token, T0), 'revoked', name);
    const living = registered.filter((name) => Number(name.slice(1)) % 3 !== 0);
    for (const name of living) t.like(await store.registration(registration(name).token, T0), { name });
    const known = await everyName(store);
    t.is(new Set(known).size, known.length);
    t.is((await store.stats()).registrations, known.length, 'the counter of registrations is exact');

    const pending = store.pending('app');
    t.is(await claimAll(store), pending, 'the counter of the outbox is exact');
    t.is(store.pending('app'), 0);
  });
}
