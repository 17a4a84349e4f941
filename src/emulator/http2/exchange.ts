import type { ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { Reply } from './service.ts';

/** The way back of one request. After the client has gone, nothing happens any more. */
export interface Exchange {
  /** @param inTwo the body in two pieces, the second when the first is out */
  reply(reply: Reply, inTwo: boolean): void;
  /** The headers and half of the body, then nothing. */
  half(reply: Reply): void;
  /** Ends the stream alone. @param code of RFC 9113 §7 */
  reset(code: number): void;
  /** Numbered as HTTP/2 numbers its streams; 0 where there are none. */
  readonly stream: number;
}

const middle = (body: string): number => Math.ceil(body.length / 2);

/** A stream of HTTP/2. */
export class StreamExchange implements Exchange {
  readonly #stream: ServerHttp2Stream;
  readonly stream: number;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    this.stream = stream.id ?? 0;
  }

  reply({ status, headers, body }: Reply, inTwo: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ':status': status, ...headers });
    if (!inTwo) {
      stream.end(body);
      return;
    }
    stream.write(body.slice(0, middle(body)), () => {
      if (!stream.destroyed) stream.end(body.slice(middle(body)));
    });
  }

  half({ status, headers, body }: Reply): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ':status': status, ...headers, 'content-length': Buffer.byteLength(body) });
    stream.write(body.slice(0, middle(body)));
  }

  reset(code: number): void {
    if (!this.#stream.closed) this.#stream.close(code);
  }
}

/** A request of HTTP/1.1. What HTTP/1.1 has no word for ends the connection. */
export class PlainExchange implements Exchange {
  readonly #response: ServerResponse;
  readonly stream = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  reply({ status, headers, body }: Reply): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, headers).end(body);
  }

  half({ status, headers, body }: Reply): void {
    if (this.#response.destroyed) return;
    this.#response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    this.#response.write(body.slice(0, middle(body)));
  }

  reset(): void {
    this.#response.destroy();
  }
}
