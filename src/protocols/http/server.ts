import type { FastifyInstance, FastifyReply } from 'fastify';
import { fastify } from 'fastify';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { DeadlineError, deadline } from '../../lib/deadline.ts';
import type { z } from '../../lib/schema.ts';
import { Gate } from './gate.ts';
import { HttpError } from './http-error.ts';
import type { RouteAbout } from './openapi.ts';
import { type HttpRequest, requestOf } from './request.ts';
import { retryAfter } from './retry-after.ts';
import { refuseSocket, type SocketRules, socketServer } from './sockets.ts';

/** Where a server listens and what it takes. */
export interface HttpServerOptions extends Omit<SocketRules, 'requestTimeoutMs'> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The largest request body, in bytes; a route may ask for less. */
  readonly bodyLimit: number;
  /** A request must be complete after so many milliseconds (default: 10 s); 0 is for ever. */
  readonly requestTimeoutMs?: number;
  /** A request that has no answer after so many milliseconds gets 503; what its handler began goes on. */
  readonly answerTimeoutMs?: number;
  /** Measures that time (default: the system's). */
  readonly clock?: Clock;
  /** Handlers at work at once; a request beyond gets 503. */
  readonly maxHandlers?: number;
  /** Asked before each request is read; throw an {@link HttpError} to refuse it. */
  readonly guard?: (request: HttpRequest<undefined>) => void | Promise<void>;
  /** Told what a handler threw that is no {@link HttpError}; the client only learns that it happened. */
  readonly onFault?: (error: unknown) => void;
  /**
   * Told of every answer, whether or not the client is still there to read it. `route` is the path as it was registered, or
   * {@link NO_ROUTE}.
   */
  readonly onAnswer?: (route: string, status: number) => void;
}

/** What `onAnswer` is told of requests that led to no route. */
export const NO_ROUTE = 'other';

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
  /** Who may `GET` may also `HEAD`. */
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** Parameters as in `/messages/:id`. */
  readonly path: string;
  /** The largest body in bytes, if the server's own limit is not smaller. */
  readonly bodyLimit?: number;
  /** Headers of every answer, whether it comes from the handler or is a refusal before it. */
  readonly always?: Readonly<Record<string, string>>;
  /** What a description of the listener says of it. */
  readonly about?: RouteAbout;
  /** What the JSON body must look like; without it, bodies are ignored. A missing body counts as `{}`. */
  readonly body?: z.ZodType<Body>;
  handle(request: HttpRequest<Body>): HttpReply | Promise<HttpReply>;
}

/**
 * A route that takes any bytes, whatever `Content-Type` and `Content-Encoding` say, and leaves them as they are. Of these
 * headers `lines` tells the truth. A missing body is empty. A limit of its own counts even if the server's is smaller: it
 * is one that a protocol promises.
 */
export type RawHttpRoute = Omit<HttpRoute<Uint8Array>, 'body'>;

export interface HttpServer {
  route<Body = undefined>(route: HttpRoute<Body>): void;
  rawRoute(route: RawHttpRoute): void;
  /** @returns the port it listens on */
  start(): Promise<number>;
  /** New requests get 503 from now on. Resolves when the handlers that are at work are done. */
  closeGate(): Promise<void>;
  /** Closes the listener and every connection. Safe to call twice. */
  stop(): Promise<void>;
}

/** A request must be complete after so long, if nothing else is said. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Longest parameter in a path, in characters: request lines are bounded anyway. */
const PARAMETER_MAX = 1_024;

/** A small HTTP server, for JSON unless a route says otherwise. The one importer of fastify. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { guard, onAnswer } = options;
  const closing = new AbortController();
  const rules = { ...options, requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS };
  const app = fastify({
    bodyLimit: options.bodyLimit,
    routerOptions: { maxParamLength: PARAMETER_MAX },
    serverFactory: (handler) => socketServer(rules, handler),
    clientErrorHandler(error, socket) {
      const status = refuseSocket(error, socket);
      if (status !== undefined) onAnswer?.(NO_ROUTE, status);
    },
    // What can't even be led to a route, such as a path with `%ff`.
    frameworkErrors: (error, _, reply) => refuse(reply, refusalOf(error)),
    forceCloseConnections: true,
    logger: false,
  });
  app.removeContentTypeParser('text/plain'); // bodies are JSON
  const gate = new Gate(options.maxHandlers ?? Number.POSITIVE_INFINITY);
  const surroundings = { ...options, gate, closing: closing.signal };
  if (onAnswer) {
    app.addHook('onResponse', async ({ routeOptions }, { statusCode }) => {
      onAnswer(routeOptions.url ?? NO_ROUTE, statusCode);
    });
  }
  if (guard)
    app.addHook('onRequest', async (request, reply) => guard(requestOf(request, reply.raw, undefined, closing.signal)));
  app.setNotFoundHandler((_, reply) => refuse(reply, new HttpError(404, 'not_found', 'there is no such resource')));
  app.setErrorHandler((error, _, reply) => {
    const refusal = refusalOf(error);
    // The rest of a body that is too large is read and thrown away: a connection that is closed on it is reset, and its
    // client may never see why. `requestTimeoutMs` ends it.
    if (refusal.status === 413) reply.removeHeader('connection');
    if (refusal.status >= 500 && !(error instanceof HttpError)) options.onFault?.(error);
    return refuse(reply, refusal);
  });
  return {
    route: (route) => addRoute(app, route, surroundings, (body) => bodyOf(route, body)),
    rawRoute: (route) => addRawRoute(app, route, surroundings),
    async start() {
      await app.listen({ host: options.host, port: options.port });
      const address = app.server.address();
      return typeof address === 'object' && address ? address.port : 0;
    },
    closeGate() {
      closing.abort();
      return gate.close();
    },
    stop() {
      closing.abort();
      return app.close();
    },
  };
}

interface RouteSurroundings extends Pick<HttpServerOptions, 'bodyLimit' | 'clock' | 'answerTimeoutMs'> {
  readonly gate: Gate;
  readonly closing: AbortSignal;
}

/** What the framework would do about bodies depends on their type: these have none for it, and a scope of their own. */
function addRawRoute(app: FastifyInstance, route: RawHttpRoute, surroundings: RouteSurroundings): void {
  app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    scope.addHook('onRequest', async ({ raw }) => {
      delete raw.headers['content-type'];
    });
    const bodyLimit = route.bodyLimit ?? surroundings.bodyLimit;
    addRoute(scope, route, { ...surroundings, bodyLimit }, (body) =>
      body instanceof Uint8Array ? body : new Uint8Array(),
    );
    done();
  });
}

function addRoute<Body>(
  app: FastifyInstance,
  route: Omit<HttpRoute<Body>, 'body'>,
  { bodyLimit, clock = systemClock, answerTimeoutMs, gate, closing }: RouteSurroundings,
  bodyFrom: (body: unknown) => Body,
): void {
  const { always } = route;
  app.route({
    method: route.method,
    url: route.path,
    bodyLimit: Math.min(route.bodyLimit ?? bodyLimit, bodyLimit),
    ...(always && { onRequest: async (_, reply) => void reply.headers(always) }),
    handler: async (request, reply) => {
      const work = gate.pass(() => route.handle(requestOf(request, reply.raw, bodyFrom(request.body), closing)));
      // The framework's own deadline is called off as soon as a body has been read.
      const answer = await (answerTimeoutMs === undefined
        ? work
        : deadline(clock, work, answerTimeoutMs, 'the answer'));
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

function refusalOf(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (error instanceof DeadlineError) {
    return new HttpError(503, 'timeout', 'no answer in time; try again', retryAfter(1_000));
  }
  if (status === 413) return new HttpError(413, 'too_large', 'the body is too large');
  if (status === 415) return new HttpError(415, 'unsupported_type', 'the body must be application/json');
  if (status >= 400 && status < 500) return new HttpError(status, 'bad_request', String((error as Error).message));
  return new HttpError(500, 'internal', 'something went wrong here');
}

function refuse(reply: FastifyReply, { status, code, message, headers }: HttpError): FastifyReply {
  return reply.code(status).headers(headers).send({ error: code, message });
}
