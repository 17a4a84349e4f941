/**
 * `npm run crash`: bridge, service and disk are broken in every way that a machine has, under traffic, and what backends and
 * service saw is held against each other. See `npm run crash -- --help`.
 */
import { parseArgs } from 'node:util';
import { seeded } from '../../test/protocols/bal/helpers.ts';
import { Findings } from './findings.ts';
import { full, readonly } from './full.ts';
import { kill } from './kill.ts';
import { service } from './service.ts';
import { torn } from './torn.ts';
import type { Trial } from './trial.ts';

const trials: Readonly<Record<string, { readonly run: Trial; readonly share: number; readonly summary: string }>> = {
  kill: { run: kill, share: 1, summary: 'the bridge is killed with SIGKILL' },
  emulator: { run: service, share: 0.3, summary: 'the service is killed, now and then the bridge with it' },
  full: { run: full, share: 0.05, summary: 'the disk of the store runs full and has room again' },
  readonly: { run: readonly, share: 0.03, summary: 'the store turns read-only, and is so at a start' },
  torn: { run: torn, share: 0.3, summary: 'killed, and the tail of its log torn; on a copy, corrupted' },
};

const HELP = `npm run crash -- [options]

  --kills N      how often the bridge is killed (100); the other trials take a share of it
  --seed N       the same moments and the same traffic again, as far as the machine allows (a random one)
  --trial NAME   one of these, may be repeated (all)
${Object.entries(trials)
  .map(([name, { summary }]) => `                 ${name.padEnd(9)} ${summary}`)
  .join('\n')}
`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    trial: { type: 'string', multiple: true, default: Object.keys(trials) },
    help: { type: 'boolean', default: false },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  if (values.help) {
    print(HELP);
    return 0;
  }
  const seed = Number(values.seed);
  const kills = Number(values.kills);
  const unknown = values.trial.find((name) => !Object.hasOwn(trials, name));
  if (unknown !== undefined || !Number.isInteger(seed) || !(kills >= 1)) {
    print(unknown === undefined ? '--seed and --kills are whole numbers' : `there is no trial ${unknown}`);
    return 2;
  }
  print(`seed ${seed}`);
  const failed: string[] = [];
  for (const name of values.trial) {
    const trial = trials[name];
    if (!trial) continue;
    print(`\n${name}: ${trial.summary}`);
    const findings = new Findings((invariant, what) => print(`  VIOLATED ${invariant}: ${what}`));
    const started = performance.now();
    const times = Math.max(1, Math.round(kills * trial.share));
    await trial.run({ random: seeded(seed), findings, times, say: (line) => print(`  ${line}`) });
    print(
      `${findings.table()}\n${name}: ${findings.violated.length === 0 ? 'passed' : 'FAILED'} in ${seconds(started)} s`,
    );
    if (findings.violated.length > 0) failed.push(name);
  }
  print(failed.length === 0 ? '\nall trials passed' : `\nFAILED: ${failed.join(', ')}; again with --seed ${seed}`);
  return failed.length === 0 ? 0 : 1;
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(0);

process.exitCode = await main();
