/** A backend on a raw socket, so that the client library is not what is measured. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  decodeBridgeFrame,
  type Encoding,
  encodeBackendFrame,
  FrameDecoder,
  type ReceivedFrame,
} from '../../src/protocols/bal/index.ts';

const MAX_FRAME_BYTES = 1_048_576;

export interface BackendOptions {
  readonly port: number;
  readonly session: string;
  readonly encoding?: Encoding;
  readonly window?: number;
  readonly confirm?: boolean;
}

export class Backend {
  readonly socket: Socket;
  readonly encoding: Encoding;
  readonly #decoder = new FrameDecoder(MAX_FRAME_BYTES);
  #closing = false;

  private constructor(socket: Socket, encoding: Encoding) {
    this.socket = socket;
    this.encoding = encoding;
  }

  static async logOn(options: BackendOptions): Promise<Backend> {
    const { port, session, encoding = 'json', window = 1000, confirm = false } = options;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const backend = new Backend(socket, encoding);
    socket.write(encodeBackendFrame({ message_type: 'LOGON', session_id: session, window, confirm }, encoding));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    const [answer] = backend.#cut(chunk);
    if (answer?.message_type !== 'LOGON_RESPONSE' || answer.status !== 'SUCCESS') {
      throw new Error(`logon failed: ${JSON.stringify(answer)}`);
    }
    return backend;
  }

  /**
   * Hands on all frames of a chunk at once, and acknowledges those with a number in one frame.
   * @param fail called if the bridge closes the connection or says ERROR
   */
  listen(take: (frames: readonly ReceivedFrame[]) => void, fail: (error: Error) => void): void {
    this.socket.on('close', () => {
      if (!this.#closing) fail(new Error('the bridge closed a connection'));
    });
    this.socket.on('data', (chunk: Buffer) => {
      const frames = this.#cut(chunk);
      if (frames.length === 0) return;
      const sequence_ids: number[] = [];
      for (const frame of frames) {
        if (frame.message_type === 'ERROR') fail(new Error(`the bridge says ${JSON.stringify(frame)}`));
        if ('sequence_id' in frame && frame.sequence_id !== undefined) sequence_ids.push(frame.sequence_id);
      }
      if (sequence_ids.length > 0) {
        this.socket.write(encodeBackendFrame({ message_type: 'ACK', sequence_ids }, this.encoding));
      }
      take(frames);
    });
  }

  close(): void {
    this.#closing = true;
    this.socket.destroy();
  }

  #cut(chunk: Buffer): ReceivedFrame[] {
    this.#decoder.push(chunk);
    const frames: ReceivedFrame[] = [];
    for (let body = this.#decoder.next(); body; body = this.#decoder.next()) {
      frames.push(decodeBridgeFrame(body, this.encoding));
    }
    return frames;
  }
}
