import type { ClientStream } from '../../protocols/xmpp/index.ts';

/** Bytes waiting for a server that does not read, beyond which nothing more is read from it. */
export const BACKLOG_MAX = 1_048_576;

export interface WatchTimes {
  /** Silence before a ping, and after it. Milliseconds. */
  readonly pingIntervalMs: number;
  /** How long a server may leave what we write unread. Milliseconds. */
  readonly writeTimeoutMs: number;
}

/** What is to be done about a connection. */
export type Verdict = 'fine' | 'not-reading' | 'ping' | 'ping_timeout' | 'write_timeout';

/** Watches whether a connection lives. Reading may pause for two reasons; deadlines stand still meanwhile. */
export class Watch {
  readonly #stream: ClientStream;
  readonly #times: WatchTimes;
  /** The store is slow. */
  #paused = false;
  /** The server does not read its acks: then it is not read either. */
  #clogged = false;
  #readableSince: number;
  #pingedAt: number | undefined;

  constructor(stream: ClientStream, times: WatchTimes, now: number) {
    this.#stream = stream;
    this.#times = times;
    this.#readableSince = now;
  }

  /** Deadlines count from here at the earliest, on the monotonic clock. */
  get readableSince(): number {
    return this.#readableSince;
  }

  pause(paused: boolean, now: number): void {
    this.#set(paused, this.#clogged, now);
  }

  /** To be called when something was written that the server did not ask for. */
  wrote(now: number): void {
    if (!this.#clogged && this.#stream.backlog > BACKLOG_MAX) this.#set(this.#paused, true, now);
  }

  look(now: number): Verdict {
    const { pingIntervalMs, writeTimeoutMs } = this.#times;
    if (this.#clogged && this.#stream.backlog <= BACKLOG_MAX / 2) this.#set(this.#paused, false, now);
    if (this.#clogged) return now - this.#readableSince >= writeTimeoutMs ? 'write_timeout' : 'not-reading';
    if (this.#paused) return 'not-reading';
    const heard = Math.max(this.#stream.lastReadAt, this.#readableSince);
    if (this.#pingedAt !== undefined && heard >= this.#pingedAt) this.#pingedAt = undefined;
    if (this.#pingedAt !== undefined) return now - this.#pingedAt >= pingIntervalMs ? 'ping_timeout' : 'fine';
    if (now - heard < pingIntervalMs) return 'fine';
    this.#pingedAt = now;
    return 'ping';
  }

  #set(paused: boolean, clogged: boolean, now: number): void {
    const before = this.#paused || this.#clogged;
    const after = paused || clogged;
    this.#paused = paused;
    this.#clogged = clogged;
    if (before === after) return;
    this.#readableSince = now;
    if (after) this.#stream.pause();
    else this.#stream.resume();
  }
}
