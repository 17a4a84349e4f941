import test from 'ava';
import { fuzzCodecs } from '../../scripts/trials/fuzz-codecs.ts';
import { fuzzDoor } from '../../scripts/trials/fuzz-door.ts';
import { fuzzEmulator } from '../../scripts/trials/fuzz-emulator.ts';
import { fuzzProvider } from '../../scripts/trials/fuzz-provider.ts';
import { FuzzFailure, type TrialOptions, type TrialResult } from '../../scripts/trials/fuzz-trial.ts';

const targets: Readonly<Record<string, (options: TrialOptions) => Promise<TrialResult>>> = {
  codecs: fuzzCodecs,
  door: fuzzDoor,
  provider: fuzzProvider,
  emulator: fuzzEmulator,
};

const FIXED_SEED = 20_260_101;
const randomSeed = Math.floor(Math.random() * 2 ** 31);

for (const [name, fuzz] of Object.entries(targets)) {
  for (const [what, seed] of [
    ['a known seed', FIXED_SEED],
    ['a random seed', randomSeed],
  ] as const) {
    // One after the other: each has processes of its own, and two cores are soon full.
    test.serial(
      `${name}: survives rubbish, grows by nothing, refuses with codes, still serves (${what})`,
      async (t) => {
        t.timeout(120_000);
        t.log(`npm run fuzz -- --target ${name} --cases 1500 --seed ${seed}`);
        try {
          const result = await fuzz({ cases: 1_500, seed });
          t.true(result.cases >= 1_500 && result.refusals.size > 3);
          if (name !== 'codecs') t.true(result.honest > 0 && result.memory.length === 5);
        } catch (error) {
          if (error instanceof FuzzFailure) t.log(`case: ${error.bytes.toString('hex').slice(-20_000)}`);
          throw error;
        }
      },
    );
  }
}
