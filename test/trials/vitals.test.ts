import test from 'ava';
import { Findings } from '../../scripts/trials/findings.ts';
import {
  DESCRIPTORS_SLACK,
  MEMORY_GROWTH_MAX,
  MEMORY_SLACK_MIB,
  SAMPLES_MIN,
  Vitals,
  WARM_UP_MS,
} from '../../scripts/trials/vitals.ts';

const PID = 1;

/** Judges a life whose second quarter is `before` and whose last is `after`. */
function judge(before: [number, number], after: [number, number], samples = SAMPLES_MIN): string[] {
  let now = 0;
  const vitals = new Vitals(() => now);
  const add = (progress: number, [mib, descriptors]: [number, number]) =>
    vitals.add(progress, PID, { mib, descriptors });
  // While caches fill anything goes.
  add(0, [9_000, 900]);
  add(0.3, [9_000, 900]);
  now = WARM_UP_MS;
  for (let n = 0; n < samples; n++) add(0.3, before);
  for (let n = 0; n < samples; n++) add(0.8, after);
  const findings = new Findings();
  vitals.judge(findings);
  return [...findings.details('conduct')];
}

const most = 100 * (1 + MEMORY_GROWTH_MAX) + MEMORY_SLACK_MIB;

test('memory and descriptors may grow to their bounds, and not beyond', (t) => {
  t.deepEqual(judge([100, 40], [most, 40 + DESCRIPTORS_SLACK]), []);
  t.regex(judge([100, 40], [most + 1, 40]).join(), /memory grew: 100 → 140 MiB/);
  t.regex(judge([100, 40], [100, 41 + DESCRIPTORS_SLACK]).join(), /descriptors grew: 40 → 53/);
});

test('what is too short is not judged', (t) => {
  t.deepEqual(judge([100, 40], [900, 400], SAMPLES_MIN - 1), []);
});
