import type { Socket } from 'node:net';
import { readListenerCertificate } from '../../lib/certificates.ts';
import { every, type Timer } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { reason } from '../../lib/log.ts';
import { inSection } from '../../lib/option-problem.ts';
import { TcpListener } from '../../lib/tcp-listener.ts';
import { Connection, type ConnectionFacts, type Host } from './connection.ts';
import type { DoorDeps } from './door-deps.ts';
import { Gatekeeper } from './gatekeeper.ts';

/** How often the deadlines of connections are looked at. */
const CHECK_INTERVAL_MS = 250;
/** TCP keepalive: app servers that die silently are found by it. */
const TCP_KEEPALIVE_MS = 60_000;

/** The CCS door: a TLS listener for app servers that were written for CCS. */
export class CcsDoor implements Host {
  readonly gatekeeper: Gatekeeper;
  readonly #deps: DoorDeps;
  readonly #connections = new Map<number, Connection>();
  #listener: TcpListener | undefined;
  #timers: Timer[] = [];
  #numbers = 0;
  #empty: (() => void) | undefined;

  constructor(deps: DoorDeps) {
    this.#deps = deps;
    this.gatekeeper = new Gatekeeper(deps.options, deps.clock);
  }

  /** Listens. Rejects with the option or the address that is the matter. */
  async start(): Promise<void> {
    const { options, clock, log } = this.#deps;
    this.#listener = listener(this.#deps, (socket) => this.#accept(socket));
    await this.#listener.start();
    const report = (error: unknown) => log.error('CCS door failed', { error: reason(error) });
    const each = (work: (connection: Connection) => void) => () => {
      for (const connection of this.#connections.values()) work(connection);
    };
    const check = each((connection) => connection.check(clock.monotonic()));
    this.#timers.push(every(clock, CHECK_INTERVAL_MS, check, report));
    if (options.keepalive > 0) {
      const keepAlive = each((connection) => connection.keepAlive());
      this.#timers.push(every(clock, options.keepalive, keepAlive, report));
    }
  }

  /** The port that is listened on, once started. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** What is connected, for the operator. */
  connections(): ConnectionFacts[] {
    return Array.from(this.#connections.values(), ({ facts }) => facts);
  }

  /**
   * Tells one connection, or all, that it drains: new messages are nacked CONNECTION_DRAINING, answers and acks go on both
   * ways, and it is closed when nobody waits for anything, at the latest after `drain_timeout`. [fcm.md §1.10]
   * @param connection its number; all connections without it
   * @returns how many are told
   */
  drain(connection?: number): number {
    const chosen = [...this.#connections.values()].filter(({ number }) => number === (connection ?? number));
    for (const one of chosen) one.drain();
    return chosen.length;
  }

  /**
   * No new connections and no new messages: the others drain. Answers and acks go on. Resolves when nothing is on its way
   * into the store.
   */
  async closeGate(): Promise<void> {
    this.#listener?.close();
    this.drain();
    await Promise.all(Array.from(this.#connections.values(), (connection) => connection.idle()));
  }

  /** Closes all streams and waits up to `ms` for the app servers to do the same. Safe to call twice. */
  async stop(ms: number): Promise<void> {
    const { clock } = this.#deps;
    // A store that hangs must not keep the app servers from being told.
    await deadline(clock, this.closeGate(), ms, 'closing the gate').catch(() => {});
    for (const connection of this.#connections.values()) connection.close();
    if (this.#connections.size > 0) {
      const empty = new Promise<void>((resolve) => (this.#empty = resolve));
      await deadline(clock, empty, ms, 'closing CCS connections').catch(() => {});
    }
    for (const connection of this.#connections.values()) connection.destroy();
    this.#listener?.destroy();
    for (const timer of this.#timers) timer.cancel();
  }

  closed({ number }: Connection): void {
    this.#connections.delete(number);
    if (this.#connections.size === 0) this.#empty?.();
  }

  #accept(socket: Socket): void {
    const { options, log } = this.#deps;
    const connection = new Connection(++this.#numbers, socket, this.#deps, this);
    if (this.#connections.size < options.max_connections) {
      this.#connections.set(connection.number, connection);
      return;
    }
    log.warn('CCS connection refused: max_connections', { max_connections: options.max_connections });
    connection.fail('resource-constraint', 'max_connections: too many connections');
  }
}

function listener({ options, log }: DoorDeps, accept: (socket: Socket) => void): TcpListener {
  const { host, port, login_timeout: handshakeTimeout, max_connections: maxConnections } = options;
  return new TcpListener({
    protocol: 'CCS',
    host,
    port,
    maxConnections,
    tcp: { keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS },
    tls: { handshakeTimeout, ...inSection('doors.ccs.tls', () => readListenerCertificate(options.tls)) },
    log,
    accept,
  });
}
