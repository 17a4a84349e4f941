import { type Backoff, fullJitter, type Random } from '../../lib/backoff.ts';
import { every, type Timer } from '../../lib/clock.ts';
import { DeadlineError, deadline } from '../../lib/deadline.ts';
import { type Log, reason } from '../../lib/log.ts';
import { H2Connection, type H2ConnectionSettings } from './connection.ts';
import type { H2Request, H2Result } from './exchange.ts';

/** Between attempts to connect that failed. The first after a connection that was of use comes at once. */
export const CONNECT_BACKOFF: Backoff = { baseMs: 1_000, capMs: 60_000 };

export interface H2ClientOptions extends H2ConnectionSettings {
  readonly random: Random;
  readonly log: Log;
  /** Connections that are kept open, and how many there may be. */
  readonly min: number;
  readonly max: number;
  /** A connection beyond `min` without work for so long is closed. */
  readonly idleMs: number;
  /** A connection is replaced when it is so old. */
  readonly maxAgeMs: number;
  /** An open connection without traffic is pinged so often; 0 never. */
  readonly pingIntervalMs: number;
  /** Counts `connect`, `connect_failed`, `goaway`, `retired`, `drop`, `aged`, `idle`, `silent`, `late`, `refused` and `broken`. */
  readonly count: (event: string) => void;
}

/** The connections as they are. */
export interface H2Report {
  readonly open: number;
  readonly connecting: number;
  readonly draining: number;
  /** Requests in flight. */
  readonly used: number;
  /** Streams that open connections take, in use or not. */
  readonly size: number;
  /** Why there is no connection, while there is none. */
  readonly trouble: string | undefined;
}

/**
 * A client that keeps HTTP/2 connections to one origin: at least `min`, more up to `max` as long as all are full. It
 * replaces those that the server sends away, that are too old or that fall silent, and tells how many requests it takes.
 */
export class H2Client {
  readonly #options: H2ClientOptions;
  readonly #connections = new Set<H2Connection>();
  #listener: () => void = () => {};
  #sweep: Timer | undefined;
  #retry: Timer | undefined;
  #ids = 0;
  /** Attempts and connections in a row that were of no use. */
  #failures = 0;
  /** The same of attempts alone, and when one more may follow for the sake of room. Monotonic. */
  #refusals = 0;
  #growAt = 0;
  #trouble = 'connecting';
  /** The trouble stands in the log: its end has to stand there too. */
  #told = false;
  #state: 'new' | 'running' | 'stopping' = 'new';
  #atRest: (() => void) | undefined;

  constructor(options: H2ClientOptions) {
    this.#options = options;
  }

  /** Called when room appeared. One listener. */
  onRoom(listener: () => void): void {
    this.#listener = listener;
  }

  /** Begins to connect. */
  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    const { clock, log, requestTimeoutMs, connectTimeoutMs } = this.#options;
    const pause = Math.max(5, Math.round(Math.min(requestTimeoutMs, connectTimeoutMs, 5_000) / 10));
    const onError = (error: unknown) => log.error('sweep failed', { error: reason(error) });
    this.#sweep = every(clock, pause, () => this.#onSweep(), onError);
    this.#fill();
  }

  /** How many more requests it takes now. */
  get room(): number {
    if (this.#state !== 'running') return 0;
    let room = 0;
    for (const connection of this.#connections) room += connection.room;
    return room;
  }

  /** Requests in flight. */
  get used(): number {
    let used = 0;
    for (const connection of this.#connections) used += connection.used;
    return used;
  }

  /** Sends a request on the connection with the most room; without room it is refused. Never rejects. */
  post(request: H2Request): Promise<H2Result> {
    let best: H2Connection | undefined;
    let most = 0;
    let room = 0;
    for (const connection of this.#connections) {
      const { room: free } = connection;
      room += free;
      if (free <= most) continue;
      best = connection;
      most = free;
    }
    if (!best || this.#state !== 'running') {
      return Promise.resolve({ kind: 'refused', because: 'no connection has room' });
    }
    const result = best.post(request);
    if (room === 1) this.#grow();
    return result;
  }

  /**
   * Sends nothing more over the connection with this number, because of what its server answered. One that never answered
   * with success is followed by a pause: a server that turns everybody away is not besieged.
   */
  retire(id: number, because: string): void {
    for (const connection of this.#connections) {
      if (connection.id !== id || connection.state !== 'open') continue;
      connection.drain();
      this.#leaving(connection, 'retired', because, connection.succeeded);
    }
  }

  get report(): H2Report {
    const all = [...this.#connections];
    const count = (state: string) => all.filter((connection) => connection.state === state).length;
    const open = all.filter((connection) => connection.state === 'open');
    return {
      open: open.length,
      connecting: count('connecting'),
      draining: count('draining'),
      used: this.used,
      size: open.reduce((sum, connection) => sum + connection.limit, 0),
      trouble: open.length === 0 ? this.#trouble : undefined,
    };
  }

  /** Takes nothing new, waits at most `ms` for what is in flight, closes. Safe to call twice. */
  async stop(ms: number): Promise<void> {
    const { clock, log } = this.#options;
    const started = this.#state === 'running';
    this.#state = 'stopping';
    this.#retry?.cancel();
    if (!started) return;
    for (const connection of this.#connections) connection.drain();
    const rest = new Promise<void>((resolve) => {
      this.#atRest = resolve;
    });
    this.#checkRest();
    await deadline(clock, rest, ms, 'requests in flight').catch((error) => {
      if (!(error instanceof DeadlineError)) throw error;
      log.warn('stopping with requests in flight', { inFlight: this.used });
    });
    for (const connection of this.#connections) connection.destroy('stopped');
    this.#sweep?.cancel();
  }

  /** Opens connections until there are `min`; after failures one at a time, with growing pauses. */
  #fill(): void {
    if (this.#state !== 'running') return;
    while (this.#alive < this.#options.min) {
      if (this.#failures > 0) {
        this.#waitAndConnect();
        return;
      }
      this.#connect();
    }
  }

  /** Every stream is taken: one more connection, if there may be one and none is on its way or will soon take more. */
  #grow(): void {
    if (this.#failures > 0 || this.#alive >= this.#options.max) return;
    // Answers on the connections that there are say nothing about another one.
    if (this.#options.clock.monotonic() < this.#growAt) return;
    for (const { state, careful } of this.#connections) {
      if (state === 'connecting' || (state === 'open' && careful)) return;
    }
    this.#connect();
  }

  get #alive(): number {
    let alive = 0;
    for (const { state } of this.#connections) if (state === 'open' || state === 'connecting') alive++;
    return alive;
  }

  #waitAndConnect(): void {
    const { clock, random } = this.#options;
    this.#retry ??= clock.after(fullJitter(this.#failures - 1, CONNECT_BACKOFF, random), () => {
      this.#retry = undefined;
      if (this.#state === 'running' && this.#alive < this.#options.min) this.#connect();
    });
  }

  #connect(): void {
    const connection = new H2Connection(++this.#ids, this.#options, {
      onOpen: () => this.#opened(),
      onRoom: () => this.#listener(),
      onDone: ({ kind }) => {
        if (kind === 'response') this.#failures = 0;
        else this.#options.count(kind);
        this.#checkRest();
        this.#listener();
      },
      onGoaway: (because) => this.#leaving(connection, 'goaway', because),
      onGone: (because) => this.#gone(connection, because),
    });
    this.#connections.add(connection);
  }

  #opened(): void {
    const { count, log } = this.#options;
    count('connect');
    this.#refusals = 0;
    if (this.#told) log.info('connected again', { after: this.#trouble });
    this.#told = false;
    this.#listener();
    this.#fill();
  }

  /** It takes nothing new: another one in its place. */
  #leaving(connection: H2Connection, event: string, because: string, useful = connection.useful): void {
    const { count, log, clock } = this.#options;
    count(event);
    log.debug('connection retires', { because, inFlight: connection.used });
    this.#judge(connection, clock.monotonic(), because, useful);
    this.#fill();
  }

  #gone(connection: H2Connection, because: string): void {
    const { count, log, clock, random } = this.#options;
    this.#connections.delete(connection);
    this.#checkRest();
    if (this.#state !== 'running') return;
    if (!connection.opened) {
      count('connect_failed');
      this.#failures++;
      this.#growAt = clock.monotonic() + fullJitter(this.#refusals++, CONNECT_BACKOFF, random);
      if (!this.#told || this.#trouble !== because) log.warn('connecting failed', { because });
      this.#told = true;
      this.#trouble = because;
    } else if (!connection.retired) {
      count('drop');
      log.warn('connection lost', { because, inFlight: connection.used });
      this.#told = true;
      this.#judge(connection, clock.monotonic(), because, connection.useful);
    }
    this.#fill();
  }

  /** A connection that answered something was a good one: the next may come at once. */
  #judge({ openedAt }: H2Connection, now: number, because: string, useful: boolean): void {
    this.#trouble = because;
    if (useful || now - openedAt >= CONNECT_BACKOFF.capMs) this.#failures = 0;
    else this.#failures++;
  }

  #onSweep(): void {
    const { clock, idleMs, maxAgeMs, pingIntervalMs, min } = this.#options;
    const now = clock.monotonic();
    for (const connection of this.#connections) {
      const before = connection.state;
      connection.sweep(now);
      if (before === 'open' && connection.state !== 'open') this.#leaving(connection, 'silent', 'no answers');
      if (connection.state !== 'open') continue;
      const quietMs = connection.used === 0 ? now - connection.busyAt : 0;
      if (connection.exhausted) this.#retire(connection, 'aged', 'it has no more streams');
      else if (now - connection.openedAt >= maxAgeMs) this.#retire(connection, 'aged', 'it is old');
      else if (quietMs >= idleMs && this.#alive > min) this.#retire(connection, 'idle', 'it has nothing to do');
      else if (pingIntervalMs > 0 && Math.min(quietMs, now - connection.pingedAt) >= pingIntervalMs) connection.ping();
    }
  }

  #retire(connection: H2Connection, event: string, because: string): void {
    connection.drain();
    this.#failures = 0;
    this.#leaving(connection, event, because);
  }

  #checkRest(): void {
    if (!this.#atRest) return;
    if (this.used === 0) this.#atRest();
  }
}
