import test, { type ExecutionContext } from 'ava';
import { createAdmin } from '../../src/admin/index.ts';
import { silentLog } from '../../src/lib/log.ts';

async function start(t: ExecutionContext) {
  const drained: (number | undefined)[] = [];
  const admin = createAdmin({
    host: '127.0.0.1',
    port: 0,
    parts: {},
    metrics: { text: async () => '', contentType: 'text/plain' },
    pools: {},
    log: silentLog,
    ccs: {
      connections: () => [{ connection: 7, sender: '1' }],
      drain: (connection) => {
        drained.push(connection);
        return connection === undefined ? 3 : connection === 7 ? 1 : 0;
      },
    },
  });
  const port = await admin.start();
  t.teardown(() => admin.stop());
  const ask = async (path: string, body?: unknown) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, body === undefined ? {} : init);
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  return { ask, drained };
}

test('GET /ccs shows the connections', async (t) => {
  const { ask } = await start(t);
  t.deepEqual((await ask('/ccs')).json, { connections: [{ connection: 7, sender: '1' }] });
});

test('POST /ccs/drain: all, one, or one that is not there', async (t) => {
  const { ask, drained } = await start(t);
  t.deepEqual(await ask('/ccs/drain', {}), { status: 200, json: { draining: 3 } });
  t.deepEqual(await ask('/ccs/drain', { connection: 7 }), { status: 200, json: { draining: 1 } });
  t.like(await ask('/ccs/drain', { connection: 8 }), { status: 404, json: { error: 'unknown_connection' } });
  t.deepEqual(drained, [undefined, 7, 8]);
  for (const wrong of [{ connection: 'x' }, { connection: 0 }, { what: 1 }]) {
    t.is((await ask('/ccs/drain', wrong)).status, 400);
  }
  t.is(drained.length, 3);
});
