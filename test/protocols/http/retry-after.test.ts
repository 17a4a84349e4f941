import test from 'ava';
import {
  RETRY_AFTER_MAX_MS,
  RETRY_AFTER_MIN_MS,
  readRetryAfter,
  retryAfter,
} from '../../../src/protocols/http/index.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

const rows: readonly (readonly [header: string | readonly string[] | undefined, ms: number | undefined])[] = [
  ['1', RETRY_AFTER_MIN_MS],
  ['7', 7_000],
  [' 7 ', 7_000],
  ['600', RETRY_AFTER_MAX_MS],
  ['601', RETRY_AFTER_MAX_MS],
  ['86400', RETRY_AFTER_MAX_MS],
  ['9'.repeat(400), RETRY_AFTER_MAX_MS],
  ['Thu, 01 Jan 2026 12:00:20 GMT', 20_000],
  ['Thu, 01 Jan 2026 12:10:01 GMT', RETRY_AFTER_MAX_MS],
  ['Fri, 01 Jan 2027 12:00:00 GMT', RETRY_AFTER_MAX_MS],
  [['4', '9'], 4_000],
  // At once, over already, or nothing that can be read: no wish to wait.
  ['0', undefined],
  ['Thu, 01 Jan 2026 12:00:00 GMT', undefined],
  ['Thu, 01 Jan 2026 11:00:00 GMT', undefined],
  ['', undefined],
  ['soon', undefined],
  ['-5', undefined],
  [[], undefined],
  [undefined, undefined],
];

for (const [header, ms] of rows) {
  test(`[RFC 9110 §10.2.3] Retry-After: ${JSON.stringify(header)?.slice(0, 40)}`, (t) => {
    t.is(
      readRetryAfter(header, NOW, () => 0),
      ms,
    );
  });
}

test('a date less than a second ahead is a second', (t) => {
  t.is(
    readRetryAfter('Thu, 01 Jan 2026 12:00:00 GMT', NOW - 1, () => 0),
    RETRY_AFTER_MIN_MS,
  );
});

test('up to a tenth is added by chance, in whole milliseconds', (t) => {
  const asked = (text: string, random: number) => readRetryAfter(text, NOW, () => random);
  t.is(asked('10', 0.5), 10_500);
  t.is(asked('86400', 0.5), RETRY_AFTER_MAX_MS * 1.05);
  t.true(Number.isInteger(asked('7', 0.123456)));
});

test('what is said is what is read: whole seconds, at least one', (t) => {
  for (const [ms, seconds] of [
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
  ] as const) {
    t.deepEqual(retryAfter(ms), { 'retry-after': seconds });
    t.is(
      readRetryAfter(seconds, NOW, () => 0),
      Number(seconds) * 1_000,
    );
  }
});
