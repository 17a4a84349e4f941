/** What the emulator has seen since its start or the last reset. */
export interface Counters {
  /** TCP connections taken. */
  accepted: number;
  logins: number;
  loginsRefused: number;
  /** Downstream messages received, repeats included. */
  received: number;
  /** Of those, the ones whose message_id had come before; only while tracking. */
  repeated: number;
  acks: number;
  nacks: Record<string, number>;
  /** Stanza errors 400. */
  errors400: number;
  /** Acks of the client that were not valid on their connection. */
  errors406: number;
  pings: number;
  /** Spaces of clients. */
  whitespace: number;
  /** Messages that came while the window was full. */
  windowBreaches: number;
  /** The most un-acked messages that a connection had. */
  maxUnacked: number;
  /** Upstream messages and receipts written, repeats included. */
  upstreamSent: number;
  /** Of those, the ones sent again after a connection was lost. */
  upstreamResent: number;
  upstreamAcked: number;
  /** Upstream messages whose time was over, or for which there was no room. */
  upstreamDropped: number;
  receipts: number;
  drains: number;
  drops: number;
  /** Streams that ended in an error of the client's making. */
  streamErrors: number;
}

export function newCounters(): Counters {
  return {
    accepted: 0,
    logins: 0,
    loginsRefused: 0,
    received: 0,
    repeated: 0,
    acks: 0,
    nacks: {},
    errors400: 0,
    errors406: 0,
    pings: 0,
    whitespace: 0,
    windowBreaches: 0,
    maxUnacked: 0,
    upstreamSent: 0,
    upstreamResent: 0,
    upstreamAcked: 0,
    upstreamDropped: 0,
    receipts: 0,
    drains: 0,
    drops: 0,
    streamErrors: 0,
  };
}

/** The history of one message_id. */
export interface Track {
  readonly id: string;
  /** Numbers of the connections that carried it, one entry for each time. */
  readonly connections: number[];
  acks: number;
  nacks: number;
}

/** Histories by message_id, up to a limit; beyond it the oldest are forgotten. */
export class Tracker {
  readonly #limit: number;
  readonly #tracks = new Map<string, Track>();
  /** Ids in the order of their first time, as a ring: to ask a map for its oldest key is slow after many deletions. */
  readonly #order: string[] = [];
  #next = 0;

  /** @param limit 0 remembers nothing */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Notes that a connection carried this message; true if one did so before. */
  seen(id: string, connection: number): boolean {
    if (this.#limit === 0) return false;
    const known = this.#tracks.get(id);
    if (known) {
      // A message that is repeated for ever must not grow for ever.
      if (known.connections.length < 1_000) known.connections.push(connection);
      return true;
    }
    const oldest = this.#order[this.#next];
    if (oldest !== undefined) this.#tracks.delete(oldest);
    this.#order[this.#next] = id;
    this.#next = (this.#next + 1) % this.#limit;
    this.#tracks.set(id, { id, connections: [connection], acks: 0, nacks: 0 });
    return false;
  }

  answered(id: string, by: 'acks' | 'nacks'): void {
    const track = this.#tracks.get(id);
    if (track) track[by]++;
  }

  get(id: string): Track | undefined {
    return this.#tracks.get(id);
  }

  /** How many message_ids are remembered. */
  get size(): number {
    return this.#tracks.size;
  }

  /** Histories of messages that were carried at least so often, oldest first, at most `limit`. */
  list(times: number, limit: number): Track[] {
    return this.#tracks
      .values()
      .filter((track) => track.connections.length >= times)
      .take(limit)
      .toArray();
  }

  clear(): void {
    this.#tracks.clear();
    this.#order.length = 0;
    this.#next = 0;
  }
}
