import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export type Frame = Record<string, unknown>;

/** Turns a frame into a body and back; JSON unless a test brings another. */
export interface Wire {
  write(frame: Frame): Buffer;
  read(body: Buffer): Frame;
}

const jsonWire: Wire = {
  write: (frame) => Buffer.from(JSON.stringify(frame)),
  read: (body) => JSON.parse(body.toString()) as Frame,
};

/** A queue between events and a test that awaits them. */
class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  get size(): number {
    return this.#items.length;
  }
}

/** A bridge that does nothing but what the test says. Its frames are made here, not by the code under test. */
export class FakeBridge {
  readonly #server: Server;
  readonly #connections = new Mailbox<FakeConnection>();
  readonly #all = new Set<FakeConnection>();

  constructor(server: Server, wire: Wire, event: string) {
    this.#server = server;
    server.on(event, (socket: Socket) => {
      const connection = new FakeConnection(socket, wire);
      this.#all.add(connection);
      this.#connections.put(connection);
    });
  }

  static async listen(options: { wire?: Wire; port?: number; tls?: TlsOptions } = {}): Promise<FakeBridge> {
    const server = options.tls ? createTlsServer(options.tls) : createServer();
    const bridge = new FakeBridge(server, options.wire ?? jsonWire, options.tls ? 'secureConnection' : 'connection');
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    return bridge;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The next connection that came in. */
  accept(): Promise<FakeConnection> {
    return this.#connections.next();
  }

  /** The next connection, its LOGON answered. */
  async logon(response: Frame = {}): Promise<FakeConnection> {
    const connection = await this.accept();
    await connection.next('LOGON');
    connection.send({ message_type: 'LOGON_RESPONSE', session_id: 's', status: 'SUCCESS', window: 100, ...response });
    return connection;
  }

  async close(): Promise<void> {
    for (const connection of this.#all) connection.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export class FakeConnection {
  readonly #socket: Socket;
  readonly #wire: Wire;
  readonly #frames = new Mailbox<Frame>();
  readonly closed: Promise<unknown>;
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket, wire: Wire) {
    this.#socket = socket;
    this.#wire = wire;
    this.closed = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      while (this.#bytes.length >= 4 && this.#bytes.length >= 4 + this.#bytes.readUInt32BE(0)) {
        const end = 4 + this.#bytes.readUInt32BE(0);
        this.#frames.put(this.#wire.read(this.#bytes.subarray(4, end)));
        this.#bytes = this.#bytes.subarray(end);
      }
    });
  }

  /** The next frame of the client, which must be of this type. */
  async next(type: string): Promise<Frame> {
    const frame = await this.#frames.next();
    if (frame.message_type !== type) throw new Error(`${type} expected, not ${JSON.stringify(frame)}`);
    return frame;
  }

  /** Frames that have arrived and were not asked for. */
  get unread(): number {
    return this.#frames.size;
  }

  /** Sends frames in one chunk. */
  send(...frames: Frame[]): void {
    this.#socket.write(Buffer.concat(frames.map((frame) => this.#framed(this.#wire.write(frame)))));
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  drop(): void {
    this.#socket.destroy();
  }

  #framed(body: Buffer): Buffer {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    return Buffer.concat([head, body]);
  }
}
