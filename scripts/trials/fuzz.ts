/**
 * `npm run fuzz`: random, mutated and hostile frames and stanzas against the codecs, the BAL door, the CCS provider and the
 * CCS emulator. See `npm run fuzz -- --help`.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzzCodecs } from './fuzz-codecs.ts';
import { fuzzDoor } from './fuzz-door.ts';
import { fuzzEmulator } from './fuzz-emulator.ts';
import { fuzzProvider } from './fuzz-provider.ts';
import { FuzzFailure, report, type TrialOptions, type TrialResult } from './fuzz-trial.ts';

const HELP = `npm run fuzz -- [options]

  --cases N    frames or stanzas for each target (1000000)
  --seed S     a whole number; a random one if absent
  --target T   codecs, door, provider, emulator or all (all)

Ends with 1 when the target dies, hangs, grows, answers without a code of the tables, or keeps an honest
peer waiting; then the seed and the bytes of the case are shown.
`;

const targets: Readonly<Record<string, (options: TrialOptions) => Promise<TrialResult>>> = {
  codecs: fuzzCodecs,
  door: fuzzDoor,
  provider: fuzzProvider,
  emulator: fuzzEmulator,
};

/** Digits of a case that are printed. */
const HEX_SHOWN = 4_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** The bytes of a case may be many: the terminal gets the end of them, a file gets all. */
function showCase(bytes: Buffer): void {
  const hex = bytes.toString('hex');
  if (hex.length <= HEX_SHOWN) {
    print(`case: ${hex}`);
    return;
  }
  const file = join(mkdtempSync(join(tmpdir(), 'pushbridge-fuzz-case-')), 'case.hex');
  writeFileSync(file, hex);
  print(`case: …${hex.slice(-HEX_SHOWN)}\nall of it: ${file}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      target: { type: 'string', default: 'all' },
      help: { type: 'boolean', default: false },
    },
  });
  const names = values.target === 'all' ? Object.keys(targets) : [values.target];
  const [cases, seed] = [Number(values.cases), Number(values.seed)];
  const wrong = !Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(seed);
  if (values.help || wrong || names.some((name) => !Object.hasOwn(targets, name))) {
    print(HELP);
    return values.help ? 0 : 2;
  }
  print(`seed ${seed}; Node.js ${process.version}`);
  const results: TrialResult[] = [];
  for (const name of names) {
    try {
      const onProgress = (done: number) => print(`${name}: ${done.toLocaleString('en')} cases`);
      const result = await targets[name]?.({ cases, seed, onProgress });
      if (result) results.push(result);
    } catch (error) {
      print(`\n${name} failed with --seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      if (error instanceof FuzzFailure) showCase(error.bytes);
      return 1;
    }
  }
  print(`\n${report(results)}`);
  return 0;
}

// What is left of a failed run must not keep the process alive.
process.exit(await main());
