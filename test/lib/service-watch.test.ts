import test from 'ava';
import { ManualClock } from '../../src/lib/clock.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { ServiceWatch } from '../../src/lib/service-watch.ts';

function setUp() {
  const clock = new ManualClock();
  const events: string[] = [];
  const lines: string[] = [];
  const put = (level: string) => (event: string, facts?: object) =>
    void lines.push(`${level}: ${event} ${JSON.stringify(facts)}`);
  const log: Log = { ...silentLog, error: put('error'), warn: put('warn'), info: put('info') };
  let changes = 0;
  const watch = new ServiceWatch({
    clock,
    random: () => 1,
    log,
    count: (event) => void events.push(event),
    onChange: () => void changes++,
  });
  return { clock, watch, events, lines, changes: () => changes };
}

const all = Number.POSITIVE_INFINITY;

test('a service that would refuse everything is left alone, then asked once, and again after a longer pause', async (t) => {
  const { clock, watch, events, changes } = setUp();
  t.is(watch.allowance, all);
  watch.failed(watch.begin(), 'no');
  t.is(watch.trouble, 'no');
  t.is(watch.allowance, 0);
  await clock.advance(999);
  t.is(watch.allowance, 0);
  await clock.advance(1);
  t.is(watch.allowance, 1);
  watch.failed(watch.begin(), 'no');
  await clock.advance(1_999);
  t.is(watch.allowance, 0);
  await clock.advance(1);
  t.is(watch.allowance, 1);
  watch.begin();
  t.is(watch.allowance, 0);
  watch.succeeded();
  t.is(watch.allowance, all);
  t.is(watch.trouble, undefined);
  t.deepEqual(events, ['trouble', 'trouble']);
  t.is(changes(), 5);
});

test('the pause is a minute at most, unless the service wants more', async (t) => {
  const { clock, watch } = setUp();
  for (let n = 0; n < 20; n++) {
    watch.failed(watch.begin(), 'no');
    await clock.advance(60_000);
    t.is(watch.allowance, 1);
  }
  watch.failed(watch.begin(), 'no', 90_000);
  await clock.advance(89_999);
  t.is(watch.allowance, 0);
  await clock.advance(1);
  t.is(watch.allowance, 1);
});

test('requests that were out when the trouble began make one trouble', (t) => {
  const { watch, events } = setUp();
  const leaves = Array.from({ length: 10 }, () => watch.begin());
  for (const leave of leaves) watch.failed(leave, 'no');
  t.is(events.length, 1);
});

test('the log has each trouble once, and its end', async (t) => {
  const { clock, watch, lines } = setUp();
  for (const because of ['no', 'no', 'not you']) {
    watch.failed(watch.begin(), because);
    await clock.advance(60_000);
  }
  watch.succeeded();
  watch.succeeded();
  watch.failed(watch.begin(), 'no');
  t.deepEqual(lines, [
    'error: service takes nothing, queue held {"because":"no"}',
    'error: service takes nothing, queue held {"because":"not you"}',
    'info: service works again {"after":"not you"}',
    'error: service takes nothing, queue held {"because":"no"}',
  ]);
});

test('silence: the third in a row is trouble, those of one moment are one', (t) => {
  const { watch } = setUp();
  const together = Array.from({ length: 10 }, () => watch.begin());
  for (const leave of together) watch.silent(leave, 'cut off');
  watch.silent(watch.begin(), 'late');
  t.is(watch.trouble, undefined);
  watch.silent(watch.begin(), 'late');
  t.is(watch.trouble, 'late');
});

test('silence: any answer in between starts anew', (t) => {
  const { watch } = setUp();
  const twice = () => {
    watch.silent(watch.begin(), 'late');
    watch.silent(watch.begin(), 'late');
  };
  twice();
  watch.succeeded();
  twice();
  watch.erred(watch.begin(), 'overloaded');
  twice();
  t.is(watch.trouble, undefined);
});

test('a service that was given up is not back with silence or with an error', async (t) => {
  const { clock, watch } = setUp();
  watch.failed(watch.begin(), 'no');
  await clock.advance(1_000);
  watch.silent(watch.begin(), 'late');
  t.is(watch.trouble, 'late');
  t.is(watch.allowance, 0);
  await clock.advance(2_000);
  watch.erred(watch.begin(), 'overloaded', 30_000);
  t.is(watch.trouble, 'overloaded');
  await clock.advance(29_999);
  t.is(watch.allowance, 0);
  await clock.advance(1);
  t.is(watch.allowance, 1);
});

test('a request that says nothing leaves its place to another', async (t) => {
  const { clock, watch } = setUp();
  watch.abandoned(watch.begin());
  t.is(watch.allowance, all);
  watch.failed(watch.begin(), 'no');
  await clock.advance(1_000);
  const leave = watch.begin();
  t.is(watch.allowance, 0);
  watch.abandoned(leave);
  t.is(watch.allowance, 1);
});

test('ten errors and nothing else are worth a word, but no trouble', (t) => {
  const { watch, lines, events } = setUp();
  const err = (times: number) => {
    for (let n = 0; n < times; n++) watch.erred(watch.begin(), 'overloaded');
  };
  err(9);
  t.is(watch.errors, undefined);
  watch.succeeded();
  err(9);
  t.is(watch.errors, undefined);
  err(5);
  t.is(watch.errors, 'overloaded');
  t.is(watch.allowance, all);
  t.deepEqual(lines, ['warn: nothing but errors from the service {"because":"overloaded"}']);
  t.deepEqual(events, []);
  watch.succeeded();
  t.is(watch.errors, undefined);
});

test('what was not looked at goes again at once, but once; the last thousand are remembered', (t) => {
  const { watch } = setUp();
  t.true(watch.mayRepeat('a'));
  for (let n = 1; n < 1_000; n++) t.true(watch.mayRepeat(`other ${n}`));
  t.false(watch.mayRepeat('a'));
  for (let n = 0; n < 1_000; n++) watch.mayRepeat(`more ${n}`);
  t.true(watch.mayRepeat('a'));
});

test('nothing comes after the end', async (t) => {
  const { clock, watch } = setUp();
  watch.failed(watch.begin(), 'no');
  watch.stop();
  t.is(clock.waiting, 0);
  await clock.advance(10_000);
  t.is(watch.allowance, 0);
});
