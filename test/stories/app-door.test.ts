import { request } from 'node:https';
import test from 'ava';
import type { Facts, Log } from '../../src/lib/log.ts';
import { cert, key } from '../client/tls-fixture.ts';
import { ec, folder, jwt, spki } from '../doors/app/tokens.ts';
import { Backend, downstream, type Json } from '../doors/bal/harness.ts';
import { freePort, setStage } from './bridge-process.ts';
import { collect, Story } from './harness.ts';

const KEY = 'the-key-of-the-application';
const authorization = `Bearer ${KEY}`;
const APP = 'com.example.app';
const application = { id: APP, key: KEY };

interface Answer {
  readonly status: number;
  readonly json: Json;
}

/** An app that speaks HTTPS, one connection for each request. */
function post(port: number, path: string, body: Json, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method: 'POST', ca: cert, agent: false } as const;
    const asked = request(
      { ...options, headers: { 'content-type': 'application/json', authorization, ...headers } },
      async (response) => {
        const text = (await response.setEncoding('utf8').toArray()).join('');
        resolve({ status: response.statusCode ?? 0, json: JSON.parse(text) });
      },
    );
    asked.on('error', reject).end(JSON.stringify(body));
  });
}

/** `http` and `doors` of a bridge that speaks HTTPS. */
function overTls(write: (name: string, text: string) => string, door: Json = {}): Json {
  const tls = { cert: write('cert.pem', cert), key: write('key.pem', key) };
  return { http: { port: 0, tls }, doors: { app: { applications: [application], ...door } } };
}

test('what an app says and what it tells of a message reach the backend as they always did', async (t) => {
  const wireIds: string[] = [];
  const watch = { received: (id: string) => void wireIds.push(id) };
  const config = overTls(folder(t));
  const story = await Story.start({ config, watch, emulator: { receipt_delay: '1h' } });
  const backend = await story.logOn();
  const { httpPort } = story.app;
  const message = { from: 'device', category: APP, message_id: 'u1', data: { text: 'grüße <&> 😀' }, time_to_live: 60 };
  t.deepEqual(await post(httpPort, '/v1/upstream', message), { status: 200, json: { status: 'stored' } });
  const upstream = await backend.next();
  backend.ack(upstream.sequence_id);
  t.deepEqual(upstream, {
    message_type: 'UPSTREAM',
    sequence_id: 1,
    session_id: APP,
    message_id: 'u1',
    fcm_data: message,
  });
  t.deepEqual(await post(httpPort, '/v1/upstream', message), { status: 200, json: { status: 'duplicate' } });

  backend.send(downstream('m1', { group_id: 'g' }, { delivery_receipt_requested: true }));
  await collect(backend, 1, 'DOWNSTREAM_ACK');
  const receipt = { from: 'device', category: APP, receipt: `ccs/${wireIds[0]}`, timestamp: 1_700_000_000_000 };
  t.deepEqual(await post(httpPort, '/v1/receipts', receipt), { status: 200, json: { status: 'stored' } });
  const [frame] = await collect(backend, 1, 'DOWNSTREAM_RECEIPT');
  t.like(frame, { message_id: 'm1', group_id: 'g' });
  t.deepEqual(frame?.fcm_data, {
    message_type: 'receipt',
    from: 'gcm.googleapis.com',
    message_id: 'dr2:m1',
    category: APP,
    time_to_live: 0,
    data: {
      message_status: 'MESSAGE_SENT_TO_DEVICE',
      original_message_id: 'm1',
      device_registration_id: 'device',
      message_sent_timestamp: '1700000000000',
    },
  });
  t.deepEqual(await post(httpPort, '/v1/receipts', receipt), { status: 200, json: { status: 'duplicate' } });
  t.is(await story.metric('pushbridge_http_requests_total{route="/v1/upstream",status="200"}'), 2);
  t.is(await story.metric('pushbridge_upstream_total{provider="app",state="stored"}'), 2);
  t.is(await story.metric('pushbridge_upstream_total{provider="app",state="duplicate"}'), 2);
  await story.stop();
});

test('while the bridge stops, apps are sent away and told to come back', async (t) => {
  const story = await Story.start({ config: overTls(folder(t)), emulator: { hold_acks: true } });
  const backend = await story.logOn();
  backend.send(downstream('m1'));
  while (story.emulator.control.stats().received < 1) await backend.sync();
  const { httpPort } = story.app;
  const stopping = story.stopBridge(20_000);
  const message = { from: 'device', category: APP, message_id: 'u1', data: {} };
  t.like(await post(httpPort, '/v1/upstream', message), { status: 503, json: { error: 'stopping' } });
  story.emulator.control.releaseAcks();
  await stopping;
  await t.throwsAsync(post(httpPort, '/v1/upstream', message));
  await story.stop();
});

test('keys, tokens, devices and what they say stand in no log', async (t) => {
  const lines: string[] = [];
  const note = (event: string, facts?: Facts) => void lines.push(JSON.stringify([event, facts]));
  const log: Log = { error: note, warn: note, info: note, debug: note, child: () => log };
  const write = folder(t);
  const pair = ec();
  const token = { key: write('token.pem', spki(pair.publicKey)) };
  const config = overTls(write, { applications: [{ ...application, token }] });
  const story = await Story.start({ config, surroundings: { log } });
  const { httpPort } = story.app;
  const from = 'the-device-of-somebody';
  const message = { from, category: APP, message_id: 'the-id-of-it', data: { text: 'what-it-says' } };
  const claims = { sub: from, aud: APP, exp: Math.floor(Date.now() / 1_000) + 60 };
  const signed = jwt({ alg: 'ES256' }, claims, pair.privateKey);
  const statuses: number[] = [];
  for (const [body, headers] of [
    [message, {}],
    [message, { authorization: `Bearer ${signed}` }],
    [message, { authorization: `Bearer ${signed}x` }],
    [message, { authorization: 'Bearer a-wrong-key-of-somebody' }],
    [{ ...message, from: 'what-it-says\u0000' }, {}],
    [{ ...message, more: 'what-it-says' }, {}],
    [{ ...message, data: { text: 'what-it-says'.repeat(1_000) } }, {}],
    [{ ...message, data: { text: 'what-it-says'.repeat(10_000) } }, {}],
  ] as const) {
    statuses.push((await post(httpPort, '/v1/upstream', body, headers)).status);
  }
  t.deepEqual(statuses, [200, 200, 401, 401, 400, 400, 400, 413]);
  await story.stop();
  t.true(lines.length > 0);
  for (const hidden of [KEY, signed, signed.slice(-40), 'a-wrong-key', from, 'the-id-of-it', 'what-it-says']) {
    t.deepEqual(
      lines.filter((line) => line.includes(hidden)),
      [],
      hidden,
    );
  }
});

test('what was answered with 200 is there after a kill', async (t) => {
  const http = await freePort();
  const doors = { app: { applications: [{ id: 'app', key: KEY }], rate: { per_minute: 100_000, burst: 100_000 } } };
  const { port, start, end } = await setStage({}, { http: { port: http }, doors });
  const bridge = await start();
  const count = 400;
  const say = async (n: number): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${http}/v1/upstream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ from: `device${n % 7}`, category: 'app', message_id: `u${n}`, data: { n: String(n) } }),
    });
    const { status } = (await response.json()) as Json;
    return response.status === 200 ? String(status) : 'refused';
  };
  const known: number[] = [];
  const early: Promise<unknown>[] = [];
  for (let n = 0; n < count; n++) {
    const told = say(n).then((status) => {
      if (status === 'stored' && known.push(n) === count / 4) void bridge.kill();
    });
    early.push(told.catch(() => {})); // the bridge is gone
  }
  await Promise.all(early);
  await bridge.ended();
  t.true(known.length >= count / 4);
  const second = await start();
  for (const n of known) t.is(await say(n), 'duplicate', `u${n}`);
  const rest = Array.from({ length: count }, (_, n) => n).filter((n) => !known.includes(n));
  for (const n of rest) t.not(await say(n), 'refused');
  const backend = await Backend.connect(port);
  backend.send({ message_type: 'LOGON', session_id: 'app' });
  const frames = await collect(backend, count, 'UPSTREAM');
  t.is(new Set(frames.map(({ message_id }) => message_id)).size, count);
  backend.destroy();
  await second.signal('SIGTERM');
  await end();
});
