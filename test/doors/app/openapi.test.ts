import test, { type ExecutionContext } from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { AppDoor, appOptions } from '../../../src/doors/app/index.ts';
import type { HttpRoute } from '../../../src/protocols/http/index.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { head, raw } from '../../protocols/http/raw.ts';
import { type AppBenchOptions, type Json, KEY, message, receipt, startApp } from './bench.ts';

interface Operation {
  readonly security?: readonly Json[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Json } } };
  readonly responses: Readonly<Record<string, Described>>;
}
interface Described {
  readonly headers?: Json;
  readonly content: {
    readonly 'application/json': { readonly schema: { readonly properties: { readonly [name: string]: Json } } };
  };
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

async function documentOf(t: ExecutionContext, given: AppBenchOptions = {}): Promise<Json & { readonly paths: Paths }> {
  const { ask } = await startApp(t, given);
  const { status, json } = await ask('/openapi.json', {});
  t.is(status, 200);
  return json as Json & { paths: Paths };
}

test('it says what it is, where it is and how to get in', async (t) => {
  const here = await documentOf(t);
  t.like(here, { openapi: '3.1.0', info: { title: 'pushbridge', version: '1.2.3' }, servers: [{ url: '/' }] });
  t.like(here.components, {
    securitySchemes: {
      application_key: { type: 'http', scheme: 'bearer' },
      device_token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
    },
  });
  const public_url = 'https://push.example.com/bridge';
  t.like(await documentOf(t, { http: { public_url } }), { servers: [{ url: public_url }] });
});

test('every route of the door is described, and no other', async (t) => {
  const routes: string[] = ['GET /openapi.json'];
  const server = {
    route: ({ method, path }: Pick<HttpRoute<unknown>, 'method' | 'path'>) => routes.push(`${method} ${path}`),
  };
  const options = appOptions.parse({ applications: [{ id: 'app', key: KEY }] });
  const { core, clock } = await startApp(t);
  new AppDoor({ options, intake: core.router.intake('app'), clock }).register(server as never);
  const { paths } = await documentOf(t);
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.deepEqual(described.sort(), routes.sort());
});

test('bodies are described by what checks them', async (t) => {
  const { paths } = await documentOf(t, { door: { max_bytes: 777 } });
  const schemaOf = (path: string) => paths[path]?.post?.requestBody?.content['application/json'].schema;
  t.like(schemaOf('/v1/upstream'), {
    type: 'object',
    required: ['from', 'category', 'message_id', 'data'],
    additionalProperties: false,
    properties: {
      from: { type: 'string', minLength: 1, maxLength: 4_096 },
      message_id: { type: 'string', maxLength: 255 },
      data: { type: 'object', additionalProperties: { type: 'string' } },
      time_to_live: { type: 'integer', minimum: 0, maximum: 2_419_200 },
    },
  });
  t.regex(JSON.stringify(schemaOf('/v1/upstream')), /at most 777 bytes/);
  t.like(schemaOf('/v1/receipts'), {
    required: ['from', 'category', 'receipt'],
    properties: { status: { default: 'MESSAGE_SENT_TO_DEVICE' } },
  });
  for (const path of ['/v1/upstream', '/v1/receipts']) {
    t.deepEqual(paths[path]?.post?.security, [{ application_key: [] }, { device_token: [] }]);
  }
  t.is(paths['/openapi.json']?.get?.security, undefined);
});

interface Seen {
  readonly status: number;
  readonly json: unknown;
  readonly headers?: Headers;
}

/** A door behind which a message awaits its receipt, and a body that each route takes. */
async function start(t: ExecutionContext, path: string, given: AppBenchOptions = {}) {
  const provider = new FakeProvider('fake', 10, accept);
  const bench = await startApp(t, { ...given, providers: [provider] });
  await bench.core.router.submit('app', [bench.submission({ answer: 'none', receipt: true })]);
  const { wireId } = (await provider.attempt(1)).message;
  const good = path === '/v1/upstream' ? message : { ...receipt, receipt: `fake/${wireId}` };
  return { ...bench, hand: (fields: Json = {}, headers = {}) => bench.post(path, { ...good, ...fields }, headers) };
}

type Way = (t: ExecutionContext, path: string) => Promise<Seen>;

/** How to come by each answer, by its status and code. */
const ways: Readonly<Record<string, Way>> = {
  '200 stored': async (t, path) => (await start(t, path)).hand(),
  '200 duplicate': async (t, path) => {
    const { hand } = await start(t, path);
    await hand();
    return hand();
  },
  '400 bad_request': async (t, path) => (await start(t, path)).hand({ from: '' }),
  '401 unauthorized': async (t, path) => (await start(t, path)).hand({}, { authorization: 'Bearer no' }),
  '408 timeout': async (t, path) => {
    const { port } = await start(t, path, { http: { request_timeout: '50ms' } });
    return raw(port, `${head(`POST ${path}`, 'content-type: application/json', 'content-length: 9')}{`);
  },
  '413 too_large': async (t, path) => {
    const { port } = await start(t, path);
    return raw(port, head(`POST ${path}`, 'content-type: application/json', 'content-length: 100000'));
  },
  '415 unsupported_type': async (t, path) => (await start(t, path)).hand({}, { 'content-type': 'text/plain' }),
  '429 too_many': async (t, path) => {
    const { hand } = await start(t, path, { door: { rate: { per_minute: 1, burst: 1 } } });
    await hand();
    return hand();
  },
  '431 headers_too_large': async (t, path) => {
    const { port } = await start(t, path, { http: { header_limit: 1_024 } });
    return raw(port, head(`GET ${path}?${'x'.repeat(1_100)}`));
  },
  '500 internal': async (t, path) => {
    const { hand, gated } = await start(t, path);
    gated.refuse('receive', new StoreError('fault', 'a fault'));
    return hand();
  },
  '503 unavailable': async (t, path) => {
    const { hand, gated } = await start(t, path);
    gated.refuse('receive', new StoreError('failed', 'gone'));
    return hand();
  },
  '503 inbox_full': async (t, path) => {
    const { hand, upstream } = await start(t, path, { maxInbox: 1 });
    await upstream({ message_id: 'one more' });
    return hand();
  },
  '503 stopping': async (t, path) => {
    const { hand, server } = await start(t, path);
    await server.closeGate();
    return hand();
  },
  '503 timeout': async (t, path) => {
    const { hand, gated } = await start(t, path, { http: { answer_timeout: '20ms' } });
    t.teardown(gated.hold('receive'));
    return hand();
  },
  '503 busy': async (t, path) => {
    const { hand, gated } = await start(t, path, { http: { max_requests: 1, answer_timeout: '20ms' } });
    t.teardown(gated.hold('receive'));
    await hand();
    return hand();
  },
};

const routes: Readonly<Record<string, Readonly<Record<string, Way>>>> = {
  '/v1/upstream': ways,
  '/v1/receipts': {
    ...ways,
    '404 unknown_message': async (t, path) => (await start(t, path)).hand({ receipt: 'fake/none' }),
  },
};

for (const [path, known] of Object.entries(routes)) {
  test(`every answer of ${path} that is described can be had, with its body and its headers`, async (t) => {
    const described = (await documentOf(t)).paths[path]?.post?.responses ?? {};
    const promised = Object.entries(described).flatMap(([status, about]) =>
      codesOf(about).map((c) => `${status} ${c}`),
    );
    t.deepEqual(Object.keys(known).sort(), promised.sort());
    for (const [name, way] of Object.entries(known)) {
      const seen = await way(t, path);
      t.is(`${seen.status} ${codeIn(seen.json)}`, name);
      const headers = Object.keys(described[seen.status]?.headers ?? {});
      for (const header of headers) t.truthy(seen.headers?.get(header), `${name}: ${header}`);
    }
  });
}

test('the description itself has its answers too', async (t) => {
  const described = (await documentOf(t)).paths['/openapi.json']?.get?.responses ?? {};
  t.deepEqual(Object.keys(described), ['200', '431', '503']);
  t.is((await ways['431 headers_too_large']?.(t, '/openapi.json'))?.status, 431);
  const { ask, server } = await startApp(t);
  await server.closeGate();
  const { status, json, headers } = await ask('/openapi.json', {});
  t.deepEqual([status, json.error, headers.get('retry-after')], [503, 'stopping', '1']);
});

/** What tells answers of one status apart. */
function codesOf({ content }: Described): readonly string[] {
  const { error, status } = content['application/json'].schema.properties;
  return (error ?? status)?.enum as readonly string[];
}

function codeIn(json: unknown): unknown {
  const { error, status } = json as Json;
  return error ?? status;
}
