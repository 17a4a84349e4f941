import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { reason } from '../../lib/log.ts';
import type { HttpOptions } from './options.ts';
import { createHttpServer, type HttpServer, type HttpServerOptions } from './server.ts';

export type HttpListenerHooks = Pick<HttpServerOptions, 'onFault' | 'onAnswer'>;

/**
 * The server of the public listener; doors add their routes to it before it starts.
 * @throws Error that names the file of `tls` which can't be used
 */
export function createHttpListener(options: HttpOptions, hooks: HttpListenerHooks): HttpServer {
  const { host, port, tls, request_timeout, answer_timeout } = options;
  return createHttpServer({
    ...hooks,
    host,
    port,
    ...(tls && { tls: certificateOf(tls) }),
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
}

function certificateOf({ cert, key }: NonNullable<HttpOptions['tls']>) {
  try {
    const read = { cert: readFileSync(cert), key: readFileSync(key) };
    createSecureContext(read);
    return read;
  } catch (cause) {
    throw new Error(`http.tls: ${reason(cause)}`, { cause });
  }
}
