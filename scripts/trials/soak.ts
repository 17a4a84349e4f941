/** `npm run soak`: random faults under traffic for as long as you like. See `npm run soak -- --help`. */
import { parseArgs } from 'node:util';
import { seeded } from '../../test/protocols/bal/helpers.ts';
import { Findings } from './findings.ts';
import { soak } from './soaking.ts';

const HELP = `npm run soak -- [options]

  --minutes N    how long, such as 0.5 or 480 (5)
  --seed N       the same faults again, as far as the machine allows (a random one)
`;
/** How often a line of status is written, in milliseconds. */
const STATUS_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    help: { type: 'boolean', default: false },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const ms = Number(values.minutes) * 60_000;
  const seed = Number(values.seed);
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (!(ms > 0) || !Number.isInteger(seed)) {
    print('--minutes is a number above 0, --seed a whole one');
    return 2;
  }
  print(`seed ${seed}`);
  const findings = new Findings((invariant, what) => print(`VIOLATED ${invariant}: ${what}`));
  await soak({ ms, random: seeded(seed), findings, say: print, statusMs: STATUS_MS });
  print(findings.table());
  const { violated } = findings;
  print(violated.length === 0 ? 'passed' : `FAILED: ${violated.join(', ')}; again with --seed ${seed}`);
  return violated.length === 0 ? 0 : 1;
}

process.exitCode = await main();
