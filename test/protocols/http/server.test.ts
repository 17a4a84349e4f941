import test from 'ava';
import { z } from '../../../src/lib/schema.ts';
import { createHttpServer, HttpError } from '../../../src/protocols/http/index.ts';

async function start(faults: unknown[] = []) {
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    bodyLimit: 100,
    onFault: (error) => faults.push(error),
    guard(request) {
      if (request.headers.authorization === 'bad') throw new HttpError(401, 'unauthorized', 'go away');
    },
  });
  server.route({ method: 'GET', path: '/a/:id', handle: ({ params, query }) => ({ json: { ...params, ...query } }) });
  server.route({ method: 'GET', path: '/text', handle: () => ({ text: 'x 1\n', headers: { 'x-a': 'b' } }) });
  server.route({ method: 'DELETE', path: '/a', handle: () => ({}) });
  server.route({
    method: 'POST',
    path: '/a',
    body: z.strictObject({ n: z.int().default(7) }),
    handle: ({ body }) => ({ status: 201, json: { n: body.n } }),
  });
  server.route({
    method: 'GET',
    path: '/fault',
    handle() {
      throw new Error('a secret of ours');
    },
  });
  const base = `http://127.0.0.1:${await server.start()}`;
  const call = async (path: string, init?: RequestInit): Promise<[number, unknown]> => {
    const response = await fetch(base + path, init);
    const text = await response.text();
    return [response.status, text.startsWith('{') ? JSON.parse(text) : text];
  };
  const post = (body: string, type = 'application/json'): Promise<[number, unknown]> =>
    call('/a', { method: 'POST', body, headers: { 'content-type': type } });
  return { server, call, post };
}

test('routes, parameters, bodies and refusals', async (t) => {
  const faults: unknown[] = [];
  const { server, call, post } = await start(faults);
  t.teardown(() => server.stop());
  t.deepEqual(await call('/a/x%2Fy?q=1'), [200, { id: 'x/y', q: '1' }]);
  t.deepEqual(await call('/text'), [200, 'x 1\n']);
  t.deepEqual(await call('/a', { method: 'DELETE' }), [204, '']);
  t.deepEqual(await call('/a', { method: 'POST' }), [201, { n: 7 }]);
  t.deepEqual(await post('{"n":1}'), [201, { n: 1 }]);
  const [status, problem] = await post('{"n":"1"}');
  t.is(status, 400);
  t.like(problem, { error: 'bad_request' });
  t.regex((problem as { message: string }).message, /^n: /);
  t.like(await post('{'), { 0: 400 });
  t.deepEqual(await post('x', 'text/css'), [
    415,
    { error: 'unsupported_type', message: 'the body must be application/json' },
  ]);
  t.deepEqual(await post(`{"n":1${' '.repeat(93)}}`), [201, { n: 1 }]);
  t.deepEqual(await post(`{"n":1${' '.repeat(94)}}`), [413, { error: 'too_large', message: 'the body is too large' }]);
  t.deepEqual(await call('/b'), [404, { error: 'not_found', message: 'there is no such resource' }]);
  t.deepEqual(await call('/fault'), [500, { error: 'internal', message: 'something went wrong here' }]);
  t.is(faults.length, 1);
  t.deepEqual(await call('/text', { headers: { authorization: 'bad' } }), [
    401,
    { error: 'unauthorized', message: 'go away' },
  ]);
});
