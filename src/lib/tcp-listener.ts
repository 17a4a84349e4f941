import { type AddressInfo, createServer, type Server, type ServerOpts, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { type Log, reason } from './log.ts';

/** Connections that the system may queue before they are accepted. */
const BACKLOG = 1_024;
/** Connections beyond those that are served, which may be told so; any more are dropped without a word. */
const SURPLUS_MAX = 1_024;

export interface TcpListenerOptions {
  /** What is spoken there, for the log. */
  readonly protocol: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Connections that are served at once: it is for `accept` to send those beyond away. */
  readonly maxConnections: number;
  readonly tcp: Pick<ServerOpts, 'allowHalfOpen' | 'keepAlive' | 'keepAliveInitialDelay'>;
  /** Without it the listener speaks plain TCP. A handshake has a deadline of its own. */
  readonly tls?: (TlsOptions & { readonly handshakeTimeout: number }) | undefined;
  readonly log: Log;
  /** Takes a connection whose handshake is done. */
  readonly accept: (socket: Socket) => void;
}

/** A TCP or TLS listener that knows every socket it has let in. */
export class TcpListener {
  readonly #options: TcpListenerOptions;
  readonly #server: Server;
  /** Everything accepted, also what is in a TLS handshake or was sent away. */
  readonly #sockets = new Set<Socket>();

  /** @throws Error if TLS takes its options for wrong */
  constructor(options: TcpListenerOptions) {
    const { protocol, tcp, tls, maxConnections, log, accept } = options;
    const common = { ...tcp, noDelay: true };
    const server = tls ? createTlsServer({ ...common, ...tls }, accept) : createServer(common, accept);
    server.maxConnections = maxConnections + SURPLUS_MAX;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    // A failed TLS handshake is the peer's trouble; without a listener it would be the process's.
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      log.info(`${protocol} TLS handshake failed`, { error: reason(error) });
      socket.destroy(); // a handshake that timed out is only told of, not ended
    });
    this.#options = options;
    this.#server = server;
  }

  /** Listens. Rejects with the address that is the matter. */
  async start(): Promise<void> {
    const { protocol, host, port, log } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen({ host, port, backlog: BACKLOG }, resolve);
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => log.error(`${protocol} listener failed`, { error: reason(error) }));
  }

  /** The port that is listened on; 0 before the start and after the end. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Lets nobody in any more; those who are in stay. Safe to call twice. */
  close(): void {
    this.#server.close();
  }

  /** Cuts off all who are in. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
