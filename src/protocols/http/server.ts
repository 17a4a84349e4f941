import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import type { z } from '../../lib/schema.ts';

/** Where a server listens and what it takes. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The largest request body, in bytes. */
  readonly bodyLimit: number;
  /** A request must be complete after so many milliseconds; 0 is for ever. */
  readonly requestTimeoutMs?: number;
  /** Asked before each request is read; throw an {@link HttpError} to refuse it. */
  readonly guard?: (request: HttpRequest<undefined>) => void | Promise<void>;
  /** Told what a handler threw that is no {@link HttpError}; the client only learns that it happened. */
  readonly onFault?: (error: unknown) => void;
}

export interface HttpRequest<Body> {
  readonly method: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly remoteAddress: string;
  readonly body: Body;
}

/** `json` or `text`; with neither the answer has no body. */
export interface HttpReply {
  /** 200 if there is a body, otherwise 204. */
  readonly status?: number;
  readonly json?: unknown;
  readonly text?: string;
  /** Content type of `text`. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpRoute<Body> {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Parameters as in `/messages/:id`. */
  readonly path: string;
  /** What the JSON body must look like; without it, bodies are ignored. A missing body counts as `{}`. */
  readonly body?: z.ZodType<Body>;
  handle(request: HttpRequest<Body>): HttpReply | Promise<HttpReply>;
}

/** An answer that is a refusal: `{ "error": code, "message": … }`. */
export class HttpError extends Error {
  readonly status: number;
  /** Short and fixed, to be compared with. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
  }
}

export interface HttpServer {
  route<Body = undefined>(route: HttpRoute<Body>): void;
  /** @returns the port it listens on */
  start(): Promise<number>;
  stop(): Promise<void>;
}

/** A small HTTP server for JSON. The one importer of fastify. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const app = fastify({
    bodyLimit: options.bodyLimit,
    requestTimeout: options.requestTimeoutMs ?? 10_000,
    forceCloseConnections: true,
    logger: false,
  });
  const { guard } = options;
  if (guard) app.addHook('onRequest', async (request) => guard(requestOf(request, undefined)));
  app.setNotFoundHandler((_, reply) => refuse(reply, new HttpError(404, 'not_found', 'there is no such resource')));
  app.setErrorHandler((error, _, reply) => {
    const refusal = refusalOf(error);
    if (refusal.status >= 500 && !(error instanceof HttpError)) options.onFault?.(error);
    return refuse(reply, refusal);
  });
  return {
    route: (route) => addRoute(app, route),
    async start() {
      await app.listen({ host: options.host, port: options.port });
      const address = app.server.address();
      return typeof address === 'object' && address ? address.port : 0;
    },
    stop: () => app.close(),
  };
}

function addRoute<Body>(app: FastifyInstance, route: HttpRoute<Body>): void {
  app.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const answer = await route.handle(requestOf(request, bodyOf(route, request.body)));
      reply.headers(answer.headers ?? {});
      if (answer.text !== undefined) {
        return reply
          .code(answer.status ?? 200)
          .type(answer.type ?? 'text/plain; charset=utf-8')
          .send(answer.text);
      }
      if (answer.json === undefined) return reply.code(answer.status ?? 204).send();
      return reply.code(answer.status ?? 200).send(answer.json);
    },
  });
}

/** Without a schema the handler's body is `undefined`, which is then its type's default. */
function bodyOf<Body>(route: HttpRoute<Body>, body: unknown): Body {
  if (!route.body) return undefined as Body;
  const parsed = route.body.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new HttpError(400, 'bad_request', `${where && `${where}: `}${issue?.message ?? 'not understood'}`);
}

function requestOf<Body>(request: FastifyRequest, body: Body): HttpRequest<Body> {
  return {
    method: request.method,
    url: request.url,
    params: request.params as Readonly<Record<string, string>>,
    query: request.query as HttpRequest<Body>['query'],
    headers: request.headers,
    remoteAddress: request.ip,
    body,
  };
}

function refusalOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 413) return new HttpError(413, 'too_large', 'the body is too large');
  if (status === 415) return new HttpError(415, 'unsupported_type', 'the body must be application/json');
  if (status >= 400 && status < 500) return new HttpError(status, 'bad_request', String((error as Error).message));
  return new HttpError(500, 'internal', 'something went wrong here');
}

function refuse(reply: FastifyReply, { status, code, message }: HttpError): FastifyReply {
  return reply.code(status).send({ error: code, message });
}
