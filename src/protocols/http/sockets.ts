import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** The sockets below a server, and what they are allowed. */
export interface SocketRules {
  /** Certificate chain and private key, PEM; without them the server speaks plain HTTP. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Connections at once, handshakes included; those beyond are closed without a word. */
  readonly maxConnections?: number;
  /** Request line and headers together, in bytes. */
  readonly maxHeaderBytes?: number;
  /** A request must be complete after so many milliseconds, and a TLS handshake too; 0 is for ever. */
  readonly requestTimeoutMs: number;
  /** A connection is closed after so many milliseconds without a request. */
  readonly keepAliveMs?: number;
  /** A connection is closed after so many milliseconds without any byte in or out; 0 is never. */
  readonly silenceMs?: number;
}

/** How often deadlines of requests are looked at, at most and as a share of the deadline. */
const CHECK_MAX_MS = 1_000;
const CHECKS_PER_DEADLINE = 4;
const KEEP_ALIVE_MS = 72_000;

/** A server that does not listen yet. Of HTTP it knows nothing: `listener` answers. */
export function socketServer(rules: SocketRules, listener: RequestListener): Server {
  const { tls, maxConnections, maxHeaderBytes, requestTimeoutMs, keepAliveMs, silenceMs } = rules;
  const options = {
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(
      CHECK_MAX_MS,
      Math.ceil(requestTimeoutMs / CHECKS_PER_DEADLINE) || CHECK_MAX_MS,
    ),
    keepAliveTimeout: keepAliveMs ?? KEEP_ALIVE_MS,
    ...(maxHeaderBytes !== undefined && { maxHeaderSize: maxHeaderBytes }),
  };
  const handshake = requestTimeoutMs === 0 ? {} : { handshakeTimeout: requestTimeoutMs };
  const server = tls
    ? createTlsServer({ ...options, ...handshake, ...tls }, listener)
    : createServer(options, listener);
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.setTimeout(silenceMs ?? 0);
  return server;
}

/** What can go wrong before there is a request, by the code of Node's error; whatever else it is, it is no HTTP. */
const REFUSALS: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'timeout', 'the request was not complete in time'],
  HPE_HEADER_OVERFLOW: [431, 'headers_too_large', 'the request line and the headers are too large'],
};
const NO_HTTP = [400, 'bad_request', 'this is no HTTP request'] as const;

/**
 * Answers on a connection that brought no proper request, and closes it.
 * @returns the status, or undefined if nobody is there to be answered
 */
export function refuseSocket(error: Error & { readonly code?: string }, socket: Socket): number | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const [status, code, message] = REFUSALS[error.code ?? ''] ?? NO_HTTP;
  const body = JSON.stringify({ error: code, message });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroySoon();
  return status;
}
