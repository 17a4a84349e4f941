import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Store } from '../../src/core/index.ts';
import { openSqliteStore } from '../../src/storage/sqlite/index.ts';
import { accepted, LIMITS, submission, T0 } from './samples.ts';
import { scratch } from './scratch.ts';

const fresh = scratch();
const child = fileURLToPath(new URL('./sqlite-child.ts', import.meta.url));
const limits = { ...LIMITS, dedupeMax: 1_000_000, maxInbox: 1_000_000 };

/** Lets the other process work until it has said so many lines, kills it, and gives what it had reported as done. */
async function killed(path: string, lines: number) {
  const process_ = spawn(process.execPath, [child, 'traffic', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const said = { taken: [] as string[], settled: [] as string[], acked: [] as string[] };
  const ended = once(process_, 'exit');
  for await (const line of createInterface(process_.stdout)) {
    const [kind = '', ...ids] = line.split(' ');
    said[kind as keyof typeof said].push(...ids);
    if (--lines === 0) process_.kill('SIGKILL');
  }
  const [, signal] = await ended;
  return { ...said, signal };
}

async function claimAll(store: Store): Promise<number> {
  for (let count = 0; ; ) {
    const { claims } = await store.claim('ccs', 1000, T0);
    if (claims.length === 0) return count;
    await store.settle(claims.map((lent) => accepted(lent)));
    count += claims.length;
  }
}

for (const lines of [30, 400, 3000]) {
  test(`what was reported before a kill is there after it (${lines} reports)`, async (t) => {
    const path = fresh();
    const { taken, settled, acked, signal } = await killed(path, lines);
    t.is(signal, 'SIGKILL');
    t.true(taken.length > 0);
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
    const pending = store.pending('app');
    t.is(await claimAll(store), pending, 'the counter of the outbox is exact');
    t.is(store.pending('app'), 0);
  });
}
