import test, { type ExecutionContext } from 'ava';
import { Findings } from '../../scripts/trials/findings.ts';
import { kill } from '../../scripts/trials/kill.ts';
import { service } from '../../scripts/trials/service.ts';
import { soak } from '../../scripts/trials/soaking.ts';
import type { TrialOptions } from '../../scripts/trials/trial.ts';
import { seeded } from '../protocols/bal/helpers.ts';

/** The short forms of `npm run crash` and `npm run soak`: the same pieces, fewer of everything. */
const SEED = 20;
const traffic = { sessions: 2, backends: 2, burst: 3 };

async function passes(t: ExecutionContext, run: (options: TrialOptions) => Promise<void>): Promise<void> {
  t.timeout(180_000);
  const all: TrialOptions = { random: seeded(SEED), findings: new Findings(), traffic, times: 2, say: () => {} };
  await run(all);
  t.deepEqual(all.findings.violated, [], all.findings.table());
  for (const invariant of ['arrival', 'outcome', 'upstream', 'group', 'identity', 'invention'] as const) {
    t.true(all.findings.checked(invariant) > 0, `${invariant} was looked at`);
  }
}

test.serial('[promise 1–4] the bridge is killed at any moment: nothing is lost, doubled, overtaken or invented', (t) =>
  passes(t, kill),
);

test.serial(
  '[promise 1–4] the service is killed and comes back: what it had acked has arrived, what it took goes on',
  (t) => passes(t, (all) => service({ ...all, times: 1 })),
);

test.serial('[promise 1–6] faults of service and backends at random: the promises hold throughout', (t) =>
  passes(t, (all) => soak({ ...all, ms: 3_000, statusMs: 1_000, pace: 0.1 })),
);
