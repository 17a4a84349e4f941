/** How messages flow when nothing but the provider's own word of room moves them. */
import test from 'ava';
import { type Clock, ManualClock, systemClock } from '../../../src/lib/clock.ts';
import { message } from '../contract.ts';
import { many, type Run, until } from '../dispatch.ts';
import { emulate } from './emulated.ts';
import { setStage } from './stage.ts';

const accepted = ({ finals }: Run): number => [...finals.values()].filter(({ kind }) => kind === 'accepted').length;

for (const [what, quota, count] of [
  ['a small quota', { per_minute: 1_200, ramp_up: 0 }, 40],
  ['a quota that grows', { per_minute: 60_000, ramp_up: '2s' }, 1_200],
  ['a time to grow that is shorter than the bucket takes to fill', { per_minute: 1_200, ramp_up: '10ms' }, 20],
  ['the quota of Google', { per_minute: 600_000, ramp_up: '1s' }, 10_000],
] as const) {
  test(`no stall when tokens come back: ${what}`, async (t) => {
    const { run, control } = await emulate(t, { options: { quota } });
    t.is(accepted(await run(many(count))), count);
    t.is(control.stats().repeated, 0);
  });
}

test('room that is gone for want of tokens comes back by itself, also where a rest has made messages dearer', async (t) => {
  const clock = new ManualClock();
  // A burst of 25 and 100 more each second; after 10 ms of rest a message costs 10 of them.
  const { provider, deliver } = await setStage(t, {
    clock,
    options: { quota: { per_minute: 6_000, ramp_up: '10ms' } },
  });
  const left = () => Number(provider.health().facts?.burst_left);
  for (let i = 0; i < 3; i++) {
    await deliver('a');
    await clock.advance(9);
  }
  while (left() > 1) await deliver('b');
  await clock.advance(11);
  t.is(provider.room(), 0);
  let told = 0;
  provider.onRoom(() => told++);
  await clock.advance(100);
  t.true(provider.room() > 0);
  t.is(told, 1);
});

test('the rate grows to the whole, and is not exceeded on the way', async (t) => {
  const { run } = await emulate(t, { options: { quota: { per_minute: 60_000, ramp_up: '500ms' } } });
  const started = performance.now();
  t.is(accepted(await run(many(3_000))), 3_000);
  const seconds = (performance.now() - started) / 1_000;
  t.true(seconds > 2.4, `${seconds} s for three seconds of quota`);
});

test('a message that is refused again and again does not keep the others', async (t) => {
  const { run, provider, control, counts } = await emulate(t);
  const done = await run(['fault:refused:4', ...many(50)]);
  t.is(accepted(done), 51);
  t.is(control.stats().resets, 4);
  t.is(counts.refused, 4);
  t.is(provider.health().state, 'ok');
});

test('it goes out at once for a second time, and then as one without an answer', async (t) => {
  const { provider } = await emulate(t);
  const sent = message('fault:refused');
  const kinds = [];
  for (let i = 0; i < 3; i++) kinds.push((await provider.deliver(sent, Date.now())).kind);
  t.deepEqual(kinds, ['unsent', 'later', 'later']);
});

test('once it has stopped no timer is left, whatever came home last', async (t) => {
  const live = new Set<string>();
  const clock: Clock = {
    ...systemClock,
    after(ms, fn) {
      const name = new Error(`${ms}`).stack ?? '';
      live.add(name);
      const timer = systemClock.after(ms, () => {
        live.delete(name);
        fn();
      });
      return {
        cancel() {
          live.delete(name);
          timer.cancel();
        },
      };
    },
  };
  for (const answer of [403, 429]) {
    live.clear();
    const { provider, server, deliver } = await setStage(t, { clock, answer: () => {} });
    const outcome = deliver('device');
    await server.requests(1);
    const stopped = provider.stop(5_000);
    server.received[0]?.error(answer);
    t.true(['unsent', 'later'].includes((await outcome).kind));
    await stopped;
    await until(() => live.size === 0, 'the last timer').catch(() => {});
    t.deepEqual([...live], []);
  }
});
