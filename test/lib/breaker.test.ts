import test from 'ava';
import { Breaker } from '../../src/lib/breaker.ts';
import { ManualClock } from '../../src/lib/clock.ts';

function setUp() {
  const clock = new ManualClock();
  let changes = 0;
  const breaker = new Breaker({
    clock,
    random: () => 1,
    backoff: { baseMs: 1_000, capMs: 8_000 },
    onChange: () => void changes++,
  });
  return { clock, breaker, changes: () => changes };
}

test('a failure stops all tries; after a pause there is one, and its success lets everybody in', async (t) => {
  const { clock, breaker, changes } = setUp();
  t.is(breaker.allowance, Number.POSITIVE_INFINITY);
  breaker.failed(breaker.enter(), 'no such project');
  t.is(breaker.trouble, 'no such project');
  t.is(breaker.allowance, 0);
  await clock.advance(999);
  t.is(breaker.allowance, 0);
  await clock.advance(1);
  t.is(breaker.allowance, 1);
  breaker.enter();
  t.is(breaker.allowance, 0);
  breaker.succeeded();
  t.is(breaker.trouble, undefined);
  t.is(breaker.allowance, Number.POSITIVE_INFINITY);
  t.is(changes(), 3);
});

test('the pauses grow up to their cap, and start anew after a success', async (t) => {
  const { clock, breaker } = setUp();
  for (const pause of [1_000, 2_000, 4_000, 8_000, 8_000]) {
    breaker.failed(breaker.enter(), 'down');
    await clock.advance(pause - 1);
    t.is(breaker.allowance, 0, `${pause}`);
    await clock.advance(1);
    t.is(breaker.allowance, 1, `${pause}`);
  }
  breaker.enter();
  breaker.succeeded();
  breaker.failed(breaker.enter(), 'down');
  await clock.advance(1_000);
  t.is(breaker.allowance, 1);
});

test('failures of tries that began before the circuit opened are one failure', async (t) => {
  const { clock, breaker } = setUp();
  const tickets = [breaker.enter(), breaker.enter(), breaker.enter()];
  t.deepEqual(
    tickets.map((ticket) => breaker.failed(ticket, 'down')),
    [true, false, false],
  );
  await clock.advance(1_000);
  t.is(breaker.allowance, 1);
  breaker.enter();
  breaker.failed(tickets[0] ?? 0, 'late news');
  t.is(breaker.trouble, 'down');
});

test('the service may ask for a longer pause', async (t) => {
  const { clock, breaker } = setUp();
  breaker.failed(breaker.enter(), 'quota', 30_000);
  await clock.advance(29_999);
  t.is(breaker.allowance, 0);
  await clock.advance(1);
  t.is(breaker.allowance, 1);
});

test('a try that says nothing makes room for another one', async (t) => {
  const { clock, breaker } = setUp();
  const old = breaker.enter();
  breaker.failed(breaker.enter(), 'down');
  breaker.abandoned(old);
  t.is(breaker.allowance, 0);
  await clock.advance(1_000);
  const ticket = breaker.enter();
  breaker.abandoned(old);
  t.is(breaker.allowance, 0);
  breaker.abandoned(ticket);
  t.is(breaker.allowance, 1);
});

test('nothing comes after the end', async (t) => {
  const { clock, breaker, changes } = setUp();
  breaker.failed(breaker.enter(), 'down');
  const before = changes();
  breaker.stop();
  await clock.advance(60_000);
  t.is(changes(), before);
});
