import { jsonSchema, z } from '../../lib/schema.ts';

/** What a route says of itself, beside what its path and its body say. */
export interface RouteAbout {
  /** One line. */
  readonly summary: string;
  readonly description?: string;
  /** What may stand in the query and in the headers of a request, by name. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Security schemes by name, any of which lets a request in; absent: everybody gets in. */
  readonly security?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By status; what every route of the listener may answer is added. */
  readonly answers: Readonly<Record<number, AnswerAbout>>;
}

export interface AnswerAbout {
  readonly description: string;
  /** Absent: there is none. */
  readonly body?: z.ZodType;
  /** What headers say, by name. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** As much of a route as a description needs. */
export interface DescribedRoute {
  readonly method: string;
  readonly path: string;
  readonly body?: z.ZodType;
  /** The body is any bytes. */
  readonly raw?: true;
  readonly about?: RouteAbout;
}

type Json = Readonly<Record<string, unknown>>;

/** The body of a refusal; `error` is one of `codes`. */
export function problem<const Codes extends readonly [string, ...string[]]>(...codes: Codes) {
  return z.strictObject({
    error: z.enum(codes).describe('short and fixed, to be compared with'),
    message: z.string().describe('what is wrong, for people'),
  });
}

const RETRY_AFTER = { 'Retry-After': 'seconds after which it is worth another try' };

/** What the listener itself may answer to any request. */
const EVERYWHERE: Readonly<Record<number, AnswerAbout>> = {
  431: { description: 'Request line and headers are too large.', body: problem('headers_too_large') },
  503: {
    description: 'Not now: the bridge stops, or has too much to do.',
    body: problem('stopping', 'busy', 'timeout'),
    headers: RETRY_AFTER,
  },
};

/** What it may answer to a body. */
const TO_RAW_BODIES: Readonly<Record<number, AnswerAbout>> = {
  408: { description: 'The request was not complete in time.', body: problem('timeout') },
  413: { description: 'The body is too large.', body: problem('too_large') },
};
const TO_BODIES: Readonly<Record<number, AnswerAbout>> = {
  ...TO_RAW_BODIES,
  400: { description: 'The body is not what it should be; the message names the field.', body: problem('bad_request') },
  415: { description: 'The body is not application/json.', body: problem('unsupported_type') },
};

/** An OpenAPI description of the routes that say something about themselves. [OpenAPI 3.1.0] */
export function openApi(
  of: { readonly version: string; readonly url: string },
  routes: readonly DescribedRoute[],
): Json {
  const paths: Record<string, Record<string, Json>> = {};
  const securitySchemes: Record<string, Json> = {};
  for (const { about, ...route } of routes) {
    if (!about) continue;
    Object.assign(securitySchemes, about.security);
    const path = route.path.replace(PARAMETER, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, about) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'pushbridge', version: of.version },
    servers: [{ url: of.url }],
    paths,
    components: { securitySchemes },
  };
}

const TEXT = { type: 'string' };
/** A parameter in a path, such as `:id`. */
const PARAMETER = /:(\w+)/g;

function operation({ path, body, raw }: DescribedRoute, about: RouteAbout): Json {
  const { summary, description, query = {}, headers = {}, security, answers } = about;
  const all = { ...EVERYWHERE, ...(body && TO_BODIES), ...(raw && TO_RAW_BODIES), ...answers };
  const parameters = [
    ...[...path.matchAll(PARAMETER)].map(([, name]) => ({ name, in: 'path', required: true, schema: TEXT })),
    ...Object.entries(query).map(([name, says]) => ({ name, in: 'query', description: says, schema: TEXT })),
    ...Object.entries(headers).map(([name, says]) => ({ name, in: 'header', description: says, schema: TEXT })),
  ];
  const taken = raw ? { '*/*': {} } : body && content(body);
  return {
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(description !== undefined && { description }),
    ...(security && { security: Object.keys(security).map((name) => ({ [name]: [] })) }),
    ...(taken && { requestBody: { required: true, content: taken } }),
    responses: Object.fromEntries(Object.entries(all).map(([status, about]) => [status, response(about)])),
  };
}

function response({ description, body, headers }: AnswerAbout): Json {
  const described = Object.entries(headers ?? {}).map(([name, says]) => [name, { description: says, schema: TEXT }]);
  return {
    description,
    ...(headers && { headers: Object.fromEntries(described) }),
    ...(body && { content: content(body) }),
  };
}

const content = (body: z.ZodType): Json => ({ 'application/json': { schema: jsonSchema(body) } });
