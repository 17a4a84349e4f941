import test, { type ExecutionContext } from 'ava';
import { type Json, NO_TOKEN, startPush } from './bench.ts';
import { type Form, pushWays, type Way } from './push-ways.ts';
import { cancelWays, discoveryWays, everywhere, MATRIX, matrixWays, receiptWays } from './resource-ways.ts';

interface Described {
  readonly headers?: Json;
  readonly content?: { readonly 'application/json': { readonly schema: Schema } };
}
interface Schema {
  readonly properties?: { readonly [name: string]: { readonly enum?: readonly string[] } };
  readonly anyOf?: readonly Schema[];
}

async function described(t: ExecutionContext, path: string, method: string) {
  const { json } = await (await startPush(t, { door: { matrix: {} } })).ask('/openapi.json');
  const { paths } = json as { paths: Record<string, Record<string, { responses: Record<string, Described> }>> };
  return paths[path]?.[method.toLowerCase()]?.responses ?? {};
}

/** What tells answers of one status apart. */
function codesIn({ properties = {}, anyOf }: Schema): readonly string[] {
  if (anyOf) return anyOf.flatMap(codesIn);
  return (properties.errcode ?? properties.error)?.enum ?? [''];
}

function nameOf(status: number | string, code: unknown): string {
  return `${status} ${typeof code === 'string' ? code : ''}`.trim();
}

const routes: readonly (readonly [
  method: string,
  path: string,
  target: string,
  form: Form,
  ways: Readonly<Record<string, Way>>,
])[] = [
  ['POST', '/push/{token}', '/push/x', 'path', pushWays],
  ['POST', '/UP', '/UP', 'up', pushWays],
  ['POST', '/message', '/message', 'message', pushWays],
  ['GET', '/push/{token}', '/push/x', 'path', discoveryWays],
  ['GET', '/UP', '/UP', 'up', discoveryWays],
  ['GET', '/message', '/message', 'message', discoveryWays],
  ['DELETE', '/message/{id}', '/message/x', 'path', cancelWays],
  ['GET', '/receipt/{id}', '/receipt/x', 'path', receiptWays],
  ['POST', MATRIX, MATRIX, 'path', matrixWays],
];

for (const [method, path, target, form, ways] of routes) {
  test(`every answer of ${method} ${path} is described, and can be had with its body and its headers`, async (t) => {
    const responses = await described(t, path, method);
    const promised = Object.entries(responses).flatMap(([status, { content }]) =>
      (content ? codesIn(content['application/json'].schema) : ['']).map((code) => nameOf(status, code)),
    );
    const known: Readonly<Record<string, Way>> = { ...everywhere(method, target), ...ways };
    const had = new Set<string>();
    for (const [name, way] of Object.entries(known)) {
      const { status, json, headers } = await way(t, form);
      const { errcode, error } = (json ?? {}) as Json;
      const seen = nameOf(status, errcode ?? error);
      t.is(seen, name.replace(/(?<=^20\d) .*|:.*/, ''), name);
      had.add(seen);
      for (const header of Object.keys(responses[status]?.headers ?? {})) {
        if (headers) t.truthy(headers.get(header), `${name}: ${header}`);
      }
    }
    const often = promised.filter((name) => !(name === '503 busy' || name === '503 timeout') || ways[name]);
    t.deepEqual([...had].sort(), [...new Set(often)].sort());
  });
}

test('other methods: 405, with those that there are', async (t) => {
  const { ask, endpoint } = await startPush(t);
  const { path, up, message } = await endpoint();
  for (const [target, allow, methods] of [
    [path, 'GET, POST', ['PUT', 'PATCH', 'DELETE']],
    [up, 'GET, POST', ['PUT', 'PATCH', 'DELETE']],
    [message, 'GET, POST', ['PUT', 'PATCH', 'DELETE']],
    [`/message/${NO_TOKEN}`, 'DELETE', ['GET', 'PUT', 'PATCH', 'POST']],
    [`/receipt/${NO_TOKEN}`, 'GET', ['PUT', 'PATCH', 'POST', 'DELETE']],
  ] as const) {
    for (const method of methods) {
      const got = await ask(target, { method, ...(method !== 'GET' && { body: 'x' }) });
      t.like(got, { status: 405, json: { error: 'method_not_allowed' } }, `${method} ${target}`);
      t.is(got.headers.get('allow'), allow);
    }
  }
});
