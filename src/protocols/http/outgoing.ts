import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { reason } from '../../lib/log.ts';
import { type ExitRules, Exits, ForbiddenUrl, hostOf } from './exits.ts';

/** Answers are read so far, in bytes. */
const RESPONSE_MAX_BYTES = 65_536;
/** Headers of an answer, all together, in bytes. */
const HEADERS_MAX_BYTES = 16_384;

export interface OutgoingOptions extends ExitRules {
  readonly clock: Clock;
  /** Authority that signs certificates of servers, PEM; default: those of the system. */
  readonly ca?: string | Buffer;
  /**
   * Connections to one origin: beyond these a request waits. And in all: beyond these one without work is closed, and if
   * there is none, the request is `broken`.
   */
  readonly perOrigin: number;
  readonly maxConnections: number;
  /** Name, connection and handshake together, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** A request, from its beginning to the end of its answer, in milliseconds. */
  readonly deadlineMs: number;
  /** A connection without work is closed after so long, in milliseconds. */
  readonly idleMs: number;
  /** Counts `connect` and `connect_failed`. */
  readonly count: (event: 'connect' | 'connect_failed') => void;
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As {@link Outgoing.read} gave it. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** How a request ends. */
export type OutgoingResult =
  /** Any status; a redirection is an answer like others. What is longer than 64 KiB is cut off. */
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Buffer;
    }
  /** We do not go there, or do not send that: nothing was sent. */
  | { readonly kind: 'forbidden'; readonly because: string }
  /** No answer: not connected, or cut off. */
  | { readonly kind: 'broken'; readonly because: string }
  /** No answer in time. */
  | { readonly kind: 'late'; readonly because: string };

/** The connections as they are. */
export interface OutgoingReport {
  readonly open: number;
  readonly connecting: number;
}

/**
 * The one way out for requests whose URL a stranger gave us: https, to public addresses, no redirections, no proxies, and
 * bounds for everything. HTTP/1.1 over connections that are kept.
 */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #exits: Exits;
  readonly #https: HttpsAgent;
  readonly #http: HttpAgent;
  /** All of them, until they have closed. */
  readonly #sockets = new Set<Duplex>();
  #open = 0;
  #connecting = 0;

  /** @throws TypeError for an exception that is none */
  constructor(options: OutgoingOptions) {
    const { ca, perOrigin, idleMs } = options;
    this.#options = options;
    this.#exits = new Exits(options);
    const kept = { keepAlive: true, maxSockets: perOrigin, maxFreeSockets: perOrigin, timeout: idleMs };
    this.#https = new HttpsAgent({
      ...kept,
      lookup: this.#exits.lookup('https:'),
      ...(ca !== undefined && { ca }),
    });
    this.#http = new HttpAgent({ ...kept, lookup: this.#exits.lookup('http:') });
    this.#watch(this.#https, 'secureConnect');
    this.#watch(this.#http, 'connect');
  }

  get report(): OutgoingReport {
    return { open: this.#open, connecting: this.#connecting };
  }

  /**
   * Reads a URL, and refuses what can be seen to lead where we do not go.
   * @throws ForbiddenUrl
   */
  read(text: string): URL {
    return this.#exits.read(text);
  }

  /** Sends a request. Never rejects. */
  async request(request: OutgoingRequest): Promise<OutgoingResult> {
    const first = await this.#send(request);
    // The server closed a kept connection in the moment in which we took it: that says nothing about the server.
    return first ?? (await this.#send(request)) ?? { kind: 'broken', because: 'the connection was closed' };
  }

  /** Cuts everything off. */
  close(): void {
    this.#https.destroy();
    this.#http.destroy();
  }

  /** @returns undefined if a kept connection turned out to be closed */
  #send({ method, url, headers, body }: OutgoingRequest): Promise<OutgoingResult | undefined> {
    const { clock, deadlineMs } = this.#options;
    const plain = url.protocol === 'http:';
    const { promise, resolve } = Promise.withResolvers<OutgoingResult | undefined>();
    let request: ClientRequest;
    try {
      request = (plain ? httpRequest : httpsRequest)({
        agent: plain ? this.#http : this.#https,
        method,
        host: hostOf(url),
        port: url.port || (plain ? 80 : 443),
        path: url.pathname + url.search,
        headers: { ...headers, host: url.host, 'content-length': body?.length ?? 0 },
        maxHeaderSize: HEADERS_MAX_BYTES,
      });
    } catch (error) {
      // What must not stand in a header or in a path.
      return Promise.resolve({ kind: 'forbidden', because: reason(error) });
    }
    let answer: Answer | undefined;
    const end = (result: OutgoingResult | undefined): void => {
      timer.cancel();
      resolve(result);
    };
    const timer = clock.after(deadlineMs, () => {
      end(answer?.result ?? { kind: 'late', because: `no answer within ${deadlineMs} ms` });
      request.destroy();
    });
    request.on('response', (response) => {
      answer = new Answer(response, (result, complete) => {
        end(result);
        if (!complete) request.destroy();
      });
    });
    request.on('error', (error) => {
      const { code } = error as { code?: unknown };
      if (answer) end(answer.result);
      else if (error instanceof ForbiddenUrl) end({ kind: 'forbidden', because: error.message });
      else if (request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) end(undefined);
      else end({ kind: 'broken', because: reason(error) });
    });
    request.end(body);
    return promise;
  }

  /** Counts connections, and bounds them and the time that they take to open. */
  #watch(agent: HttpAgent, opened: 'connect' | 'secureConnect'): void {
    const { clock, connectTimeoutMs, count } = this.#options;
    const create = agent.createConnection.bind(agent);
    agent.createConnection = (options, callback) => {
      if (!this.#makeRoom()) {
        // Thrown, it would reach nobody: this may be for a request that has waited.
        callback?.(new Error('there are as many connections as there may be'), new Socket());
        return undefined;
      }
      const socket = create(options, callback);
      if (!socket) return socket;
      this.#connecting++;
      this.#sockets.add(socket);
      let state: 'connecting' | 'open' = 'connecting';
      const timer = clock.after(connectTimeoutMs, () =>
        socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
      );
      socket.once(opened, () => {
        timer.cancel();
        state = 'open';
        this.#connecting--;
        this.#open++;
        count('connect');
      });
      socket.once('close', () => {
        timer.cancel();
        this.#sockets.delete(socket);
        if (state === 'open') this.#open--;
        else {
          this.#connecting--;
          count('connect_failed');
        }
      });
      return socket;
    };
  }

  /**
   * With as many connections as there may be, the one that was longest without work has to go.
   * @returns false if there is none
   */
  #makeRoom(): boolean {
    const { maxConnections } = this.#options;
    if (this.#sockets.size < maxConnections) return true;
    let closing = 0;
    for (const { destroyed } of this.#sockets) if (destroyed) closing++;
    if (this.#sockets.size - closing < maxConnections) return true;
    for (const { freeSockets } of [this.#https, this.#http]) {
      for (const sockets of Object.values(freeSockets)) {
        const oldest: Duplex | undefined = sockets?.[0];
        if (!oldest) continue;
        oldest.destroy();
        return true;
      }
    }
    return false;
  }
}

/** An answer as it comes. */
class Answer {
  readonly #response: IncomingMessage;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  /** @param onEnd with `complete` false: nothing more of it is read */
  constructor(response: IncomingMessage, onEnd: (result: OutgoingResult, complete: boolean) => void) {
    this.#response = response;
    response.on('data', (chunk: Buffer) => {
      const left = RESPONSE_MAX_BYTES - this.#bytes;
      this.#chunks.push(chunk.subarray(0, left));
      this.#bytes += Math.min(left, chunk.length);
      if (chunk.length > left) onEnd(this.result, false);
    });
    response.on('end', () => onEnd(this.result, true));
    // Cut off in the middle: the status is there all the same.
    response.on('error', () => onEnd(this.result, false));
  }

  /** As far as it has come. */
  get result(): OutgoingResult {
    const { statusCode = 0, headers } = this.#response;
    return { kind: 'response', status: statusCode, headers, body: Buffer.concat(this.#chunks) };
  }
}
