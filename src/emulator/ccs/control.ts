import { z } from '../../lib/schema.ts';
import type { StreamCondition } from '../../protocols/xmpp/index.ts';
import type { Target } from '../control.ts';
import { ControlError } from '../control.ts';
import type { Connection } from './connection.ts';
import type { ConnectionInfo } from './connection-info.ts';
import type { Counters, Track } from './counters.ts';
import { newCounters } from './counters.ts';
import type { FaultPatchInput, Faults } from './options.ts';
import { faultsOf, readPatch } from './options.ts';
import type { Upstream } from './sender.ts';
import type { TokenAnswer, World } from './world.ts';

/** Upstream messages to send. */
export const upstreamSchema = z.strictObject({
  sender: z.string().min(1).optional().describe('sender id; default: the only one'),
  count: z.int().min(1).max(100_000_000).default(1).describe('how many'),
  from: z.string().min(1).default('emulated-device:1').describe('token of the device'),
  category: z.string().min(1).optional().describe('app; default: that of the options'),
  message_id: z.string().min(1).optional().describe('the id, or what ids begin with if there are many'),
  data: z.record(z.string(), z.unknown()).default({}).describe('payload'),
  bytes: z.int().min(0).max(1_000_000).default(0).describe('so many more bytes of payload'),
  time_to_live: z.int().min(0).optional().describe('seconds until it is not worth sending'),
});
export type UpstreamRequest = z.input<typeof upstreamSchema>;

/** What the emulator saw, and how it stands. */
export interface Stats extends Counters {
  /** Connections by state. */
  readonly connections: Readonly<Record<string, number>>;
  /** Upstream messages that wait for a connection, bursts that have not begun left out. */
  readonly upstreamWaiting: number;
  /** Different message_ids received; 0 if they are not tracked. */
  readonly tracked: number;
}

/** Everything that can be done to a running emulator; the HTTP port does the same. */
export class Control {
  readonly #world: World;
  readonly #connections: ReadonlySet<Connection>;
  readonly #senders: ReadonlyMap<string, { readonly waiting: number }>;
  #bursts = 0;

  constructor(
    world: World,
    connections: ReadonlySet<Connection>,
    senders: ReadonlyMap<string, { readonly waiting: number }>,
  ) {
    this.#world = world;
    this.#connections = connections;
    this.#senders = senders;
  }

  stats(): Stats {
    const { counters, downstream } = this.#world;
    const connections: Record<string, number> = {};
    for (const { state } of this.#connections) connections[state] = (connections[state] ?? 0) + 1;
    const upstreamWaiting = this.#senders.values().reduce((sum, { waiting }) => sum + waiting, 0);
    return { ...counters, nacks: { ...counters.nacks }, connections, upstreamWaiting, tracked: downstream.size };
  }

  /** Counts from zero and forgets all message_ids. */
  resetStats(): void {
    this.#world.counters = newCounters();
    this.#world.downstream.clear();
    this.#world.upstream.clear();
  }

  /** The open connections, oldest first. */
  connections(): ConnectionInfo[] {
    return [...this.#connections].map(({ info }) => info);
  }

  /** The history of a downstream message; undefined if it never came, was forgotten, or nothing is tracked. */
  message(id: string): Track | undefined {
    return this.#world.downstream.get(id);
  }

  /** Histories of downstream messages that came at least so often, oldest first. */
  messages(times = 1, limit = 1_000): Track[] {
    return this.#world.downstream.list(times, limit);
  }

  /** The history of an upstream message or receipt. */
  upstreamMessage(id: string): Track | undefined {
    return this.#world.upstream.get(id);
  }

  /** The faults of all, or of one connection. */
  faults(connection?: number): Faults {
    return connection === undefined
      ? this.#world.faults
      : { ...this.#world.faults, ...this.#one(connection).ownFaults };
  }

  /**
   * Changes faults for all, or for one connection; what is left out stays. Durations are texts such as `20ms`.
   * @throws if the patch is not understood, or there is no such connection
   */
  setFaults(patch: FaultPatchInput, connection?: number): Faults {
    const set = readPatch(patch);
    if (connection === undefined) {
      this.#world.faults = { ...this.#world.faults, ...set };
      for (const each of this.#connections) each.applyFaults();
    } else {
      const one = this.#one(connection);
      one.applyFaults({ ...one.ownFaults, ...set });
    }
    return this.faults(connection);
  }

  /** Back to the faults of the options, and none of their own for the connections. */
  resetFaults(): void {
    this.#world.faults = faultsOf(this.#world.options);
    for (const each of this.#connections) each.applyFaults({});
  }

  /** What a token gets from now on; undefined: an ack again. */
  setToken(token: string, answer: TokenAnswer | undefined): void {
    if (answer) this.#world.tokens.set(token, answer);
    else this.#world.tokens.delete(token);
  }

  /** Begins to drain; how many connections do. */
  drain(target: Target = 'one'): number {
    return this.#each(target, 'bound', (connection) => connection.drain());
  }

  /** Drops connections without a word. */
  drop(target: Target = 'one', how: 'fin' | 'rst' = 'fin'): number {
    return this.#each(target, undefined, (connection) => connection.drop(how));
  }

  /** Closes in order. */
  close(target: Target = 'one'): number {
    return this.#each(target, undefined, (connection) => connection.close());
  }

  /** Ends streams with an error. */
  fail(target: Target = 'one', condition: StreamCondition = 'internal-server-error'): number {
    return this.#each(target, undefined, (connection) => connection.fail(condition));
  }

  /** Lets go of answers that `hold_acks` keeps back, at most `count` of each connection; how many there were. */
  releaseAcks(target: Target = 'all', count = Number.MAX_SAFE_INTEGER): number {
    let released = 0;
    this.#each(target, undefined, (connection) => {
      released += connection.release(count);
    });
    return released;
  }

  /** Writes this as it is. */
  send(target: Target, xml: string): number {
    return this.#each(target, undefined, (connection) => connection.sendRaw(xml));
  }

  /**
   * Sends upstream messages, as fast as the app server acks them.
   * @returns the ids; of many only the first and the last
   * @throws if there is no sender id to send to
   */
  upstream(request: UpstreamRequest = {}): string[] {
    const { sender, count, message_id, ...rest } = upstreamSchema.parse(request);
    const [only, ...others] = this.#senders.keys();
    const id = sender ?? (others.length === 0 ? only : undefined);
    if (id === undefined) throw new ControlError('which sender?');
    const prefix = message_id ?? `up${++this.#bursts}`;
    const idOf = (n: number): string => (count === 1 && message_id !== undefined ? prefix : `${prefix}-${n}`);
    const { options, clock } = this.#world;
    const { category = options.category, from, time_to_live: ttl } = rest;
    const expiresAt = ttl === undefined ? undefined : clock.now() + ttl * 1_000;
    const data = rest.bytes > 0 ? { ...rest.data, pad: 'x'.repeat(rest.bytes) } : rest.data;
    const make = function* (): Generator<Upstream, undefined> {
      for (let n = 1; n <= count; n++) {
        const fields = {
          data,
          ...(ttl === undefined ? {} : { time_to_live: ttl }),
          from,
          message_id: idOf(n),
          category,
        };
        yield { id: idOf(n), from, json: JSON.stringify(fields), expiresAt, sent: 0 };
      }
      return undefined;
    };
    this.#world.sender(id).burst(make());
    return count === 1 ? [idOf(1)] : [idOf(1), idOf(count)];
  }

  #one(number: number): Connection {
    const found = this.#connections.values().find((connection) => connection.number === number);
    if (!found) throw new ControlError(`there is no connection ${number}`);
    return found;
  }

  #each(target: Target, state: string | undefined, act: (connection: Connection) => void): number {
    if (typeof target === 'number') {
      act(this.#one(target));
      return 1;
    }
    const all = [...this.#connections].filter((each) =>
      state === undefined ? each.state !== 'new' : each.state === state,
    );
    const chosen = target === 'all' ? all : all.slice(0, 1);
    for (const connection of chosen) act(connection);
    return chosen.length;
  }
}
