import { RecentSet } from '../../lib/recent-set.ts';
import type { Http2Options } from './options.ts';
import type { Request } from './service.ts';

/** What an emulator over HTTP/2 has seen since its start or the last reset. */
export interface Http2Counters {
  /** TCP connections taken. */
  accepted: number;
  /** TCP connections refused: TLS was, or there were too many. */
  refused: number;
  /** Complete requests of all kinds. */
  requests: number;
  /** Requests with a message that could be read and that were allowed to send it; repeats included. */
  messages: number;
  /** Messages whose body had come before, to the same target; only while tracking. */
  repeated: number;
  successes: number;
  /** Answers that were no success, by code. */
  errors: Record<string, number>;
  /** Requests that got no answer on purpose. */
  unanswered: number;
  /** The most streams that a connection had open. */
  maxStreams: number;
  /** Connections lost because the client opened more streams than it had been allowed. */
  breaches: number;
  /** GOAWAY frames, RST_STREAM frames and lost connections, all by the emulator. */
  goaways: number;
  resets: number;
  drops: number;
}

export function newCounters(): Http2Counters {
  return {
    accepted: 0,
    refused: 0,
    requests: 0,
    messages: 0,
    repeated: 0,
    successes: 0,
    errors: {},
    unanswered: 0,
    maxStreams: 0,
    breaches: 0,
    goaways: 0,
    resets: 0,
    drops: 0,
  };
}

/** A request that is remembered. */
export interface SeenRequest {
  /** Number of the connection. */
  readonly connection: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The last requests, and digests of more of them. */
export class Memory {
  readonly #options: Http2Options;
  #requests: SeenRequest[] = [];
  #oldest = 0;
  #digests: RecentSet;

  constructor(options: Http2Options) {
    this.#options = options;
    this.#digests = new RecentSet(options.track_limit);
  }

  keep(connection: number, { method, path, headers, body }: Request): void {
    if (!this.#options.track) return;
    const { remember } = this.#options;
    this.#requests[this.#oldest] = { connection, method, path, headers: { ...headers }, body };
    this.#oldest = (this.#oldest + 1) % remember;
  }

  /** Notes that a message with this digest has come; true if one came before. */
  again(digest: () => string): boolean {
    if (!this.#options.track) return false;
    const key = digest();
    if (this.#digests.has(key)) return true;
    this.#digests.add(key);
    return false;
  }

  /** The last requests, oldest first. */
  last(limit: number): SeenRequest[] {
    const inOrder = [...this.#requests.slice(this.#oldest), ...this.#requests.slice(0, this.#oldest)];
    return limit > 0 ? inOrder.slice(-limit) : [];
  }

  clear(): void {
    this.#requests = [];
    this.#oldest = 0;
    this.#digests = new RecentSet(this.#options.track_limit);
  }
}
