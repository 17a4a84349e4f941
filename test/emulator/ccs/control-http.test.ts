import type { ExecutionContext } from 'ava';
import test from 'ava';
import { start, until } from './raw-client.ts';

async function startHttp(t: ExecutionContext) {
  const all = await start(t, { control_port: 0 });
  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> => {
    const response = await fetch(`http://127.0.0.1:${all.emulator.controlPort}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await response.text();
    return { status: response.status, json: /^[[{]/.test(text) ? JSON.parse(text) : text };
  };
  return { ...all, call };
}

test('what it saw', async (t) => {
  const { call, login, emulator } = await startHttp(t);
  const client = await login();
  for (const id of ['a/1', 'a/1', 'b']) client.send({ to: 'd', message_id: id });
  await client.jsons(3);
  t.like(await call('GET', '/stats'), { status: 200, json: { received: 3, repeated: 1, connections: { bound: 1 } } });
  t.like(await call('GET', '/connections'), { json: [{ connection: 1, sender: '123456', received: 3 }] });
  t.deepEqual((await call('GET', '/messages/a%2F1')).json, { id: 'a/1', connections: [1, 1], acks: 2, nacks: 0 });
  t.like(await call('GET', '/messages?times=2'), { json: [{ id: 'a/1' }] });
  t.like(await call('GET', '/messages/c'), { status: 404, json: { error: 'not_found' } });
  t.is((await call('GET', '/ca.pem')).json, emulator.caPem);
  t.is((await call('DELETE', '/stats')).status, 204);
  t.like(await call('GET', '/stats'), { json: { received: 0 } });
});

test('faults, for all and for one', async (t) => {
  const { call, login, control } = await startHttp(t);
  await login();
  t.like(await call('PATCH', '/faults', { latency: '20ms', nack_rate: 0.5 }), {
    status: 200,
    json: { latency: 20, nack_rate: 0.5, hold_acks: false },
  });
  t.like(await call('PATCH', '/connections/1/faults', { hold_acks: true }), { json: { latency: 20, hold_acks: true } });
  t.like(await call('GET', '/faults'), { json: { hold_acks: false } });
  t.like(await call('PATCH', '/connections/9/faults', {}), { status: 404 });
  t.like(await call('PATCH', '/faults', { latency: 20 }), { status: 400, json: { error: 'bad_request' } });
  t.like(await call('PATCH', '/faults', { latencies: '1s' }), { status: 400 });
  t.is((await call('DELETE', '/faults')).status, 204);
  t.like(control.faults(), { latency: 0, nack_rate: 0 });
  t.false(control.faults(1).hold_acks);
});

test('actions', async (t) => {
  const { call, login, control } = await startHttp(t);
  const client = await login();
  t.like(await call('POST', '/upstream', { count: 3, message_id: 'u' }), { json: { message_ids: ['u-1', 'u-3'] } });
  for (const message of await client.jsons(3)) client.ack(message);
  await until(() => control.stats().upstreamAcked === 3);
  t.like(await call('GET', '/upstream/u-2'), { json: { acks: 1 } });
  t.like(await call('POST', '/upstream', { sender: '9', message_id: 'x' }), { json: { message_ids: ['x'] } });
  t.is((await call('POST', '/tokens', { token: 'gone', nack: 'DEVICE_UNREGISTERED' })).status, 204);
  client.send({ to: 'gone', message_id: '1' });
  t.like(await client.json(), { error: 'DEVICE_UNREGISTERED' });
  await call('PATCH', '/faults', { hold_acks: true });
  client.send({ to: 'd', message_id: '2' });
  await until(() => control.stats().received === 2);
  t.like(await call('POST', '/release-acks'), { json: { released: 1 } });
  t.like(await client.json(), { message_id: '2' });
  t.like(await call('POST', '/send', { connection: 1, xml: '<message><foo/></message>' }), {
    json: { connections: 1 },
  });
  await client.expect(/<message><foo\/><\/message>/);
  t.like(await call('POST', '/drain', { connection: 1 }), { json: { connections: 1 } });
  await client.expect(/CONNECTION_DRAINING/);
  t.like(await call('POST', '/fail', { connection: 'one', condition: 'reset' }), { json: { connections: 1 } });
  await client.expect(/<stream:error><reset /);
  const second = await login();
  t.like(await call('POST', '/drop', { how: 'rst' }), { json: { connections: 1 } });
  await second.untilClosed();
  t.is(second.error?.code, 'ECONNRESET');
  const third = await login();
  t.like(await call('POST', '/close', { connection: 'all' }), { json: { connections: 1 } });
  await third.expect(/<\/stream:stream>/);
  t.like(await call('POST', '/drain', { connection: 77 }), { status: 404, json: { error: 'not_found' } });
  t.like(await call('POST', '/drain', { connection: 'some' }), { status: 400 });
});
