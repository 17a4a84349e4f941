import test, { type ExecutionContext } from 'ava';
import { z } from '../../../src/lib/schema.ts';
import {
  createHttpListener,
  createHttpServer,
  HttpError,
  httpOptions,
  preflight,
} from '../../../src/protocols/http/index.ts';
import { head, raw } from './raw.ts';

const cors = { methods: ['POST', 'PUT'], send: ['TTL', 'Topic'], read: ['Location'] };
const always = { 'x-always': 'yes' };

/** A server with a route for bytes beside one for JSON, and what the former was given. */
async function start(t: ExecutionContext) {
  const bodies: Uint8Array[] = [];
  const lines: (readonly string[])[] = [];
  const waits = Promise.withResolvers<void>();
  const server = createHttpServer({ host: '127.0.0.1', port: 0, bodyLimit: 100 });
  server.rawRoute({
    method: 'POST',
    path: '/raw',
    bodyLimit: 200,
    always,
    handle(request) {
      bodies.push(request.body);
      lines.push(request.lines('x-line'), request.lines('content-type'));
      if (request.headers['x-fail'] !== undefined) throw new HttpError(410, 'gone', 'gone');
      return { status: 201 };
    },
  });
  server.rawRoute({ method: 'PUT', path: '/raw', handle: ({ body }) => ({ json: { bytes: body.length } }) });
  server.route({
    method: 'POST',
    path: '/json',
    body: z.strictObject({ a: z.int() }),
    handle: ({ body }) => ({ json: body }),
  });
  server.route(preflight('/raw', cors));
  server.route({
    method: 'GET',
    path: '/waits',
    handle({ gone }) {
      waits.resolve();
      return new Promise((resolve) => gone.addEventListener('abort', () => resolve({ json: { left: true } })));
    },
  });
  const port = await server.start();
  t.teardown(() => server.stop());
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  return { server, port, ask, bodies, lines, waits: waits.promise };
}

test('bytes come as they were sent, whatever is said of them', async (t) => {
  const { port, bodies } = await start(t);
  const types = [
    'application/json',
    'text/plain',
    'application/octet-stream',
    'multipart/form-data',
    'x',
    '',
    ';',
    '*/*',
  ];
  for (const type of types) {
    const request = head('POST /raw', `content-type: ${type}`, 'content-encoding: gzip', 'content-length: 3');
    t.is((await raw(port, `${request}{"a`)).status, 201, type);
    t.is(Buffer.from(bodies.at(-1) ?? []).toString(), '{"a');
  }
  const chunks = '1\r\na\r\n2\r\nbc\r\n0\r\n\r\n';
  t.is((await raw(port, `${head('POST /raw', 'transfer-encoding: chunked')}${chunks}`)).status, 201);
  t.is(Buffer.from(bodies.at(-1) ?? []).toString(), 'abc');
  t.is((await raw(port, head('POST /raw', 'content-length: 0'))).status, 201);
  t.is(bodies.at(-1)?.length, 0);
  t.is((await raw(port, head('POST /raw'))).status, 201);
  t.is(bodies.at(-1)?.length, 0);
});

test('a route for bytes has a limit of its own, larger or smaller; without one it has that of the server', async (t) => {
  const { ask } = await start(t);
  const send = async (method: string, bytes: number) =>
    (await ask('/raw', { method, body: new Uint8Array(bytes) })).status;
  t.deepEqual([await send('POST', 200), await send('POST', 201)], [201, 413]);
  t.deepEqual([await send('PUT', 100), await send('PUT', 101)], [200, 413]);
});

test('elsewhere bodies are JSON as before', async (t) => {
  const { ask } = await start(t);
  const post = (body: string, type: string) =>
    ask('/json', { method: 'POST', body, headers: { 'content-type': type } });
  t.deepEqual(await (await post('{"a":1}', 'application/json')).json(), { a: 1 });
  t.is((await post('{"a":1}', 'text/plain')).status, 415);
});

test('lines are what was sent, each for itself', async (t) => {
  const { port, lines } = await start(t);
  const request = head(
    'POST /raw',
    'X-Line: a',
    'x-line: b, c',
    'content-type: x/y',
    'content-type: z/z',
    'content-length: 0',
  );
  await raw(port, request);
  t.deepEqual(lines, [
    ['a', 'b, c'],
    ['x/y', 'z/z'],
  ]);
  await raw(port, head('POST /raw', 'content-length: 0'));
  t.deepEqual(lines.slice(2), [[], []]);
});

test('headers of every answer are there in refusals too, from wherever they come', async (t) => {
  const { ask, server } = await start(t);
  const post = (bytes: number, headers = {}) => ask('/raw', { method: 'POST', body: new Uint8Array(bytes), headers });
  const seen = [await post(1), await post(1, { 'x-fail': '1' }), await post(201)];
  await server.closeGate();
  seen.push(await post(1));
  t.deepEqual(
    seen.map(({ status, headers }) => [status, headers.get('x-always')]),
    [201, 410, 413, 503].map((status) => [status, 'yes']),
  );
});

test('browsers are told what scripts may do', async (t) => {
  const { ask } = await start(t);
  const { status, headers } = await ask('/raw', { method: 'OPTIONS' });
  t.is(status, 204);
  t.is(headers.get('access-control-allow-origin'), '*');
  t.is(headers.get('access-control-allow-methods'), 'POST, PUT');
  t.is(headers.get('access-control-allow-headers'), 'TTL, Topic');
  t.is(headers.get('access-control-expose-headers'), 'Location');
  t.is(headers.get('access-control-max-age'), '7200');
  t.is(headers.get('allow'), 'POST, PUT');
});

test('who waits hears that the server takes leave', async (t) => {
  const { ask, server, waits } = await start(t);
  const waiting = ask('/waits');
  await waits;
  await server.closeGate();
  t.deepEqual(await (await waiting).json(), { left: true });
});

test('the description tells of bytes, of parameters and of answers without a body', async (t) => {
  const server = createHttpListener(httpOptions.parse({ port: 0 }), { version: '1.2.3' });
  server.rawRoute({
    method: 'POST',
    path: '/raw/:id',
    about: {
      summary: 'Bytes.',
      query: { q: 'in the query' },
      headers: { TTL: 'in a header' },
      answers: { 201: { description: 'Taken.', headers: { Location: 'there' } } },
    },
    handle: () => ({ status: 201 }),
  });
  const port = await server.start();
  t.teardown(() => server.stop());
  const { paths } = (await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Record<string, unknown>>>;
  };
  const { post } = paths['/raw/{id}'] ?? {};
  const schema = { type: 'string' };
  t.like(post, {
    summary: 'Bytes.',
    parameters: [
      { name: 'id', in: 'path', required: true, schema },
      { name: 'q', in: 'query', description: 'in the query', schema },
      { name: 'TTL', in: 'header', description: 'in a header', schema },
    ],
    requestBody: { required: true, content: { '*/*': {} } },
  });
  const responses = post?.responses as Record<string, unknown>;
  t.deepEqual(responses['201'], { description: 'Taken.', headers: { Location: { description: 'there', schema } } });
  t.deepEqual(Object.keys(responses), ['201', '408', '413', '431', '503']);
});
