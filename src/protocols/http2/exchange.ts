import { codeName, codeOf, type ErrorName } from './codes.ts';
import type { HeaderLine } from './hpack/index.ts';

const STATUS = /^[1-9]\d\d$/;

/** Pieces of a body that are kept side by side; more are put together, so that tiny ones take no more room than they have. */
const CHUNKS_MAX = 64;

/** A request: always a POST with a body. */
export interface H2Request {
  readonly path: string;
  /** Names in lower case, without the pseudo headers and `content-length`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface H2Response {
  readonly status: number;
  /** Names in lower case; a list if there were several lines of the name. */
  readonly headers: Headers;
  readonly body: string;
}

/** How an exchange ends. Only `refused` promises that the server has not looked at the request. */
export type H2Result =
  /** `connection` is the number of the connection that it came over. */
  | { readonly kind: 'response'; readonly response: H2Response; readonly connection: number }
  /** Not processed: the server said so, or nothing was sent. [RFC 9113 §8.7] */
  | { readonly kind: 'refused'; readonly because: string }
  /** Cut off, without an answer or in the middle of it. */
  | { readonly kind: 'broken'; readonly because: string }
  /** No complete answer within the deadline. */
  | { readonly kind: 'late'; readonly because: string };

/** What an exchange needs of its connection. */
export interface ExchangeHost {
  /** The number of the connection. */
  readonly id: number;
  readonly maxResponseBytes: number;
  /** Why the connection ended, if it did. */
  readonly because: string | undefined;
  /** It is over. With a code the server is still at work on it, and has to be told. */
  ended(exchange: Exchange, result: H2Result, reset: ErrorName | undefined): void;
}

/** One request and its answer, which comes in pieces. */
export class Exchange {
  /** On the monotonic clock. */
  readonly startedAt: number;
  /** Of its stream, once it has one. */
  streamId = 0;
  readonly #host: ExchangeHost;
  readonly #resolve: (result: H2Result) => void;
  #status = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #bytes = 0;
  #over = false;

  constructor(host: ExchangeHost, startedAt: number, resolve: (result: H2Result) => void) {
    this.#host = host;
    this.startedAt = startedAt;
    this.#resolve = resolve;
  }

  /** Headers came: of the answer, of one that is not the last, or trailers, which say nothing to us. */
  onHeaders(lines: readonly HeaderLine[], isEnd: boolean): void {
    if (this.#status !== 0) {
      if (!isEnd) this.fail('PROTOCOL_ERROR', 'headers in the middle of the answer');
      else this.#complete();
      return;
    }
    const [first, ...others] = lines;
    const status = first?.name === ':status' && STATUS.test(first.value) ? Number(first.value) : 0;
    if (status === 0) {
      this.fail('PROTOCOL_ERROR', 'the answer has no status');
    } else if (others.some(({ name }) => name.startsWith(':'))) {
      // [RFC 9113 §8.3.2] there is no other one
      this.fail('PROTOCOL_ERROR', 'the answer has pseudo headers of its own');
    } else if (status >= 200) {
      this.#status = status;
      this.#headers = recordOf(others);
      if (isEnd) this.#complete();
    } else if (isEnd) {
      // [RFC 9113 §8.1] any number of these may come before the answer
      this.fail('PROTOCOL_ERROR', 'the answer is not a last one');
    }
  }

  /** A piece of the answer's body came. */
  onData(bytes: Buffer, isEnd: boolean): void {
    const { maxResponseBytes } = this.#host;
    this.#bytes += bytes.length;
    if (this.#status === 0) {
      this.fail('PROTOCOL_ERROR', 'a body without headers');
    } else if (this.#bytes > maxResponseBytes) {
      this.#end({ kind: 'broken', because: `the answer is larger than ${maxResponseBytes} bytes` }, 'CANCEL');
    } else {
      // A copy of what has to wait: it would keep all that was read with it.
      if (bytes.length > 0) this.#chunks.push(isEnd ? bytes : Buffer.from(bytes));
      if (isEnd) this.#complete();
      else if (this.#chunks.length === CHUNKS_MAX) this.#chunks = [Buffer.concat(this.#chunks)];
    }
  }

  /** The server ended the stream. */
  onReset(code: number): void {
    const looked = this.#status !== 0; // whatever the server says: its answer had begun
    if (code === codeOf('REFUSED_STREAM') && !looked) this.refuse('the server refused the stream');
    else this.break(`the stream ended with ${codeName(code)}`);
  }

  /** Gives up: nobody waits any more, and the server is told so. */
  expire(ms: number): void {
    this.#end({ kind: 'late', because: `no complete answer within ${ms} ms` }, 'CANCEL');
  }

  /** The server broke the rules in this stream alone. [RFC 9113 §5.4.2] */
  fail(code: ErrorName, because: string): void {
    this.#end({ kind: 'broken', because }, code);
  }

  /** The server has not looked at it, and never will. */
  refuse(because: string): void {
    this.#end({ kind: 'refused', because: this.#host.because ?? because });
  }

  /** Nobody knows whether the server has looked at it. */
  break(because: string): void {
    this.#end({ kind: 'broken', because: this.#host.because ?? because });
  }

  #complete(): void {
    const { 'content-length': length } = this.#headers;
    // [RFC 9113 §8.1.1] an answer that was cut off on its way to the server that we see
    if (length !== undefined && Number(length) !== this.#bytes) {
      this.fail('PROTOCOL_ERROR', `the answer has ${this.#bytes} of ${length} bytes`);
      return;
    }
    const [only] = this.#chunks;
    const bytes = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : only;
    const response = { status: this.#status, headers: this.#headers, body: bytes?.toString('utf8') ?? '' };
    this.#end({ kind: 'response', response, connection: this.#host.id });
  }

  /** The first end counts. */
  #end(result: H2Result, reset?: ErrorName): void {
    if (this.#over) return;
    this.#over = true;
    this.#chunks = [];
    this.#host.ended(this, result, reset);
    this.#resolve(result);
  }
}

function recordOf(lines: readonly HeaderLine[]): Headers {
  const record: Record<string, string | readonly string[]> = {};
  for (const { name, value } of lines) {
    if (name === '__proto__') continue;
    record[name] = Object.hasOwn(record, name) ? [record[name] ?? '', value].flat() : value;
  }
  return record;
}
