import { once } from 'node:events';
import { createServer as createHttp1, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { ServerCertificate } from '../certificate.ts';
import { Connection } from './connection.ts';
import { PlainConnection } from './plain-connection.ts';
import type { Peer, Service } from './service.ts';
import type { World } from './world.ts';

export interface ListenerOptions {
  readonly certificate: ServerCertificate;
  /** Takes HTTP/1.1 too, also from clients without ALPN. */
  readonly http1: boolean;
  /** Asks clients for a certificate by this authority, PEM. */
  readonly clientCa: string | undefined;
}

const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** TCP, TLS and ALPN before the connections of an emulator over HTTP/2. */
export class Listener {
  readonly connections = new Set<Connection>();
  readonly #world: World;
  readonly #service: Service;
  readonly #server: Server;
  readonly #mutual: boolean;
  /** The TCP sockets below TLS, by their far ends: resets are theirs. */
  readonly #sockets = new Map<string, Socket>();
  readonly #plain = new WeakMap<Socket, PlainConnection>();
  #numbers = 0;

  constructor(world: World, service: Service, { certificate: { cert, key }, http1, clientCa }: ListenerOptions) {
    this.#world = world;
    this.#service = service;
    this.#mutual = clientCa !== undefined;
    // Whom to let in is the service's to say, in words: it refuses by an answer, not by an alert.
    const mutual = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false };
    const ALPNProtocols = http1 ? ['h2', 'http/1.1'] : ['h2'];
    this.#server = createServer({ cert, key, ALPNProtocols, noDelay: true, ...mutual });
    const plain = createHttp1((request, response) => this.#plainOf(request).take(request, response));
    this.#server.on('connection', (raw: Socket) => this.#accept(raw));
    this.#server.on('tlsClientError', (error) => world.log.debug('handshake failed', { error }));
    this.#server.on('secureConnection', (tls) => {
      const raw = this.#sockets.get(keyOf(tls));
      tls.on('error', () => {});
      if (!raw) tls.destroy();
      else if (tls.alpnProtocol === 'h2') this.#begin(raw, tls);
      else if (http1) {
        this.#plain.set(tls, new PlainConnection(++this.#numbers, raw, world, service));
        plain.emit('connection', tls);
      } else tls.destroy();
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** @throws if the port is taken */
  async start(host: string, port: number): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  /** Ends all connections at once and listens no more. */
  async stop(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    for (const connection of this.connections) connection.end();
    for (const raw of this.#sockets.values()) raw.destroy();
    await closed;
  }

  #accept(raw: Socket): void {
    const { counters, faults, options } = this.#world;
    // Whatever happens to it also happens to the one above it.
    raw.on('error', () => {});
    if (faults.refuse_tls || this.#sockets.size >= options.max_connections) {
      counters.refused++;
      raw.resetAndDestroy();
      return;
    }
    counters.accepted++;
    const key = keyOf(raw);
    this.#sockets.set(key, raw);
    raw.on('close', () => this.#sockets.delete(key));
  }

  #begin(raw: Socket, tls: TLSSocket): void {
    const gone = (connection: Connection): void => void this.connections.delete(connection);
    const certificate = this.#certificateOf(tls);
    const connection = new Connection(++this.#numbers, raw, tls, certificate, this.#world, this.#service, gone);
    this.connections.add(connection);
    this.#world.log.debug('connection taken', { connection: connection.number });
  }

  #certificateOf(tls: TLSSocket): Peer['certificate'] {
    const shown = this.#mutual ? tls.getPeerX509Certificate() : undefined;
    if (!shown) return 'none';
    return tls.authorized ? 'good' : 'bad';
  }

  #plainOf({ socket }: IncomingMessage): PlainConnection {
    const known = this.#plain.get(socket);
    if (!known) throw new Error('a request came on a connection that was never taken');
    return known;
  }
}
