import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { z } from '../../../src/lib/schema.ts';
import { createHttpListener, type HttpOptions, httpOptions } from '../../../src/protocols/http/index.ts';
import { cert, key } from '../../client/tls-fixture.ts';
import { head, raw } from './raw.ts';

type Given = { readonly [K in keyof z.input<typeof httpOptions>]?: unknown };

async function start(t: ExecutionContext, given: Given = {}) {
  const options: HttpOptions = httpOptions.parse({ port: 0, ...given });
  const answers: string[] = [];
  const server = createHttpListener(options, {
    version: '1.2.3',
    onAnswer: (route, status) => {
      answers.push(`${route} ${status}`);
      heard();
    },
  });
  let heard = (): void => {};
  const gates: PromiseWithResolvers<void>[] = [];
  server.route({ method: 'GET', path: '/free/:id', handle: () => ({ json: {} }) });
  server.route({
    method: 'POST',
    path: '/small',
    bodyLimit: 20,
    body: z.strictObject({ a: z.string() }),
    handle: () => ({ json: {} }),
  });
  server.route({ method: 'POST', path: '/large', bodyLimit: 1_000_000, handle: () => ({ json: {} }) });
  server.route({
    method: 'GET',
    path: '/held',
    async handle() {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      heard();
      await gate.promise;
      return { json: { held: true } };
    },
  });
  server.route({ method: 'POST', path: '/endless', handle: () => new Promise<never>(() => {}) });
  const port = await server.start();
  t.teardown(() => server.stop());
  const base = `http://127.0.0.1:${port}`;
  /** Resolves when `done` holds; looked at whenever a handler begins or an answer is out. */
  const until = (done: () => boolean) =>
    new Promise<void>((resolve) => {
      heard = () => done() && resolve();
      heard();
    });
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(base + path, init);
    return { status: response.status, json: await response.json(), retryAfter: response.headers.get('retry-after') };
  };
  return { server, port, ask, answers, gates, until };
}

const slowPost = (...lines: string[]) => head('POST /small', 'content-type: application/json', ...lines);
const timeout = { error: 'timeout', message: 'the request was not complete in time' };

test('a request that does not get complete in time is answered 408, and its connection closed', async (t) => {
  const { port, answers } = await start(t, { request_timeout: '50ms' });
  for (const slow of [
    '',
    'POST /small HT',
    'POST /small HTTP/1.1\r\nhost: a\r\nx: ',
    `${slowPost('content-length: 10')}{"a"`,
    `${slowPost('transfer-encoding: chunked')}2\r\n{"\r\n`,
  ]) {
    const answer = await raw(port, slow, { all: true });
    t.is(answer.status, 408, slow);
    t.deepEqual(answer.json, timeout);
  }
  t.is(answers.filter((line) => line === 'other 408').length, 5);
  t.false(answers.some((line) => line.endsWith(' 200')));
});

test('what is no HTTP is answered 400', async (t) => {
  const { port, answers } = await start(t);
  for (const garbage of ['hello\r\n\r\n', '\x16\x03\x01\x02\x00\x01', 'GET /free/1 HTTP/1.1\r\nbad header\r\n\r\n']) {
    const answer = await raw(port, garbage);
    t.is(answer.status, 400);
    t.deepEqual(answer.json, { error: 'bad_request', message: 'this is no HTTP request' });
  }
  t.deepEqual(answers, ['other 400', 'other 400', 'other 400']);
});

test('request line and headers have a limit', async (t) => {
  const { port } = await start(t, { header_limit: 1_024 });
  const fits = head('GET /free/1', 'connection: close', `x: ${'y'.repeat(900)}`);
  t.is((await raw(port, fits)).status, 200);
  for (const large of [head('GET /free/1', `x: ${'y'.repeat(1_100)}`), head(`GET /free/1?${'y'.repeat(1_100)}`)]) {
    const answer = await raw(port, large);
    t.is(answer.status, 431);
    t.like(answer.json, { error: 'headers_too_large' });
  }
});

test('a body has the limit of its route, and never more than that of the listener', async (t) => {
  const { port, ask } = await start(t, { body_limit: 1_024 });
  const json = { 'content-type': 'application/json' };
  const post = (path: string, body: string) => ask(path, { method: 'POST', headers: json, body });
  t.is((await post('/small', `{"a":"${'x'.repeat(12)}"}`)).status, 200);
  t.is((await post('/small', `{"a":"${'x'.repeat(13)}"}`)).status, 413);
  t.is((await post('/large', `"${'x'.repeat(1_022)}"`)).status, 200);
  t.is((await post('/large', `"${'x'.repeat(1_023)}"`)).status, 413);
  const chunked = head('POST /small', 'content-type: application/json', 'transfer-encoding: chunked');
  const fits = await raw(
    port,
    `${chunked}7\r\n{"a":"x\r\n2\r\n"}\r\n0\r\n\r\n`.replace('\r\n', '\r\nconnection: close\r\n'),
  );
  t.is(fits.status, 200);
  // The answer comes before the end of the body: nobody reads on what is too large.
  const large = await raw(port, `${chunked}15\r\n{"a":"${'x'.repeat(15)}\r\n`);
  t.is(large.status, 413);
  t.deepEqual(large.json, { error: 'too_large', message: 'the body is too large' });
});

test('a client that sends much too much reads why, and goes on', async (t) => {
  const { port } = await start(t);
  const body = 'x'.repeat(8 * 1_024 * 1_024);
  const large = slowPost(`content-length: ${body.length}`) + body;
  const { status, json, text } = await raw(port, large + head('GET /free/1', 'connection: close'), { all: true });
  t.is(status, 413);
  t.like(json, { error: 'too_large' });
  t.regex(text, /HTTP\/1\.1 200 OK/);
});

test('connections beyond the limit are closed, those within it go on', async (t) => {
  const { port } = await start(t, { max_connections: 2 });
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(head('GET /free/1'));
    const first = await new Promise<'answer' | 'closed'>((resolve) => {
      socket.once('data', () => resolve('answer'));
      socket.once('close', () => resolve('closed'));
    });
    t.teardown(() => socket.destroy());
    return { socket, first };
  };
  const one = await open();
  t.is(one.first, 'answer');
  t.is((await open()).first, 'answer');
  t.is((await open()).first, 'closed');
  const closed = new Promise((resolve) => one.socket.once('close', resolve));
  one.socket.end(head('GET /free/1', 'connection: close'));
  await closed;
  t.is((await open()).first, 'answer');
});

test('handlers beyond the limit get 503, and what nobody waits for counts as long as it works', async (t) => {
  const { ask, gates, until } = await start(t, { max_requests: 2, answer_timeout: '20ms' });
  const slow = { status: 503, json: { error: 'timeout', message: 'no answer in time; try again' }, retryAfter: '1' };
  t.deepEqual(await ask('/held'), slow);
  t.deepEqual(await ask('/held'), slow);
  const busy = { error: 'busy', message: 'too many requests at once; try again' };
  t.deepEqual(await ask('/free/1'), { status: 503, json: busy, retryAfter: '1' });
  gates[0]?.resolve();
  await until(() => gates.length === 2);
  t.is((await ask('/free/1')).status, 200);
});

test('a body that was read does not call the deadline of its answer off', async (t) => {
  const { ask } = await start(t, { answer_timeout: '20ms' });
  const headers = { 'content-type': 'application/json' };
  const { status, json } = await ask('/endless', { method: 'POST', headers, body: '{"a":1}' });
  t.deepEqual([status, json], [503, { error: 'timeout', message: 'no answer in time; try again' }]);
});

test('a closed gate sends new requests away and lets those at work be answered', async (t) => {
  const { ask, server, gates, until } = await start(t);
  const held = ask('/held');
  await until(() => gates.length === 1);
  let empty = false;
  const closing = server.closeGate().then(() => (empty = true));
  const stopping = { error: 'stopping', message: 'the bridge stops; try again' };
  t.deepEqual(await ask('/free/1'), { status: 503, json: stopping, retryAfter: '1' });
  t.false(empty);
  gates[0]?.resolve();
  t.like(await held, { status: 200, json: { held: true } });
  await closing;
  await server.closeGate();
});

test('stopping closes connections, and may be asked for twice', async (t) => {
  const { port, server } = await start(t);
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => {});
  socket.write(head('GET /free/1'));
  await new Promise((resolve) => socket.once('data', resolve));
  await server.stop();
  await closed;
  await server.stop();
  await t.throwsAsync(fetch(`http://127.0.0.1:${port}/free/1`));
});

test('answers are counted by route and status, those too that nobody waits for any more', async (t) => {
  const { port, ask, answers, gates, until } = await start(t);
  await ask('/free/1');
  await ask('/free/2?x=1');
  await ask('/nowhere');
  await ask('/small', { method: 'POST' });
  const socket = connect(port, '127.0.0.1');
  socket.write(head('GET /held'));
  await until(() => gates.length === 1);
  socket.destroy();
  await once(socket, 'close');
  gates[0]?.resolve();
  await until(() => answers.length === 5);
  t.deepEqual(answers, ['/free/:id 200', '/free/:id 200', 'other 404', '/small 400', '/held 200']);
});

test('a connection without a request is closed', async (t) => {
  const { port } = await start(t, { idle_timeout: '10ms' });
  const answer = await raw(port, head('GET /free/1'), { all: true });
  t.is(answer.status, 200);
});

test('HTTPS with the certificate of the configuration; a file that is none is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-http-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const tls = { cert: file('cert.pem', cert), key: file('key.pem', key) };
  const { port } = await start(t, { tls });
  const status = await new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/free/1', ca: cert, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
  t.is(status, 200);
  // Somebody who speaks no TLS harms nobody.
  t.is((await raw(port, head('GET /free/1'))).status, 0);
  const parsed = httpOptions.parse({});
  for (const [wrong, message] of [
    [{ ...tls, cert: file('no.pem', 'no') }, /^http\.tls\.cert: has no readable certificate/],
    [{ ...tls, key: join(folder, 'absent.pem') }, /^http\.tls\.key: can not be read/],
  ] as const) {
    t.throws(() => createHttpListener({ ...parsed, tls: wrong }, { version: '' }), { message });
  }
});

test('a public URL is an https one without anything that could not stand in front of a path', (t) => {
  for (const public_url of ['https://push.example.com', 'https://a.example:8443', 'https://a.example/push']) {
    t.is(httpOptions.parse({ public_url }).public_url, public_url);
  }
  for (const public_url of [
    'http://push.example.com',
    'https://push.example.com/',
    'https://u@push.example.com',
    'https://u:p@push.example.com',
    'https://push.example.com?x',
    'https://push.example.com#x',
    'https://push.example.com/a b',
    'push.example.com',
    '',
  ]) {
    t.regex(httpOptions.safeParse({ public_url }).error?.issues[0]?.message ?? '', /https URL/, public_url);
  }
});
