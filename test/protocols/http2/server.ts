import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createCertificate, LOCAL_NAMES } from '../../../src/emulator/certificate.ts';

const DAY_MS = 86_400_000;
export const certificate = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});

/** A request as it came, and the stream to answer on. */
export interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly stream: ServerHttp2Stream;
  /** Counts connections from 1. */
  readonly connection: number;
}

/** An HTTP/2 server whose answers are written in the test. */
export class H2TestServer {
  readonly sessions: ServerHttp2Session[] = [];
  readonly asked: Asked[] = [];
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  onRequest: (asked: Asked) => void = ({ stream }) => reply(stream, 200, 'ok');
  /** Streams open at once, and the most there ever were, over all connections. */
  open = 0;
  most = 0;

  constructor(settings: Settings = {}) {
    this.#server = createSecureServer({ cert: certificate.cert, key: certificate.key, settings });
    this.#server.on('session', (session) => {
      const number = this.sessions.push(session);
      session.on('error', () => {});
      session.on('stream', (stream, headers) => this.#take(stream, headers, number));
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('sessionError', () => {});
  }

  get origin(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, connection: number): void {
    this.most = Math.max(this.most, ++this.open);
    const chunks: Buffer[] = [];
    stream.on('error', () => {});
    stream.on('close', () => this.open--);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const asked = { headers, body: Buffer.concat(chunks).toString(), stream, connection };
      this.asked.push(asked);
      this.onRequest(asked);
    });
  }
}

export function reply(stream: ServerHttp2Stream, status: number, body: string): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, 'content-type': 'text/plain' });
  stream.end(body);
}
