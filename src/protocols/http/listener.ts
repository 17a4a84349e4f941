import { readListenerCertificate } from '../../lib/certificates.ts';
import { inSection } from '../../lib/option-problem.ts';
import { z } from '../../lib/schema.ts';
import { type DescribedRoute, openApi } from './openapi.ts';
import type { HttpOptions } from './options.ts';
import {
  createHttpServer,
  type HttpRoute,
  type HttpServer,
  type HttpServerOptions,
  type RawHttpRoute,
} from './server.ts';

export interface HttpListenerHooks extends Pick<HttpServerOptions, 'onFault' | 'onAnswer' | 'clock'> {
  /** Of the bridge, for the description. */
  readonly version: string;
}

/**
 * The server of the public listener; doors add their routes to it before it starts. `GET /openapi.json` describes those
 * that say something about themselves.
 * @throws OptionProblem if a file of `tls` can't be used
 */
export function createHttpListener(options: HttpOptions, { version, ...hooks }: HttpListenerHooks): HttpServer {
  const { host, port, tls, request_timeout, answer_timeout, public_url } = options;
  const server = createHttpServer({
    ...hooks,
    host,
    port,
    ...(tls && { tls: inSection('http.tls', () => readListenerCertificate(tls)) }),
    bodyLimit: options.body_limit,
    maxHeaderBytes: options.header_limit,
    requestTimeoutMs: request_timeout,
    answerTimeoutMs: answer_timeout,
    keepAliveMs: options.idle_timeout,
    // Longer than the longest wait of an honest request: whoever is silent for so long reads no answers.
    silenceMs: request_timeout + answer_timeout + options.idle_timeout,
    maxConnections: options.max_connections,
    maxHandlers: options.max_requests,
  });
  const described: DescribedRoute[] = [];
  const route = <Body>(added: HttpRoute<Body>): void => {
    described.push(added);
    server.route(added);
  };
  const rawRoute = (added: RawHttpRoute): void => {
    described.push({ ...added, raw: true });
    server.rawRoute(added);
  };
  route({
    method: 'GET',
    path: '/openapi.json',
    about: {
      summary: 'This description.',
      answers: { 200: { description: 'An OpenAPI document.', body: z.looseObject({ openapi: z.string() }) } },
    },
    handle: () => ({ json: openApi({ version, url: public_url ?? '/' }, described) }),
  });
  return { ...server, route, rawRoute };
}
