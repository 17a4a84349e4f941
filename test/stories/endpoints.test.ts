import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import test, { type ExecutionContext } from 'ava';
import { cert, key } from '../client/tls-fixture.ts';
import { folder } from '../doors/app/tokens.ts';
import { type Json, until } from '../doors/bal/harness.ts';
import { collect, Story } from './harness.ts';
import { startFcm } from './services.ts';

const PUBLIC = 'https://push.example.com';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What an application server does with an endpoint: only the host is another one. */
function ask(
  port: number,
  method: string,
  url: string,
  body = '',
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const path = url.startsWith(PUBLIC) ? url.slice(PUBLIC.length) : url;
    const asked = request({ host: '127.0.0.1', port, path, method, ca: cert, agent: false, headers }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
    });
    asked.on('error', reject).end(body);
  });
}

function config(t: ExecutionContext, door: Json = {}): Json {
  const write = folder(t);
  const tls = { cert: write('cert.pem', cert), key: write('key.pem', key) };
  return { http: { port: 0, tls, public_url: PUBLIC }, doors: { webpush: door } };
}

const register = (token: string, more: Json = {}): Json => ({ message_type: 'ENDPOINT_REGISTER', token, ...more });

test('a backend owns an endpoint: what is pushed there is an upstream message, and its ACK is the receipt', async (t) => {
  const story = await Story.start({ config: config(t) });
  t.teardown(() => story.stop());
  const { httpPort } = story.app;
  const backend = await story.logOn();
  backend.send(register('door-bell'));
  const [registered] = await collect(backend, 1, 'ENDPOINT_REGISTERED');
  const endpoint = String(registered?.endpoint);
  t.like(registered, { token: 'door-bell' });
  t.regex(endpoint, /^https:\/\/push\.example\.com\/push\/[\w-]{27}$/);

  const body = randomBytes(200).toString('latin1');
  const posted = await ask(httpPort, 'POST', endpoint, body, {
    'content-encoding': 'aes128gcm',
    ttl: '60',
    urgency: 'high',
    topic: 'ring',
    prefer: 'respond-async',
  });
  t.is(posted.status, 202);
  const upstream = await backend.next();
  const data = upstream.fcm_data as Json;
  t.like(upstream, { message_type: 'UPSTREAM' });
  t.like(data, { from: 'unifiedpush', category: upstream.session_id });
  t.deepEqual(data.push, {
    token: 'door-bell',
    content: Buffer.from(body).toString('base64'),
    content_encoding: 'aes128gcm',
    ttl: 60,
    urgency: 'high',
    topic: 'ring',
  });
  const receipt = /<([^>]+)>/.exec(String(posted.headers.link))?.[1] ?? '';
  t.is((await ask(httpPort, 'GET', receipt)).status, 202);
  backend.ack(upstream.sequence_id);
  t.is((await ask(httpPort, 'GET', receipt, '', { prefer: 'wait=10' })).status, 204);

  backend.send(register('door-bell'));
  const [again] = await collect(backend, 1, 'ENDPOINT_REGISTERED');
  t.is(again?.endpoint, endpoint);
  backend.send({ message_type: 'ENDPOINT_UNREGISTER', token: 'door-bell' });
  await collect(backend, 1, 'ENDPOINT_UNREGISTERED');
  t.is((await ask(httpPort, 'POST', endpoint, 'x')).status, 410);
});

test('what is pushed while no backend is connected waits, is replaced by its topic, and can be taken back', async (t) => {
  const story = await Story.start({ config: config(t) });
  t.teardown(() => story.stop());
  const { httpPort } = story.app;
  const first = await story.logOn();
  first.send(register('a'));
  const [registered] = await collect(first, 1, 'ENDPOINT_REGISTERED');
  const endpoint = String(registered?.endpoint);
  first.send({ message_type: 'LOGOFF' });
  await once(first.socket, 'close');

  const push = (body: string, headers: Record<string, string> = {}) =>
    ask(httpPort, 'POST', endpoint, body, { ttl: '600', ...headers });
  t.is((await push('old', { topic: 't' })).status, 201);
  t.is((await push('new', { topic: 't' })).status, 201);
  const third = await push('third');
  t.is((await ask(httpPort, 'DELETE', String(third.headers.location))).status, 204);
  t.is((await push('fourth')).status, 201);

  const second = await story.logOn();
  const frames = await collect(second, 2, 'UPSTREAM');
  const contents = frames.map(({ fcm_data }) => ((fcm_data as Json).push as Json).content);
  t.deepEqual(
    contents.map((content) => Buffer.from(String(content), 'base64').toString()),
    ['new', 'fourth'],
  );
});

test('an endpoint may lead to an app over FCM; what can not be registered is told', async (t) => {
  const sent: Json[] = [];
  const watch = { received: (_: string, json: string) => void sent.push(JSON.parse(json)) };
  const story = await Story.start({ config: config(t), watch });
  t.teardown(() => story.stop());
  const backend = await story.logOn();
  backend.send(register('instance', { to: 'fcm-token' }));
  const [registered] = await collect(backend, 1, 'ENDPOINT_REGISTERED');
  const post = (body: string) => ask(story.app.httpPort, 'POST', String(registered?.endpoint), body);
  t.is((await post('hello')).status, 201);
  t.is((await post('x'.repeat(3_000))).status, 201);
  await until(() => sent.length === 3);
  t.like(sent[0], { to: 'fcm-token', data: { b: Buffer.from('hello').toString('base64'), i: 'instance' } });
  const [one, two] = sent.slice(1).map(({ data }) => data as Record<string, string>);
  t.is(one?.m, two?.m);
  const parts = one?.s === '1' ? [one, two] : [two, one];
  t.is(parts[0]?.b?.length, 3_000);
  t.is(`${parts[0]?.b}${parts[1]?.b}`, Buffer.from('x'.repeat(3_000)).toString('base64'));

  for (const [frame, field] of [
    [register('v', { vapid: 'short' }), /^vapid: /],
    [register('p', { provider: 'ccs' }), /^provider: only with to/],
    [register('p', { provider: 'nobody', to: 'x' }), /^provider: /],
  ] as const) {
    backend.send(frame);
    const [refused] = await collect(backend, 1, 'ENDPOINT_UNREGISTERED');
    t.is(refused?.error, 'INVALID_ENDPOINT');
    t.regex(String(refused?.error_string), field);
  }
});

test('a token that FCM knows no more ends its endpoint', async (t) => {
  const story = await Story.start({ config: config(t), emulator: { nack_rate: 1, nack_code: 'DEVICE_UNREGISTERED' } });
  t.teardown(() => story.stop());
  const backend = await story.logOn();
  backend.send(register('gone', { to: 'dead' }));
  const [registered] = await collect(backend, 1, 'ENDPOINT_REGISTERED');
  const post = async () => (await ask(story.app.httpPort, 'POST', String(registered?.endpoint), 'x')).status;
  t.is(await post(), 201);
  let status = 201;
  while (status === 201) status = await post();
  t.is(status, 410);
});

test('URLs that apps made up for rewrite proxies go to FCM, text or bytes', async (t) => {
  const fcm = await startFcm(t);
  const { http, doors } = config(t, { fcm: { provider: 'fcm' } });
  const story = await Story.start({ config: { http, doors, providers: { fcm: fcm.provider } } });
  t.teardown(() => story.stop());
  const post = async (query: string, body: string) =>
    (await ask(story.app.httpPort, 'POST', `/FCM?${query}`, body)).status;
  t.is(await post('v2&instance=i1&token=t1', 'hello'), 201);
  t.is(await post('instance=i2&token=t2', 'grüße'), 201);
  t.is(await post('app=a3&token=t3', 'text'), 201);
  const seen = () => fcm.control.requests().filter(({ path }) => path.endsWith('messages:send'));
  await until(() => seen().length === 3);
  const messages = seen().map(({ body }) => (JSON.parse(body) as { message: Json }).message);
  const dataOf = (token: string) => messages.find((message) => message.token === token)?.data;
  t.deepEqual(dataOf('t1'), { b: Buffer.from('hello').toString('base64'), i: 'i1' });
  t.deepEqual(dataOf('t2'), { body: 'grüße', instance: 'i2' });
  t.deepEqual(dataOf('t3'), { body: 'text', app: 'a3' });
  t.is((await ask(story.app.httpPort, 'GET', '/FCM?v2')).status, 200);
  for (const [query, body] of [
    ['v2&instance=i', 'no token'],
    ['v2&token=t', 'no instance'],
    ['token=t&instance=i&instance=j', 'two of them'],
    ['v2&token=t&instance=i', ''],
    ['v2&token=/topics/all&instance=i', 'to everybody'],
    ['v2&token=%27a%27%20in%20topics&instance=i', 'to everybody'],
  ] as const) {
    t.is(await post(query, body), 400, query);
  }
  t.is(await post('v2&token=t&instance=i', 'x'.repeat(4_097)), 413);
  // As text it goes in one message, which has other things to hold too.
  t.is(await post('token=t&instance=i', 'x'.repeat(4_096)), 413);
  t.is(await post('v2&token=t4&instance=i', 'x'.repeat(4_096)), 201);
});
