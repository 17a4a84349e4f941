import { createPool, type Pool } from 'generic-pool';
import { BalClient, type LogoffOptions } from './client.ts';
import type { EndpointRequest, RegisteredEndpoint } from './endpoints.ts';
import { BalClientError } from './errors.ts';
import { type Answer, Inbox, type Receipt, type Upstream } from './inbox.ts';
import type { OutgoingMessage } from './message.ts';
import { type BalClientOptions, settingsOf } from './options.ts';
import type { Sent } from './outbox.ts';
import { Reception } from './reception.ts';
import type { StateChange } from './states.ts';

/** Connections at once unless told otherwise. */
const DEFAULT_SIZE = 4;
const MAX_SIZE = 100;

export interface BalPoolOptions extends BalClientOptions {
  /** Connections, 1 to 100. */
  readonly size?: number;
}

/**
 * Several connections of one session, with the surface of a {@link BalClient}. Each has its own window and limits. A
 * message goes to the connection with the fewest messages without an outcome, but a group stays with one connection,
 * because only there its order is known.
 */
export class BalPool {
  readonly #size: number;
  readonly #reception: Reception;
  readonly #pool: Pool<BalClient>;
  readonly #listeners = new Set<(change: StateChange, connection: number) => void>();
  #members: Promise<BalClient[]> | undefined;
  #leaving: Promise<void> | undefined;
  #closed = false;

  /** @throws {RangeError} for an option out of bounds */
  constructor(options: BalPoolOptions) {
    const { size = DEFAULT_SIZE, ...each } = options;
    if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE) {
      throw new RangeError(`size is a whole number from 1 to ${MAX_SIZE}`);
    }
    const { window, log } = settingsOf(each);
    this.#size = size;
    this.#reception = new Reception(new Inbox(window * size, log));
    this.#pool = createPool(
      {
        create: async () => new BalClient(each, this.#reception),
        destroy: async (client) => client.close(),
      },
      { max: size, autostart: false },
    );
  }

  /** Connects all. Resolves when all are logged on; rejects as the first that is refused. */
  async connect(): Promise<void> {
    const members = await this.#all();
    await Promise.all(members.map((member) => member.connect()));
  }

  /** As {@link BalClient.send}. */
  async send(message: OutgoingMessage): Promise<Sent> {
    if (this.#closed || this.#leaving) throw new BalClientError('CLOSED', 'the pool is closed');
    const members = await this.#all();
    const { messageId, groupId } = message;
    if (messageId !== undefined && this.#reception.has(messageId)) {
      throw new BalClientError('DUPLICATE_MESSAGE_ID', `message ${messageId} waits for its outcome`);
    }
    const member = groupId === undefined ? leastLoaded(members) : members[hashOf(groupId) % members.length];
    if (!member) throw new BalClientError('CLOSED', 'the pool is closed');
    return member.send(message);
  }

  /** As {@link BalClient.registerEndpoint}. */
  async registerEndpoint(request: EndpointRequest): Promise<RegisteredEndpoint> {
    return (await this.#first()).registerEndpoint(request);
  }

  /** As {@link BalClient.unregisterEndpoint}. */
  async unregisterEndpoint(token: string): Promise<void> {
    return (await this.#first()).unregisterEndpoint(token);
  }

  /** As {@link BalClient.upstream}, of all connections. */
  upstream(): AsyncIterableIterator<Upstream, undefined, undefined> {
    return this.#reception.inbox.upstream.iterate();
  }

  /** As {@link BalClient.receipts}, of all connections. */
  receipts(): AsyncIterableIterator<Receipt, undefined, undefined> {
    return this.#reception.inbox.receipts.iterate();
  }

  /** As {@link BalClient.answers}, of all connections. */
  answers(): AsyncIterableIterator<Answer, undefined, undefined> {
    return this.#reception.inbox.answers.iterate();
  }

  /** Calls `listener` at every change of state of a connection, which is named by its number from 0. */
  onState(listener: (change: StateChange, connection: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** As {@link BalClient.logoff}, of all connections. Safe to call twice. */
  logoff(options: LogoffOptions = {}): Promise<void> {
    this.#leaving ??= this.#leave(options).finally(() => this.close());
    return this.#leaving;
  }

  /** As {@link BalClient.close}, of all connections. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reception.inbox.end();
    void this.#end();
  }

  /** The one that asks about endpoints: its answers come in the order of its questions. */
  async #first(): Promise<BalClient> {
    const [first] = this.#closed || this.#leaving ? [] : await this.#all();
    if (!first) throw new BalClientError('CLOSED', 'the pool is closed');
    return first;
  }

  /** The members, borrowed for good: they come back from drops by themselves. */
  #all(): Promise<BalClient[]> {
    this.#members ??= Promise.all(Array.from({ length: this.#size }, () => this.#pool.acquire())).then((members) => {
      for (const [number, member] of members.entries()) {
        member.onState((change) => {
          for (const listener of [...this.#listeners]) listener(change, number);
        });
      }
      return members;
    });
    return this.#members;
  }

  async #leave(options: LogoffOptions): Promise<void> {
    if (!this.#members) return;
    const results = await Promise.allSettled((await this.#members).map((member) => member.logoff(options)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #end(): Promise<void> {
    const members = (await this.#members) ?? [];
    await Promise.all(members.map((member) => this.#pool.destroy(member)));
    await this.#pool.drain();
  }
}

function leastLoaded(members: readonly BalClient[]): BalClient | undefined {
  return members.reduce<BalClient | undefined>(
    (least, member) => (least && least.unsettled <= member.unsettled ? least : member),
    undefined,
  );
}

/** FNV-1a: the same group always gives the same number. */
function hashOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash >>> 0;
}
