import test from 'ava';
import type { Lane } from '../../../src/providers/ccs/lane.ts';
import { Lanes } from '../../../src/providers/ccs/lanes.ts';

/** Lanes look at nothing but the id and the number in flight. */
const fake = (id: number): Lane & { inFlight: number } =>
  ({ id, inFlight: 0 }) as unknown as Lane & { inFlight: number };

test('the sum of free places never drifts, whatever happens in which order', (t) => {
  let seed = 42;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  let window = 5;
  const lanes = new Lanes(window, () => {});
  const inside = new Map<number, Lane & { inFlight: number }>();
  const outside: (Lane & { inFlight: number })[] = [];
  for (let step = 0; step < 20_000; step++) {
    const all = [...inside.values(), ...outside];
    const any = all[random(all.length)];
    switch (random(6)) {
      case 0: {
        if (inside.size > 6) break;
        const lane = fake(step);
        inside.set(step, lane);
        lanes.add(lane);
        break;
      }
      case 1: {
        const lane = [...inside.values()][random(inside.size)];
        if (!lane || random(4) > 0) break;
        inside.delete(lane.id);
        outside.push(lane);
        t.true(lanes.remove(lane, lane.inFlight));
        t.false(lanes.remove(lane, lane.inFlight));
        break;
      }
      case 2:
        if (!any || any.inFlight === 0) break;
        any.inFlight--;
        lanes.freed(any, 1);
        break;
      case 3:
        if (random(50) > 0) break;
        window = 1 + random(8);
        lanes.resize(window);
        break;
      default: {
        const lane = lanes.pick(random(2) ? any?.id : undefined) as (Lane & { inFlight: number }) | undefined;
        const full = [...inside.values()].every((l) => l.inFlight >= window);
        t.is(lane === undefined, full);
        if (!lane) break;
        t.true(lane.inFlight < window);
        lane.inFlight++;
        lanes.taken(lane);
      }
    }
    const free = [...inside.values()].reduce((sum, lane) => sum + window - lane.inFlight, 0);
    if (lanes.free !== free) t.fail(`step ${step}: ${lanes.free}, not ${free}`);
  }
  t.is(lanes.size, inside.size);
});

test('room is told once a turn, and only when there was none', async (t) => {
  let told = 0;
  const lanes = new Lanes(2, () => told++);
  const lane = fake(1);
  lanes.add(lane);
  await Promise.resolve();
  t.is(told, 1);
  lane.inFlight = 1;
  lanes.taken(lane);
  lane.inFlight = 0;
  lanes.freed(lane, 1);
  await Promise.resolve();
  t.is(told, 1);
  lane.inFlight = 2;
  lanes.taken(lane);
  lanes.taken(lane);
  lane.inFlight = 0;
  lanes.freed(lane, 1);
  lanes.freed(lane, 1);
  await Promise.resolve();
  t.is(told, 2);
});
