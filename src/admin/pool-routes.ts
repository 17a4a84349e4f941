import { z } from '../lib/schema.ts';
import { HttpError, type HttpServer } from '../protocols/http/index.ts';

/** What an operator may change while the bridge runs. */
export interface PoolSettings {
  /** Connections kept open. */
  readonly min: number;
  /** Connections that take work, at most. */
  readonly max: number;
  /** Unanswered messages on one connection, at most. */
  readonly window: number;
}

/** The settings in effect, and what there is. */
export interface PoolState extends PoolSettings {
  /** Connections by state, messages in flight and the like. */
  readonly facts?: Readonly<Record<string, number>>;
}

/** A pool as the operator sees it. */
export interface Pool {
  get(): PoolState;
  /** Applies a change that was checked: what is absent stays. May throw a RangeError for a value that it can't take. */
  resize(change: Partial<PoolSettings>): void;
}

/** Pools by the name of their provider. */
export type Pools = Readonly<Record<string, Pool>>;

/** More connections or messages than any service takes; the pool itself may allow less. */
const MOST = 1_000;

const size = z.int({ error: 'must be a whole number' });
const within = (min: number) =>
  size
    .min(min, { error: `must be at least ${min}` })
    .max(MOST, { error: `must be at most ${MOST}` })
    .optional();

const change = z.strictObject(
  {
    provider: z.string({ error: 'must be the name of a provider' }).optional(),
    min: within(1),
    max: within(1),
    window: within(1),
  },
  {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}; known: provider, min, max, window`
        : 'the body must be a JSON object',
  },
);

/** `GET /pool` shows every provider's pool, `PATCH /pool` changes one. */
export function addPoolRoutes(server: HttpServer, pools: Pools): void {
  server.route({
    method: 'GET',
    path: '/pool',
    handle: () => ({
      json: { providers: Object.fromEntries(Object.keys(pools).map((name) => [name, view(pools, name)])) },
    }),
  });
  server.route({
    method: 'PATCH',
    path: '/pool',
    body: change,
    handle({ body }) {
      const name = chosen(pools, body.provider);
      const pool = found(pools, name);
      const { provider: _, ...settings } = body;
      const changes = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
      if (Object.keys(changes).length === 0) throw wrong('name what to change: min, max or window');
      const { min, max } = { ...pool.get(), ...changes };
      if (min > max) throw wrong(`min: must not be more than max (${max})`);
      resize(pool, changes);
      return { json: { provider: name, ...view(pools, name) } };
    },
  });
}

function view(pools: Pools, name: string): Record<string, unknown> {
  return { ...found(pools, name).get() };
}

/** The provider may be left out where there is only one. */
function chosen(pools: Pools, name: string | undefined): string {
  if (name !== undefined) return name;
  const names = Object.keys(pools);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw wrong(names.length === 0 ? 'no provider has a pool' : `provider: name one of ${names.join(', ')}`);
}

function found(pools: Pools, name: string): Pool {
  const pool = Object.hasOwn(pools, name) ? pools[name] : undefined;
  if (!pool) throw new HttpError(404, 'unknown_provider', 'provider: there is none of this name with a pool');
  return pool;
}

function resize(pool: Pool, changes: Partial<PoolSettings>): void {
  try {
    pool.resize(changes);
  } catch (error) {
    if (error instanceof RangeError) throw wrong(error.message);
    throw error;
  }
}

const wrong = (message: string): HttpError => new HttpError(400, 'bad_request', message);
