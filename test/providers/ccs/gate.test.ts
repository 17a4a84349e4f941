import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { LoginError } from '../../../src/protocols/xmpp/index.ts';
import { LoginGate } from '../../../src/providers/ccs/gate.ts';

const failure = new LoginError('unreachable', 'no route');

/** Whether the gate lets somebody in now. */
async function open(gate: LoginGate): Promise<boolean> {
  let entered = false;
  void gate.enter().then((leave) => {
    entered = leave !== undefined;
  });
  for (let i = 0; i < 5; i++) await Promise.resolve();
  return entered;
}

test('while all is well everybody enters; logins that fail together are one failure', async (t) => {
  const clock = new ManualClock();
  const gate = new LoginGate(clock, () => 1, silentLog);
  const leaves = [await gate.enter(), await gate.enter(), await gate.enter()];
  for (const leave of leaves) if (leave) gate.failed(leave, failure);
  const next = gate.enter();
  await clock.advance(1_000);
  t.deepEqual(await next, { alone: true });
});

test('while logins fail there is one at a time', async (t) => {
  const clock = new ManualClock();
  const gate = new LoginGate(clock, () => 1, silentLog);
  const first = await gate.enter();
  if (first) gate.failed(first, failure);
  const one = gate.enter();
  const two = gate.enter();
  let second = false;
  void two.then(() => {
    second = true;
  });
  await clock.advance(60_000);
  const leave = await one;
  t.false(second);
  if (leave) gate.failed(leave, failure);
  await clock.advance(0);
  await clock.advance(1_999);
  t.false(second);
  await clock.advance(1);
  t.true(second);
});

test('a success lets everybody in at once', async (t) => {
  const clock = new ManualClock();
  const gate = new LoginGate(clock, () => 1, silentLog);
  const [a, b] = [await gate.enter(), await gate.enter()];
  if (a) gate.failed(a, failure);
  const waiting = [gate.enter(), gate.enter()];
  if (b) gate.succeeded(b);
  t.is((await Promise.all(waiting)).filter(Boolean).length, 2);
  t.is(gate.trouble, undefined);
  t.is(clock.waiting, 0);
});

test('closing tells everybody who waits', async (t) => {
  const clock = new ManualClock();
  const gate = new LoginGate(clock, () => 1, silentLog);
  const first = await gate.enter();
  if (first) gate.failed(first, failure);
  const waiting = [gate.enter(), gate.enter()];
  gate.close();
  t.deepEqual(await Promise.all(waiting), [undefined, undefined]);
  t.is(clock.waiting, 0);
});

test('drops: one futile connection costs nothing, the second a pause; a good one clears it; a crowd counts once', async (t) => {
  const clock = new ManualClock();
  const gate = new LoginGate(clock, () => 1, silentLog);
  gate.dropped({ openedAt: 0, useful: false });
  t.true(await open(gate));
  await clock.advance(100);
  gate.dropped({ openedAt: clock.monotonic(), useful: true });
  for (let i = 0; i < 10; i++) gate.dropped({ openedAt: 50, useful: false });
  t.true(await open(gate));
  gate.dropped({ openedAt: clock.monotonic(), useful: false });
  t.false(await open(gate));
});
