import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { type Answer, HOLD_MS, type Rule } from '../../../src/providers/apns/outcomes.ts';
import { Watch } from '../../../src/providers/apns/watch.ts';

function setUp() {
  const clock = new ManualClock();
  const retired: number[] = [];
  const events: string[] = [];
  const watch = new Watch({
    clock,
    random: () => 1,
    log: silentLog,
    count: (event) => void events.push(event),
    onChange: () => {},
    retire: (connection) => void retired.push(connection),
  });
  const answer = (rule: Rule, more: Partial<Answer> = {}) =>
    watch.answered({ rule, status: 0, because: rule, ids: {}, ...more }, watch.begin(), 7);
  return { clock, watch, answer, retired, events };
}

/** What one answer of each kind does: hold the queue for so long, retire the connection. */
const rows: readonly (readonly [rule: Rule, heldMs: number, retires: boolean])[] = [
  ['accepted', 0, false],
  ['token', 0, false],
  ['request', 0, false],
  ['fault', 0, false],
  ['gone', 0, false],
  ['target', 0, false],
  ['error', 0, false],
  ['busy', 0, false],
  ['reconnect', 0, true],
  ['stranger', 0, true],
  ['expired', 1_000, false],
  ['trouble', 1_000, false],
  ['hold', HOLD_MS, false],
];

for (const [rule, heldMs, retires] of rows) {
  test(`${rule}: ${heldMs > 0 ? `the queue waits ${heldMs} ms` : 'the queue goes on'}`, async (t) => {
    const { clock, watch, answer, retired, events } = setUp();
    answer(rule);
    t.deepEqual(retired, retires ? [7] : []);
    t.is(watch.trouble, heldMs > 0 ? rule : undefined);
    t.deepEqual(events, heldMs > 0 ? ['trouble'] : []);
    if (heldMs === 0) return t.is(watch.allowance, Number.POSITIVE_INFINITY);
    await clock.advance(heldMs - 1);
    t.is(watch.allowance, 0);
    await clock.advance(1);
    t.is(watch.allowance, 1);
  });
}

test('the end of trouble: an answer about a message, not one about the service', async (t) => {
  for (const [rule, heldMs] of rows) {
    const { clock, watch, answer } = setUp();
    answer('trouble');
    await clock.advance(1_000);
    answer(rule);
    const over = heldMs === 0 && !['error', 'busy', 'reconnect', 'stranger'].includes(rule);
    t.is(watch.trouble === undefined, over, rule);
    t.is(watch.allowance, over ? Number.POSITIVE_INFINITY : rule === 'stranger' ? 1 : 0, rule);
  }
});

test('the wish of the service is the shortest pause', async (t) => {
  const { clock, watch, answer } = setUp();
  answer('trouble', { retryAfterMs: 5_000 });
  await clock.advance(4_999);
  t.is(watch.allowance, 0);
  await clock.advance(1);
  t.is(watch.allowance, 1);
});

test('silence: the third in a row is trouble, whether the connection or the request was to blame', (t) => {
  const { watch, answer } = setUp();
  watch.silent({ kind: 'late', because: 'late' }, watch.begin(), 'a');
  answer('reconnect');
  t.is(watch.trouble, undefined);
  watch.silent({ kind: 'broken', because: 'cut off' }, watch.begin(), 'b');
  t.is(watch.trouble, 'no answers: cut off');
});

test('only a message that was not looked at goes again at once, and only once', (t) => {
  const { watch } = setUp();
  const again = (kind: 'refused' | 'broken' | 'late', wireId: string) =>
    watch.silent({ kind, because: '' }, watch.begin(), wireId);
  t.false(again('late', 'a'));
  t.false(again('broken', 'a'));
  t.true(again('refused', 'a'));
  t.true(again('refused', 'b'));
  t.false(again('refused', 'a'));
});

test('nothing comes after the end', async (t) => {
  const { clock, watch, answer } = setUp();
  answer('trouble');
  watch.stop();
  t.is(clock.waiting, 0);
  await clock.advance(10_000);
  t.is(watch.allowance, 0);
});
