import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { certificate } from './token-server.ts';

/** One request that came in. The test answers it with the methods. */
export class Received {
  readonly stream: ServerHttp2Stream;
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;

  constructor(stream: ServerHttp2Stream, headers: Record<string, unknown>, text: string) {
    this.stream = stream;
    this.path = String(headers[':path']);
    this.method = String(headers[':method']);
    this.headers = headers;
    this.text = text;
  }

  get session(): ServerHttp2Session | undefined {
    return this.stream.session as ServerHttp2Session | undefined;
  }

  get authorization(): string {
    return String(this.headers.authorization);
  }

  /** The `message` of the body. */
  get message(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.text).message;
  }

  get token(): string {
    return String(this.message.token);
  }

  ok(): void {
    this.reply(200, { name: `projects/demo-project/messages/${this.token}` });
  }

  reply(status: number, body: object | string = '', headers: Readonly<Record<string, string>> = {}): void {
    if (this.stream.destroyed) return;
    this.stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
    this.stream.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  /** An error with a code of FCM's, or without one. [fcm.md §3.3] */
  error(status: number, code?: string, headers: Readonly<Record<string, string>> = {}): void {
    const details = [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: code }];
    this.reply(status, { error: { code: status, message: 'words', status: 'X', ...(code && { details }) } }, headers);
  }

  /** Half of an answer, and then nothing. */
  half(): void {
    this.stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': '100' });
    this.stream.write('{"name":"proj');
  }

  reset(code: number): void {
    this.stream.close(code);
  }
}

/** An HTTP/2 server with TLS whose answers are the test's. */
export class ScriptedServer {
  readonly received: Received[] = [];
  readonly sessions: ServerHttp2Session[] = [];
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  answer: (request: Received, number: number) => void;

  constructor(
    answer: ScriptedServer['answer'] = (request) => request.ok(),
    maxConcurrentStreams = 100,
    own = certificate,
  ) {
    this.answer = answer;
    this.#server = createSecureServer({
      cert: own.cert,
      key: own.key,
      settings: { maxConcurrentStreams },
    });
    this.#server.on('connection', (socket: Socket) => this.#sockets.add(socket));
    this.#server.on('session', (session) => {
      this.sessions.push(session);
      session.on('error', () => {});
    });
    this.#server.on('sessionError', () => {});
    this.#server.on('stream', (stream: ServerHttp2Stream, headers) => {
      let text = '';
      stream.on('error', () => {});
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => {
        const request = new Received(stream, headers as Record<string, unknown>, text);
        const number = this.received.push(request);
        this.answer(request, number);
        for (const { count, resolve } of this.#waiting) if (number >= count) resolve();
      });
    });
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** Resolves when so many requests have come. */
  async requests(count: number): Promise<void> {
    if (this.received.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
