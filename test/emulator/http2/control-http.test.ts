import type { ExecutionContext } from 'ava';
import test from 'ava';
import { start as startApns } from '../apns/stage.ts';
import { start as startFcm, to } from '../fcm/stage.ts';
import { until } from './raw-client.ts';

const caller =
  (port: number | undefined) =>
  async (method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, json: /^[[{]/.test(text) ? JSON.parse(text) : text };
  };

async function startHttp(t: ExecutionContext) {
  const all = await startFcm(t, { control_port: 0 });
  return { ...all, call: caller(all.emulator.controlPort) };
}

test('what it saw, and how to get in', async (t) => {
  const { call, login, emulator } = await startHttp(t);
  const { send } = await login();
  await send(to('a'));
  await send(to('UNREGISTERED'));
  t.like(await call('GET', '/stats'), {
    status: 200,
    json: { messages: 2, successes: 1, errors: { UNREGISTERED: 1 }, connections: 1, tokensIssued: 1 },
  });
  t.like(await call('GET', '/connections'), { json: [{ connection: 1, requests: 3, limit: 100 }] });
  t.like(await call('GET', '/requests?limit=1'), { json: [{ body: JSON.stringify(to('UNREGISTERED')) }] });
  t.is(((await call('GET', '/requests')).json as unknown[]).length, 3);
  t.deepEqual((await call('GET', '/credentials')).json, emulator.credentials);
  t.is((await call('GET', '/ca.pem')).json, emulator.caPem);
  t.is((await call('DELETE', '/stats')).status, 204);
  t.like(await call('GET', '/stats'), { json: { messages: 0, tokensIssued: 0 } });
});

test('faults', async (t) => {
  const { call, control } = await startHttp(t);
  t.like(await call('PATCH', '/faults', { latency: '20ms', error_rate: 0.5, error_code: 'INTERNAL' }), {
    status: 200,
    json: { latency: 20, error_rate: 0.5, error_code: 'INTERNAL', stall: false },
  });
  for (const wrong of [
    { latency: 20 },
    { latencies: '1s' },
    { error_code: 'X' },
    { instead: 'x' },
    { retry_after: 'x' },
  ]) {
    t.like(
      await call('PATCH', '/faults', wrong),
      { status: 400, json: { error: 'bad_request' } },
      JSON.stringify(wrong),
    );
  }
  t.like(await call('GET', '/faults'), { json: { latency: 20 } });
  t.is((await call('DELETE', '/faults')).status, 204);
  t.like(control.faults(), { latency: 0, error_rate: 0, error_code: 'UNAVAILABLE' });
});

test('actions', async (t) => {
  const { call, login } = await startHttp(t);
  const first = await login();
  t.is((await call('POST', '/tokens', { token: 'gone', code: 'DEVICE_UNREGISTERED' })).status, 204);
  t.is((await first.send(to('gone'))).status, 404);
  t.is((await call('POST', '/tokens', { token: 'gone' })).status, 204);
  t.is((await first.send(to('gone'))).status, 200);
  t.like(await call('POST', '/tokens', { token: 'gone', code: 'X' }), { status: 404, json: { error: 'not_found' } });
  t.is((await call('POST', '/expire-tokens')).status, 204);
  t.is((await first.send(to('d'))).status, 401);
  t.like(await call('POST', '/goaway', { connection: 1, debug: 'max_age' }), { json: { connections: 1 } });
  await until(() => first.client.closed);
  t.is(first.client.goaways[0]?.debug, 'max_age');
  const second = await login();
  t.like(await call('POST', '/drop', { connection: 'all', how: 'rst' }), { json: { connections: 1 } });
  await until(() => second.client.closed);
  t.like(await call('POST', '/drop', { connection: 77 }), { status: 404 });
  t.like(await call('POST', '/goaway', { connection: 'some' }), { status: 400 });
});

test('APNs has keys to make', async (t) => {
  const { emulator, open, token } = await startApns(t, { control_port: 0 });
  const call = caller(emulator.controlPort);
  t.deepEqual((await call('GET', '/credentials')).json, emulator.credentials);
  const { json } = await call('POST', '/keys', { team_id: 'TEAM' });
  t.like(json, { team_id: 'TEAM' });
  const key = json as typeof emulator.credentials;
  t.is((await open().push(undefined, { authorization: token({}, key) })).status, 200);
  t.like(await call('PATCH', '/faults', { gone_for: '1h' }), { json: { gone_for: 3_600_000 } });
});
