import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request as handlers see it. */
export interface HttpRequest<Body> {
  readonly method: string;
  readonly url: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** What came in several lines is one text or left out, as Node sees fit: see {@link HttpRequest.lines}. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The values of the header `name` (in small letters), one for each line that it came in. */
  lines(name: string): readonly string[];
  readonly remoteAddress: string;
  /** Fires when it is of no use to wait any longer: whoever asked has left, or the server takes leave. */
  readonly gone: AbortSignal;
  readonly body: Body;
}

/** As much of the framework's request as is needed. */
interface Received {
  readonly method: string;
  readonly url: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly headers: HttpRequest<unknown>['headers'];
  readonly ip: string;
  readonly raw: IncomingMessage;
}

/** @param closing fires when the server takes leave */
export function requestOf<Body>(
  request: Received,
  answer: ServerResponse,
  body: Body,
  closing: AbortSignal,
): HttpRequest<Body> {
  return {
    method: request.method,
    url: request.url,
    params: request.params as Readonly<Record<string, string>>,
    query: request.query as HttpRequest<Body>['query'],
    headers: request.headers,
    lines: (name) => request.raw.headersDistinct[name] ?? [],
    remoteAddress: request.ip,
    get gone() {
      const left = new AbortController();
      if (answer.closed) left.abort();
      answer.once('close', () => left.abort());
      return AbortSignal.any([closing, left.signal]);
    },
    body,
  };
}
