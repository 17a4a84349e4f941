import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { decodeBridgeFrame, type Encoding } from '../../../src/protocols/bal/index.ts';
import { protobufOf } from '../../protocols/bal/helpers.ts';
import { type Json as QtJson, qtDocument } from '../../protocols/bal/qt-reference.ts';

export type Json = Record<string, unknown>;

export interface BackendOptions {
  readonly encoding?: Encoding;
  readonly tls?: ConnectionOptions;
  /** Leave our side open when the bridge ends its own. */
  readonly halfOpen?: boolean;
}

/** Writers that know nothing of the bridge's codec. */
const writers: Readonly<Record<Encoding, (frame: Json) => Buffer>> = {
  json: (frame) => Buffer.from(JSON.stringify(frame)),
  protobuf: protobufOf,
  qt: (frame) => qtDocument(frame as QtJson),
};

/** A frame as bytes, made without the bridge's codec. */
export function bytesOf(body: Json | string | Buffer, encoding: Encoding = 'json'): Buffer {
  const text = typeof body === 'string' ? Buffer.from(body) : body;
  const bytes = Buffer.isBuffer(text) ? text : writers[encoding](text);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes.length);
  return Buffer.concat([header, bytes]);
}

/** A backend that speaks over a real socket, byte by byte if it must. */
export class Backend {
  readonly socket: Socket;
  readonly #encoding: Encoding;
  readonly #frames: Json[] = [];
  readonly #waiting: (() => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #syncs = 0;
  /** True once the bridge closed the connection. */
  ended = false;

  private constructor(socket: Socket, encoding: Encoding) {
    this.socket = socket;
    this.#encoding = encoding;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    const end = () => {
      this.ended = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  static async connect(
    port: number,
    { encoding = 'json', tls, halfOpen = false }: BackendOptions = {},
  ): Promise<Backend> {
    const socket = tls
      ? connectTls({ host: '127.0.0.1', port, ...tls })
      : connect({ host: '127.0.0.1', port, allowHalfOpen: halfOpen });
    await once(socket, tls ? 'secureConnect' : 'connect');
    return new Backend(socket, encoding);
  }

  send(...frames: (Json | string | Buffer)[]): void {
    this.socket.write(Buffer.concat(frames.map((frame) => bytesOf(frame, this.#encoding))));
  }

  raw(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** The next frame. Rejects if the connection closes before one comes. */
  async next(): Promise<Json> {
    while (this.#frames.length === 0) {
      if (this.ended) throw new Error('connection closed');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.#frames.shift() ?? {};
  }

  /** The next `count` frames. */
  async take(count: number): Promise<Json[]> {
    const frames: Json[] = [];
    while (frames.length < count) frames.push(await this.next());
    return frames;
  }

  /** Frames that have arrived and were not taken. */
  get arrived(): number {
    return this.#frames.length;
  }

  /** Everything that still comes until the bridge closes. */
  async untilEnd(): Promise<Json[]> {
    while (!this.ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.#frames.splice(0);
  }

  /**
   * Asks for two PONGs, one after the other: when they are back, everything that was sent before has been read, and what
   * follows from it at once has been done and told.
   */
  async sync(): Promise<Json[]> {
    const before: Json[] = [];
    for (const data of [`sync ${++this.#syncs}`, `sync ${++this.#syncs}`]) {
      this.send({ message_type: 'PING', data });
      for (;;) {
        const frame = await this.next();
        if (frame.message_type === 'PONG' && frame.data === data) break;
        before.push(frame);
      }
    }
    return before;
  }

  ack(...sequences: unknown[]): void {
    this.send({ message_type: 'ACK', sequence_ids: sequences });
  }

  destroy(): void {
    this.socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readUInt32BE(0)) {
      const end = 4 + this.#rest.readUInt32BE(0);
      this.#frames.push(this.#decode(this.#rest.subarray(4, end)));
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }

  #decode(body: Buffer): Json {
    if (body[0] === 0x7b) return JSON.parse(body.toString('utf8')) as Json;
    const encoding = body.toString('latin1', 0, 4) === 'qbjs' ? 'qt' : 'protobuf';
    return { ...decodeBridgeFrame(body, encoding), encoding };
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
