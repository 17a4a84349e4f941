import test from 'ava';
import {
  count,
  duration,
  fieldKind,
  formatDuration,
  jsonSchema,
  parseDuration,
  path,
  port,
  secret,
  z,
} from '../../src/lib/schema.ts';

test('durations are read in every unit', (t) => {
  const cases: [string, number | undefined][] = [
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['4w', 2_419_200_000],
    ['0s', 0],
    ['', undefined],
    ['10', undefined],
    ['s', undefined],
    ['-1s', undefined],
    ['1 s', undefined],
    ['1S', undefined],
    ['1s1', undefined],
    ['1e3s', undefined],
  ];
  for (const [text, ms] of cases) t.is(parseDuration(text), ms, text);
});

test('a duration is printed in its shortest exact spelling, which reads as the same', (t) => {
  for (const text of ['1ms', '999ms', '1s', '90s', '5m', '90m', '2h', '36h', '3d', '1w', '4w']) {
    t.is(formatDuration(parseDuration(text) ?? -1), text);
  }
  t.is(formatDuration(60_000), '1m');
  t.is(formatDuration(604_800_000), '1w');
  t.is(parseDuration(formatDuration(0)), 0);
});

test('a duration field has bounds and takes 0, but no other number', (t) => {
  const field = duration(10, 1_000);
  t.is(field.parse('10ms'), 10);
  t.is(field.parse('1s'), 1_000);
  const message = (value: unknown) => field.safeParse(value).error?.issues[0]?.message;
  t.is(message('9ms'), 'must be between 10ms and 1s');
  t.is(message('1001ms'), 'must be between 10ms and 1s');
  t.is(message(10), 'must be a duration such as 250ms, 10s, 5m, 1h or 4w');
  t.is(message('soon'), 'must be a duration such as 250ms, 10s, 5m, 1h or 4w');
  t.is(duration(10).safeParse('1ms').error?.issues[0]?.message, 'must be at least 10ms');
  t.is(duration().parse(0), 0);
});

test('a secret field hides its text and refuses the empty one', (t) => {
  t.is(secret().parse('x').reveal(), 'x');
  t.false(secret().safeParse('').success);
  t.false(secret().safeParse(5).success);
});

test('ports and counts are whole numbers within bounds', (t) => {
  t.true(port().safeParse(0).success);
  t.true(port().safeParse(65_535).success);
  for (const value of [-1, 65_536, 1.5, '80', Number.NaN]) t.false(port().safeParse(value).success);
  t.true(count(1, 5).safeParse(5).success);
  for (const value of [0, 6, 2.5]) t.false(count(1, 5).safeParse(value).success);
});

test('kinds survive descriptions', (t) => {
  t.is(fieldKind(duration().describe('a')), 'duration');
  t.is(fieldKind(secret().describe('a')), 'secret');
  t.is(fieldKind(path().describe('a')), 'path');
  t.is(fieldKind(port().describe('a')), 'port');
  t.is(fieldKind(z.string().describe('a')), undefined);
});

test('a schema tells as JSON Schema what may be written', (t) => {
  const schema = z.strictObject({ a: z.string().max(5).describe('an a'), b: z.int().min(0).default(7) });
  t.like(jsonSchema(schema), {
    $schema: undefined,
    type: 'object',
    required: ['a'],
    additionalProperties: false,
    properties: { a: { type: 'string', maxLength: 5, description: 'an a' }, b: { type: 'integer', default: 7 } },
  });
});
