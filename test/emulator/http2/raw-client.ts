import { createSign, sign } from 'node:crypto';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  SecureClientSessionOptions,
} from 'node:http2';
import { connect } from 'node:http2';

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The pieces that the body came in. */
  readonly frames: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

/** How a request ended without an answer. */
export interface RawFailure {
  readonly status: number | undefined;
  readonly body: string;
  /** The code of RST_STREAM, 0 if there was none. */
  readonly rst: number;
  readonly error: string;
}

export interface GoAway {
  readonly code: number;
  readonly last: number;
  readonly debug: string;
}

/** A client of nothing but HTTP/2. */
export class RawClient {
  readonly session: ClientHttp2Session;
  readonly goaways: GoAway[] = [];
  /** Streams that the server allowed, each time that it said so. */
  readonly limits: (number | undefined)[] = [];
  closed = false;
  error: NodeJS.ErrnoException | undefined;

  constructor(emulator: { port: number; caPem: string }, options: SecureClientSessionOptions = {}) {
    this.session = connect(`https://localhost:${emulator.port}`, { ca: emulator.caPem, ...options });
    this.session.on('error', (error) => {
      this.error = error;
    });
    this.session.on('close', () => {
      this.closed = true;
    });
    this.session.on('remoteSettings', ({ maxConcurrentStreams }) => this.limits.push(maxConcurrentStreams));
    this.session.on('goaway', (code, last, data) =>
      this.goaways.push({ code, last, debug: data ? Buffer.from(data).toString() : '' }),
    );
  }

  open(headers: OutgoingHttpHeaders, body: string): ClientHttp2Stream {
    const method = headers[':method'] ?? 'POST';
    const stream = this.session.request({ ...headers, ':method': method }, { endStream: method === 'GET' });
    stream.setEncoding('utf8');
    stream.on('error', () => {});
    if (method !== 'GET') stream.end(body);
    return stream;
  }

  /** The answer. @throws if there is none */
  async post(headers: OutgoingHttpHeaders, body = ''): Promise<RawReply> {
    const outcome = await this.#outcome(this.open(headers, body));
    if ('error' in outcome) throw new Error(`no answer: ${outcome.error}, RST ${outcome.rst}`);
    return outcome;
  }

  /** How a request fails that is not answered to its end. */
  async fails(headers: OutgoingHttpHeaders, body = ''): Promise<RawFailure> {
    const outcome = await this.#outcome(this.open(headers, body));
    if (!('error' in outcome)) throw new Error(`answered: ${outcome.status} ${outcome.body}`);
    return outcome;
  }

  #outcome(stream: ClientHttp2Stream): Promise<RawReply | RawFailure> {
    return new Promise((resolve) => {
      let status: number | undefined;
      let headers: IncomingHttpHeaders = {};
      let ended = false;
      let error = '';
      const frames: string[] = [];
      stream.on('response', (got) => {
        status = got[':status'];
        headers = got;
      });
      stream.on('data', (chunk: string) => frames.push(chunk));
      stream.on('end', () => {
        ended = true;
      });
      stream.on('error', ({ message }) => {
        error = message;
      });
      stream.on('close', () => {
        const body = frames.join('');
        if (status === undefined || !ended || stream.rstCode !== 0 || error !== '') {
          resolve({ status, body, rst: stream.rstCode ?? 0, error: error || 'closed' });
        } else resolve({ status, headers, body, frames, json: /^\s*\{/.test(body) ? JSON.parse(body) : {} });
      });
    });
  }
}

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A JWT by hand. [RFC 7515 §7.1] */
export function jwt(algorithm: 'RS256' | 'ES256', key: string, header: object, claims: object): string {
  const signed = `${part({ alg: algorithm, typ: 'JWT', ...header })}.${part(claims)}`;
  const signature =
    algorithm === 'RS256'
      ? createSign('RSA-SHA256').update(signed).sign(key)
      : sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `true`. */
export async function until(what: () => boolean, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; !what(); await pause(5)) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}
