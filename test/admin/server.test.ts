import { request } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { type AdminDeps, createAdmin, createMetrics, type PoolSettings } from '../../src/admin/index.ts';
import { MAX_BODY_BYTES } from '../../src/admin/server.ts';
import type { Health } from '../../src/core/index.ts';
import { type Facts, type Log, silentLog } from '../../src/lib/log.ts';

/** A pool that remembers its settings. */
function fakePool(settings: PoolSettings) {
  let now = settings;
  return {
    get: () => ({ ...now, facts: { open: now.min } }),
    resize(change: Partial<PoolSettings>) {
      if (change.window === 666) throw new RangeError('window: must be at most 100');
      if (change.window === 667) throw new Error('broken inside');
      now = { ...now, ...change };
    },
  };
}

async function start(t: ExecutionContext, given: Partial<AdminDeps> = {}) {
  const pool = fakePool({ min: 1, max: 10, window: 100 });
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    parts: {},
    metrics: createMetrics(),
    pools: { ccs: pool },
    log: silentLog,
    ...given,
  });
  t.teardown(() => admin.stop());
  const base = `http://127.0.0.1:${await admin.start()}`;
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${base}${path}`, init);
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined;
    return { status: response.status, json, text, type: response.headers.get('content-type') };
  };
  const patch = (body: unknown) =>
    ask('/pool', { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return { admin, base, ask, patch, pool };
}

const part = (health: Health, essential?: boolean) => ({
  health: () => health,
  ...(essential !== undefined && { essential }),
});

test('healthz answers while the process lives', async (t) => {
  const { ask } = await start(t, { parts: { store: part({ state: 'down' }) } });
  t.like(await ask('/healthz'), { status: 200, json: { alive: true } });
});

test('readyz shows facts about parts, and is ready while no essential part is down', async (t) => {
  const parts = {
    store: part({ state: 'ok', facts: { commits: 5 } }),
    'provider ccs': part({ state: 'down', detail: 'no connection' }, false),
    door: part({ state: 'degraded', detail: 'full' }),
  };
  const { ask } = await start(t, { parts });
  const { status, json } = await ask('/readyz');
  t.is(status, 200);
  t.deepEqual(json, {
    ready: true,
    parts: {
      store: { state: 'ok', facts: { commits: 5 } },
      'provider ccs': { state: 'down', detail: 'no connection' },
      door: { state: 'degraded', detail: 'full' },
    },
  });
});

test('readyz is 503 when an essential part is down', async (t) => {
  const { ask } = await start(t, { parts: { store: part({ state: 'down', detail: 'disk full' }) } });
  t.like(await ask('/readyz'), { status: 503, json: { ready: false } });
});

test('metrics are given as Prometheus reads them', async (t) => {
  const { ask } = await start(t);
  const { status, type, text } = await ask('/metrics');
  t.is(status, 200);
  t.regex(type ?? '', /^text\/plain; version=0\.0\.4/);
  t.regex(text, /^# TYPE pushbridge_messages_total counter$/m);
});

test('the pool is seen and changed', async (t) => {
  const { ask, patch } = await start(t);
  t.deepEqual((await ask('/pool')).json, { providers: { ccs: { min: 1, max: 10, window: 100, facts: { open: 1 } } } });
  t.deepEqual((await patch({ provider: 'ccs', min: 3 })).json, {
    provider: 'ccs',
    min: 3,
    max: 10,
    window: 100,
    facts: { open: 3 },
  });
  t.is((await patch({ max: 20, window: 50 })).status, 200);
  t.like((await ask('/pool')).json, { providers: { ccs: { min: 3, max: 20, window: 50 } } });
});

test('a change that is wrong names its field and changes nothing', async (t) => {
  const { ask, patch } = await start(t);
  const cases: [unknown, number, RegExp][] = [
    [{}, 400, /min, max or window/],
    [{ min: 0 }, 400, /^min: must be at least 1$/],
    [{ max: 1_001 }, 400, /^max: must be at most 1000$/],
    [{ window: 1.5 }, 400, /^window: must be a whole number$/],
    [{ window: '5' }, 400, /^window: must be a whole number$/],
    [{ min: null }, 400, /^min: /],
    [{ min: 11 }, 400, /^min: must not be more than max \(10\)$/],
    [{ min: 5, max: 4 }, 400, /^min: must not be more than max \(4\)$/],
    [{ size: 5 }, 400, /unknown field "size"; known: provider, min, max, window/],
    [{ provider: 5, min: 1 }, 400, /^provider: /],
    [{ provider: 'other', min: 1 }, 404, /^provider: /],
    [{ provider: '__proto__', min: 1 }, 404, /^provider: /],
    [[], 400, /must be a JSON object/],
    [{ window: 666 }, 400, /^window: must be at most 100$/],
    [{ window: 667 }, 500, /something went wrong/],
  ];
  for (const [body, status, message] of cases) {
    const answer = await patch(body);
    t.is(answer.status, status, JSON.stringify(body));
    t.regex(answer.json.message, message);
  }
  t.like((await ask('/pool')).json, { providers: { ccs: { min: 1, max: 10, window: 100 } } });
});

test('with several pools the provider has to be named', async (t) => {
  const pools = { a: fakePool({ min: 1, max: 2, window: 3 }), b: fakePool({ min: 1, max: 2, window: 3 }) };
  const { ask, patch } = await start(t, { pools });
  t.like(await patch({ max: 5 }), { status: 400, json: { message: 'provider: name one of a, b' } });
  t.is((await patch({ provider: 'b', max: 5 })).status, 200);
  t.like((await ask('/pool')).json, { providers: { a: { max: 2 }, b: { max: 5 } } });
});

test('bodies are small JSON', async (t) => {
  const { ask } = await start(t);
  const send = (body: string, type = 'application/json') =>
    ask('/pool', { method: 'PATCH', headers: { 'content-type': type }, body });
  t.is((await send(`{"min": 1${' '.repeat(MAX_BODY_BYTES - 10)}}`)).status, 200);
  t.is((await send(`{"min": 1${' '.repeat(MAX_BODY_BYTES - 9)}}`)).status, 413);
  t.is((await send('{"min": ')).status, 400);
  t.is((await send('min=1', 'application/x-www-form-urlencoded')).status, 415);
});

test('there is nothing else', async (t) => {
  const { ask } = await start(t);
  t.is((await ask('/')).status, 404);
  t.is((await ask('/pool', { method: 'DELETE' })).status, 404);
});

test('a name that leads here by a trick is not answered', async (t) => {
  const { base } = await start(t);
  const status = (host: string) =>
    new Promise((resolve, reject) => {
      const asked = request(`${base}/pool`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject).end();
    });
  t.is(await status('evil.example:80'), 403);
  t.is(await status('localhost'), 200);
  t.is(await status('127.0.0.1:5'), 200);
  t.is(await status('[::1]:5'), 200);
});

test('a listener that others reach is warned of, one on loopback is not', async (t) => {
  const warned: [string, Facts | undefined][] = [];
  const log: Log = { ...silentLog, warn: (event, facts) => warned.push([event, facts]) };
  const local = await start(t, { log });
  await local.admin.stop();
  t.deepEqual(warned, []);
  const open = await start(t, { log, host: '0.0.0.0' });
  t.is(warned.length, 1);
  t.deepEqual(warned[0]?.[1], { host: '0.0.0.0' });
  t.is((await open.ask('/healthz')).status, 200);
  await open.admin.stop();
  await open.admin.stop();
});
