import test from 'ava';
import { createMetrics } from '../../../src/admin/index.ts';
import { readExposition } from '../../../src/cli/pool/exposition.ts';

test('what the metrics write is read back: counters, buckets, labels with every kind of character', async (t) => {
  const metrics = createMetrics();
  const odd = 'a"b\\c\nd,e="f} g';
  metrics.add('pushbridge_messages_total', { provider: odd, state: 'taken' }, 7);
  metrics.observe('pushbridge_round_trip_seconds', { provider: 'ccs' }, 0.02);
  const samples = readExposition(await metrics.text());
  const taken = samples.find(({ name }) => name === 'pushbridge_messages_total');
  t.deepEqual({ ...taken?.labels }, { provider: odd, state: 'taken' });
  t.is(taken?.value, 7);
  const buckets = samples.filter(({ name }) => name === 'pushbridge_round_trip_seconds_bucket');
  t.is(buckets.find(({ labels }) => labels.le === '+Inf')?.value, 1);
  t.is(buckets.find(({ labels }) => labels.le === '0.01')?.value, 0);
});

test('comments, empty lines and nonsense are passed over; infinities and a time stamp are read', (t) => {
  const text = '# HELP a b\n\nnonsense\na 1\nb{x="y"} +Inf\nc -Inf 1700000000000\nd{x="y",} 2e3\n';
  t.deepEqual(
    readExposition(text).map(({ name, value }) => [name, value]),
    [
      ['a', 1],
      ['b', Number.POSITIVE_INFINITY],
      ['c', Number.NEGATIVE_INFINITY],
      ['d', 2_000],
    ],
  );
});
