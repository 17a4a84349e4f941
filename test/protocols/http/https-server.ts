import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createCertificate, LOCAL_NAMES } from '../../../src/emulator/certificate.ts';

const DAY_MS = 86_400_000;
export const certificate = createCertificate({
  names: [...LOCAL_NAMES, 'push.example', 'other.example'],
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});

/** A request as it came, with the answer that is to be written. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly answer: ServerResponse;
}

/** A server of HTTP/1.1, with TLS unless it is plain, whose answers are written in the test. */
export class TestServer {
  readonly asked: Asked[] = [];
  readonly sockets = new Set<Socket>();
  /** Connections so far, and the most that there were at once. */
  connections = 0;
  most = 0;
  onRequest: (asked: Asked) => void = ({ answer }) => answer.writeHead(201).end();
  readonly #plain: boolean;
  readonly #server: Server;

  constructor({ plain = false } = {}) {
    this.#plain = plain;
    const take = (request: IncomingMessage, answer: ServerResponse) => void this.#take(request, answer);
    this.#server = plain ? createPlainServer(take) : createServer({ ...certificate }, take);
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket: Socket) => {
      this.connections++;
      this.sockets.add(socket);
      this.most = Math.max(this.most, this.sockets.size);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('error', () => {});
    });
    this.#server.on('tlsClientError', () => {});
  }

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The URL of a path, by address or by another name for it. */
  url(path = '/push', host = '127.0.0.1'): string {
    return `${this.#plain ? 'http' : 'https'}://${host}:${this.port}${path}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the client went away in the middle
    }
    const asked = { request, body: Buffer.concat(chunks), answer };
    this.asked.push(asked);
    this.onRequest(asked);
  }
}
