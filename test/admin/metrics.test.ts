import test from 'ava';
import { createMetrics, MAX_SERIES } from '../../src/admin/metrics.ts';
import { type MetricName, metrics as table } from '../../src/core/index.ts';

const linesOf = async (metrics: { text(): Promise<string> }, name: string): Promise<string[]> =>
  (await metrics.text()).split('\n').filter((line) => line.startsWith(name));

test('every metric of the table is there, with its type and help', async (t) => {
  const text = await createMetrics().text();
  for (const name of Object.keys(table) as MetricName[]) {
    t.true(text.includes(`# TYPE ${name} ${table[name].type}\n`), name);
    t.true(text.includes(`# HELP ${name} ${table[name].help}\n`), name);
  }
});

test('metrics of the process are there too', async (t) => {
  const text = await createMetrics().text();
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds']) {
    t.regex(text, new RegExp(`^${name}[ {]`, 'm'));
  }
});

test('counters add up by their labels', async (t) => {
  const metrics = createMetrics();
  metrics.add('pushbridge_messages_total', { provider: 'ccs', state: 'taken' });
  metrics.add('pushbridge_messages_total', { state: 'taken', provider: 'ccs' }, 4);
  metrics.add('pushbridge_messages_total', { provider: 'ccs', state: 'accepted' });
  metrics.add('pushbridge_store_commits_total', {}, 3);
  metrics.add('pushbridge_rejects_total', { code: 'EXPIRED' });
  t.deepEqual((await linesOf(metrics, 'pushbridge_messages_total')).toSorted(), [
    'pushbridge_messages_total{provider="ccs",state="accepted"} 1',
    'pushbridge_messages_total{provider="ccs",state="taken"} 5',
  ]);
  t.deepEqual(await linesOf(metrics, 'pushbridge_store_commits_total'), ['pushbridge_store_commits_total 3']);
  t.deepEqual(await linesOf(metrics, 'pushbridge_rejects_total'), ['pushbridge_rejects_total{code="EXPIRED"} 1']);
});

test('a scrape changes no counter', async (t) => {
  const metrics = createMetrics();
  metrics.add('pushbridge_logons_total', { result: 'success' });
  await metrics.text();
  await metrics.text();
  t.deepEqual(await linesOf(metrics, 'pushbridge_logons_total'), ['pushbridge_logons_total{result="success"} 1']);
});

test('labels without end are counted under other from the limit on', async (t) => {
  const metrics = createMetrics();
  for (let code = 0; code < MAX_SERIES + 5; code++) {
    metrics.add('pushbridge_nacks_total', { provider: 'ccs', code: `C${code}` });
  }
  metrics.add('pushbridge_nacks_total', { provider: 'ccs', code: 'C0' });
  const lines = await linesOf(metrics, 'pushbridge_nacks_total');
  t.is(lines.length, MAX_SERIES + 1);
  t.true(lines.includes('pushbridge_nacks_total{provider="other",code="other"} 5'));
  t.true(lines.includes('pushbridge_nacks_total{provider="ccs",code="C0"} 2'));
  t.true(lines.includes(`pushbridge_nacks_total{provider="ccs",code="C${MAX_SERIES - 1}"} 1`));
});

test('gauges are read at each scrape, from every source, and what has gone is gone', async (t) => {
  const metrics = createMetrics();
  let depth: [string, number][] = [
    ['a', 1],
    ['b', 2],
  ];
  metrics.gauge('pushbridge_outbox_depth', () => depth.map(([provider, value]) => [{ provider }, value] as const));
  metrics.gauge('pushbridge_outbox_depth', () => [[{ provider: 'c' }, 9]]);
  t.is((await linesOf(metrics, 'pushbridge_outbox_depth')).length, 3);
  depth = [['b', 5]];
  t.deepEqual((await linesOf(metrics, 'pushbridge_outbox_depth')).toSorted(), [
    'pushbridge_outbox_depth{provider="b"} 5',
    'pushbridge_outbox_depth{provider="c"} 9',
  ]);
});

test('a gauge that can not be read is told of and hides no other', async (t) => {
  const failed: string[] = [];
  const metrics = createMetrics((name, error) => failed.push(`${name}: ${(error as Error).message}`));
  metrics.gauge('pushbridge_dead_letters', () => {
    throw new Error('closed');
  });
  metrics.gauge('pushbridge_receipt_index', () => [[{}, 7]]);
  t.deepEqual(await linesOf(metrics, 'pushbridge_receipt_index'), ['pushbridge_receipt_index 7']);
  t.deepEqual(failed, ['pushbridge_dead_letters: closed']);
});

test('round trips fall into buckets of seconds', async (t) => {
  const metrics = createMetrics();
  for (const seconds of [0.004, 0.2, 45])
    metrics.observe('pushbridge_round_trip_seconds', { provider: 'ccs' }, seconds);
  const lines = await linesOf(metrics, 'pushbridge_round_trip_seconds');
  t.true(lines.includes('pushbridge_round_trip_seconds_bucket{le="0.005",provider="ccs"} 1'));
  t.true(lines.includes('pushbridge_round_trip_seconds_bucket{le="0.25",provider="ccs"} 2'));
  t.true(lines.includes('pushbridge_round_trip_seconds_bucket{le="60",provider="ccs"} 3'));
  t.true(lines.includes('pushbridge_round_trip_seconds_count{provider="ccs"} 3'));
});

test('two bridges in one process count apart', async (t) => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.add('pushbridge_logons_total', { result: 'success' });
  t.deepEqual(await linesOf(two, 'pushbridge_logons_total'), []);
});
