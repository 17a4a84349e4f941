import { setTimeout } from 'node:timers/promises';
import { reason } from '../../lib/log.ts';
import type { Bucket, Seen } from './advise.ts';
import { readExposition, type Sample } from './exposition.ts';

/** How long one answer of the admin port may take, in milliseconds. */
const ANSWER_MS = 5_000;
/** Looks at the windows in one interval. */
const LOOKS = 20;

interface PoolState {
  readonly min: number;
  readonly max: number;
  readonly window: number;
  readonly facts: { readonly open: number; readonly draining: number; readonly used: number };
}
type Pools = Readonly<Record<string, PoolState>>;

/**
 * Watches the pools of a bridge for `ms` milliseconds.
 * @param admin base of the admin listener
 * @returns what was seen, by provider
 * @throws Error if the admin listener can't be reached, answers something else, or belongs to a new process meanwhile
 */
export async function watch(admin: URL, ms: number): Promise<Record<string, Seen>> {
  const started = performance.now();
  const before = readExposition(await ask(admin, 'metrics'));
  let pools = await poolsOf(admin);
  const fills = new Map<string, number[]>();
  for (let look = 1; look <= LOOKS; look++) {
    const left = started + (ms * look) / LOOKS - performance.now();
    if (left > 0) await setTimeout(left);
    pools = await poolsOf(admin);
    for (const [name, { window, facts }] of Object.entries(pools)) {
      const fill = facts.open === 0 ? 0 : Math.min(1, facts.used / (facts.open * window));
      fills.set(name, [...(fills.get(name) ?? []), fill]);
    }
  }
  const after = readExposition(await ask(admin, 'metrics'));
  const seconds = (performance.now() - started) / 1_000;
  return Object.fromEntries(
    Object.entries(pools).map(([provider, { min, max, window, facts }]) => {
      const all = fills.get(provider) ?? [];
      const messages = (state: string) =>
        growth(before, after, { name: 'pushbridge_messages_total', labels: { provider, state } });
      const depth = { name: 'pushbridge_outbox_depth', labels: { provider } };
      return [
        provider,
        {
          seconds,
          ...{ min, max, window, open: facts.open, draining: facts.draining },
          fill: all.reduce((sum, fill) => sum + fill, 0) / Math.max(1, all.length),
          taken: messages('taken'),
          retried: messages('retried'),
          roundTrips: bucketsOf(before, after, provider),
          outbox: [figure(before, depth), figure(after, depth)],
        },
      ];
    }),
  );
}

type Wanted = Pick<Sample, 'name' | 'labels'>;

/** The value of a metric, 0 if it is not there: counters appear with their first event. */
function figure(samples: readonly Sample[], { name, labels }: Wanted): number {
  const wanted = Object.entries(labels);
  return samples.find((s) => s.name === name && wanted.every(([key, value]) => s.labels[key] === value))?.value ?? 0;
}

function growth(before: readonly Sample[], after: readonly Sample[], wanted: Wanted): number {
  const grown = figure(after, wanted) - figure(before, wanted);
  if (grown < 0) throw new Error('the bridge was started anew while we looked: ask again');
  return grown;
}

function bucketsOf(before: readonly Sample[], after: readonly Sample[], provider: string): Bucket[] {
  const name = 'pushbridge_round_trip_seconds_bucket';
  return after
    .filter(({ name: own, labels }) => own === name && labels.provider === provider)
    .map(({ labels }) => {
      const { le = '' } = labels;
      return {
        le: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
        count: growth(before, after, { name, labels: { provider, le } }),
      };
    })
    .sort((a, b) => a.le - b.le);
}

async function poolsOf(admin: URL): Promise<Pools> {
  const text = await ask(admin, 'pool');
  try {
    const { providers } = JSON.parse(text) as { providers: Pools };
    if (Object.values(providers).every(({ facts }) => Number.isFinite(facts.open))) return providers;
    throw new TypeError('pools without facts');
  } catch (cause) {
    throw new Error(`${admin.href} is not the admin listener of a bridge`, { cause });
  }
}

async function ask(admin: URL, what: string): Promise<string> {
  const url = new URL(what, admin);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    const text = await response.text();
    if (response.ok) return text;
    throw new Error(`it answered ${response.status}`);
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    throw new Error(`${url.href}: ${reason(cause)}`, { cause: error });
  }
}
