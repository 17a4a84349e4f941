import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** A request: always a POST with a body. */
export interface H2Request {
  readonly path: string;
  /** Names in lower case, without the pseudo headers and `content-length`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface H2Response {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** How an exchange ends. Only `refused` promises that the server has not looked at the request. */
export type H2Result =
  | { readonly kind: 'response'; readonly response: H2Response }
  /** Not processed: the server said so, or nothing was sent. [RFC 9113 §8.7] */
  | { readonly kind: 'refused'; readonly because: string }
  /** Cut off, without an answer or in the middle of it. */
  | { readonly kind: 'broken'; readonly because: string }
  /** No complete answer within the deadline. */
  | { readonly kind: 'late'; readonly because: string };

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  /** The last stream that the server will have looked at, once it has said so. [RFC 9113 §6.8] */
  readonly lastStreamId: number | undefined;
  /** Why the connection ended, if it did. */
  readonly because: string | undefined;
}

/** One request and its answer. */
export class Exchange {
  /** On the monotonic clock. */
  readonly startedAt: number;
  readonly #host: ExchangeHost;
  readonly #maxBytes: number;
  readonly #done: (exchange: Exchange, result: H2Result) => void;
  #stream: ClientHttp2Stream | undefined;
  #headers: IncomingHttpHeaders | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #complete = false;
  #over = false;

  constructor(
    host: ExchangeHost,
    startedAt: number,
    maxBytes: number,
    done: (exchange: Exchange, result: H2Result) => void,
  ) {
    this.#host = host;
    this.startedAt = startedAt;
    this.#maxBytes = maxBytes;
    this.#done = done;
  }

  /** @throws if the session takes no more requests: nothing was sent then */
  begin(session: ClientHttp2Session, { path, headers, body }: H2Request): void {
    const length = String(Buffer.byteLength(body));
    const stream = session.request({ ...headers, ':method': 'POST', ':path': path, 'content-length': length });
    this.#stream = stream;
    stream.on('response', (received) => {
      this.#headers = received;
    });
    stream.on('data', (chunk: Buffer) => this.#data(chunk));
    stream.on('end', () => {
      this.#complete = this.#headers !== undefined;
    });
    stream.on('error', () => {}); // told by `close`, with the code
    stream.on('close', () => this.#end(() => this.#result()));
    stream.end(body);
  }

  /** Gives up: nobody waits any more, and the server is told so. */
  expire(ms: number): void {
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#end(() => ({ kind: 'late', because: `no complete answer within ${ms} ms` }));
  }

  #data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#maxBytes) {
      this.#chunks.push(chunk);
      return;
    }
    this.#stream?.close(NGHTTP2_CANCEL);
    this.#end(() => ({ kind: 'broken', because: `the answer is larger than ${this.#maxBytes} bytes` }));
  }

  /** The first end counts; `close` of the stream follows all others. */
  #end(result: () => H2Result): void {
    if (this.#over) return;
    this.#over = true;
    this.#done(this, result());
    this.#chunks = [];
  }

  #result(): H2Result {
    const code = this.#stream?.rstCode ?? NGHTTP2_NO_ERROR;
    // A stream that was reset in the middle of its answer ends as if that was all. [RFC 9113 §8.1]
    if (this.#complete && this.#headers && code === NGHTTP2_NO_ERROR && !this.#stream?.aborted) {
      const [only = Buffer.alloc(0)] = this.#chunks;
      const body = (this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : only).toString('utf8');
      return { kind: 'response', response: { status: Number(this.#headers[':status']), headers: this.#headers, body } };
    }
    const { lastStreamId, because } = this.#host;
    const id = this.#stream?.id;
    // A stream without an id never left; one beyond the last of a GOAWAY was not looked at.
    const unseen = id === undefined || (lastStreamId !== undefined && id > lastStreamId);
    if (code === NGHTTP2_REFUSED_STREAM || (unseen && this.#headers === undefined)) {
      return { kind: 'refused', because: because ?? 'the server refused the stream' };
    }
    return { kind: 'broken', because: because ?? `the stream ended with ${codeName(code)}` };
  }
}

/** Error codes by their number. [RFC 9113 §7] */
const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

/** The name of an error code. */
export function codeName(code: number): string {
  return CODES[code] ?? `code ${code}`;
}
