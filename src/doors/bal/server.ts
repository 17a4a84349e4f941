import type { Socket } from 'node:net';
import { readAuthority, readListenerCertificate } from '../../lib/certificates.ts';
import { every, type Timer } from '../../lib/clock.ts';
import { deadline } from '../../lib/deadline.ts';
import { inSection } from '../../lib/option-problem.ts';
import { TcpListener } from '../../lib/tcp-listener.ts';
import { BalError, encodeBridgeFrame } from '../../protocols/bal/index.ts';
import { Connection, type Host } from './connection.ts';
import type { DoorDeps } from './door-deps.ts';
import { Gatekeeper, type ServedSession } from './logon.ts';
import type { BalOptions } from './options.ts';

/** How often the deadlines of connections are looked at. */
const CHECK_INTERVAL_MS = 250;
/** Between two looks there may lie so much; what is more, the bridge itself stood still. */
const STANDSTILL_MS = 1_000;

export type BalDoorOptions = DoorDeps & { readonly served: readonly ServedSession[] };

/** The BAL door: a TCP or TLS listener for backends. */
export class BalDoor implements Host {
  readonly gatekeeper: Gatekeeper;
  readonly #deps: DoorDeps;
  readonly #connections = new Set<Connection>();
  readonly #bySession = new Map<string, number>();
  #listener: TcpListener | undefined;
  #timer: Timer | undefined;
  /** Monotonic time of the last look at the deadlines. */
  #checkedAt = 0;
  #gateClosed = false;
  #empty: (() => void) | undefined;

  constructor(options: BalDoorOptions) {
    this.#deps = options;
    this.gatekeeper = new Gatekeeper(options.served, options.options, options.clock);
  }

  /** Listens. Rejects with the option or the address that is the matter. */
  async start(): Promise<void> {
    const { clock } = this.#deps;
    this.#listener = listener(this.#deps, (socket) => this.#accept(socket));
    await this.#listener.start();
    this.#checkedAt = clock.monotonic();
    this.#timer = every(
      clock,
      CHECK_INTERVAL_MS,
      () => this.#check(),
      () => {},
    );
  }

  /** The port that is listened on, once started. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** No new connections and no new messages; acknowledgements are still taken. Resolves when none is half taken. */
  async closeGate(): Promise<void> {
    this.#gateClosed = true;
    this.#listener?.close();
    await Promise.all([...this.#connections].map((connection) => connection.closeGate()));
  }

  /** Says SHUTTING_DOWN to everyone and waits up to `ms` for them to close. Safe to call twice. */
  async stop(ms: number): Promise<void> {
    const { clock } = this.#deps;
    // A store that hangs must not keep the backends from being told.
    await deadline(clock, this.closeGate(), ms, 'closing the gate').catch(() => {});
    for (const connection of this.#connections) {
      connection.fail(new BalError('SHUTTING_DOWN', 'the bridge stops'));
    }
    if (this.#connections.size > 0) {
      const empty = new Promise<void>((resolve) => (this.#empty = resolve));
      await deadline(clock, empty, ms, 'closing BAL connections').catch(() => {});
    }
    for (const connection of this.#connections) connection.destroy();
    this.#listener?.destroy();
    this.#timer?.cancel();
  }

  admit(session: string): boolean {
    const count = this.#bySession.get(session) ?? 0;
    if (count >= this.#deps.options.max_connections_per_session) return false;
    this.#bySession.set(session, count + 1);
    return true;
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    if (connection.session !== undefined) {
      this.#bySession.set(connection.session, (this.#bySession.get(connection.session) ?? 1) - 1);
    }
    if (this.#connections.size === 0) this.#empty?.();
  }

  #accept(socket: Socket): void {
    const { options, log } = this.#deps;
    const full = this.#connections.size >= options.max_connections;
    if (!full && !this.#gateClosed) {
      this.#connections.add(new Connection(socket, this.#deps, this));
      return;
    }
    if (full) log.warn('BAL connection refused: max_connections', { max_connections: options.max_connections });
    const error_string = full ? 'max_connections: too many connections' : 'the bridge stops';
    socket.on('error', () => socket.destroy());
    socket.end(encodeBridgeFrame({ message_type: 'ERROR', error: 'SHUTTING_DOWN', error_string }, 'json'));
    socket.destroySoon();
  }

  #check(): void {
    const now = this.#deps.clock.monotonic();
    // What came in while the machine or the process was stopped is not read yet: that is no silence of the backends.
    const lost = Math.max(0, now - this.#checkedAt - STANDSTILL_MS);
    this.#checkedAt = now;
    for (const connection of this.#connections) connection.check(now, lost);
  }
}

function listener({ options, log }: DoorDeps, accept: (socket: Socket) => void): TcpListener {
  const { host, port, tls, logon_timeout: handshakeTimeout, max_connections: maxConnections } = options;
  return new TcpListener({
    protocol: 'BAL',
    host,
    port,
    maxConnections,
    tcp: { allowHalfOpen: true },
    tls: tls && { handshakeTimeout, ...inSection('bal.tls', () => certificatesOf(tls)) },
    log,
    accept,
  });
}

function certificatesOf({ client_ca, ...own }: NonNullable<BalOptions['tls']>) {
  const certificate = readListenerCertificate(own);
  if (client_ca === undefined) return certificate;
  return { ...certificate, ca: readAuthority('client_ca', client_ca), requestCert: true, rejectUnauthorized: true };
}
