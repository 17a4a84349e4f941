import type { ExecutionContext } from 'ava';
import { BalClient, type BalClientOptions, type StateChange } from '../../src/client/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { FakeBridge, type Wire } from './fake-bridge.ts';

export interface Stage {
  readonly bridge: FakeBridge;
  readonly client: BalClient;
  readonly clock: ManualClock;
  /** The next change to this state, past or future; changes in between are passed over. */
  reached(state: StateChange['state']): Promise<StateChange>;
}

/** A fake bridge and a client that is not connected yet; both are closed behind the test. */
export async function stage(t: ExecutionContext, options: Partial<BalClientOptions> = {}, wire?: Wire): Promise<Stage> {
  const bridge = await FakeBridge.listen(wire ? { wire } : {});
  const clock = new ManualClock();
  const client = new BalClient({
    host: '127.0.0.1',
    port: bridge.port,
    session: 's',
    clock,
    random: () => 0.5,
    ...options,
  });
  t.teardown(async () => {
    client.close();
    await bridge.close();
  });
  return { bridge, client, clock, reached: watch(client) };
}

/** Collects changes of state, so that a test can await one that may have come already. */
export function watch(client: {
  onState(listener: (change: StateChange) => void): unknown;
}): (state: StateChange['state']) => Promise<StateChange> {
  let seen: StateChange[] = [];
  let waiting: { state: string; resolve: (change: StateChange) => void } | undefined;
  client.onState((change) => {
    seen.push(change);
    if (waiting?.state !== change.state) return;
    const { resolve } = waiting;
    waiting = undefined;
    seen = [];
    resolve(change);
  });
  return (state) => {
    const at = seen.findIndex((change) => change.state === state);
    const found = seen[at];
    seen = at < 0 ? [] : seen.slice(at + 1);
    if (found) return Promise.resolve(found);
    return new Promise((resolve) => {
      waiting = { state, resolve };
    });
  };
}

/** A few turns of the event loop: for showing that something does *not* happen. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Whether a promise has settled by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await turns();
  return settled;
}
