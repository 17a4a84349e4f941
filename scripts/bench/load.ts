/** A load generator for the BAL door: raw sockets and JSON frames, so that the client library is not what is measured. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface LoadOptions {
  readonly port: number;
  readonly session: string;
  readonly connections: number;
  /** Messages in all. */
  readonly messages: number;
  /** Messages without an outcome on one connection, at most. */
  readonly outstanding: number;
  /** Bytes of `data` in a message. */
  readonly payload: number;
  /** Messages per second over all connections; absent: as fast as it goes. */
  readonly rate?: number;
  /** Makes message ids unique between runs. */
  readonly prefix: string;
}

export interface LoadResult {
  readonly seconds: number;
  readonly perSecond: number;
  readonly rejected: number;
  /** Milliseconds from writing a frame to reading its DOWNSTREAM_ACK. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Sends `messages` and waits for the outcome of every one. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const share = Math.floor(options.messages / options.connections);
  const latencies = new Float64Array(share * options.connections);
  const workers = await Promise.all(
    Array.from({ length: options.connections }, (_, index) => Worker.open(options, index, share, latencies)),
  );
  const started = performance.now();
  await Promise.all(workers.map((worker) => worker.run()));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort();
  const at = (quantile: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * quantile))] ?? 0;
  return {
    seconds,
    perSecond: latencies.length / seconds,
    rejected: workers.reduce((sum, worker) => sum + worker.rejected, 0),
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
  };
}

class Worker {
  rejected = 0;
  readonly #options: LoadOptions;
  readonly #socket: Socket;
  readonly #offset: number;
  readonly #share: number;
  readonly #latencies: Float64Array;
  readonly #sentAt: Float64Array;
  readonly #filler: string;
  #rest: Buffer = Buffer.alloc(0);
  #sent = 0;
  #done = 0;
  readonly #finished = Promise.withResolvers<void>();

  private constructor(options: LoadOptions, socket: Socket, index: number, share: number, latencies: Float64Array) {
    this.#options = options;
    this.#socket = socket;
    this.#offset = index * share;
    this.#share = share;
    this.#latencies = latencies;
    this.#sentAt = new Float64Array(share);
    this.#filler = 'x'.repeat(Math.max(0, options.payload - 10));
  }

  static async open(options: LoadOptions, index: number, share: number, latencies: Float64Array): Promise<Worker> {
    const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    socket.write(frame(JSON.stringify({ message_type: 'LOGON', session_id: options.session, window: 1000 })));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    if (!chunk.includes('"SUCCESS"')) throw new Error(`logon failed: ${chunk.toString('utf8', 4)}`);
    return new Worker(options, socket, index, share, latencies);
  }

  async run(): Promise<void> {
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#socket.on('close', () => this.#finished.reject(new Error('the bridge closed a connection')));
    const { rate, connections } = this.#options;
    if (rate === undefined) this.#fill();
    else this.#pace(rate / connections / 1000);
    await this.#finished.promise;
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  /** Closed loop: as many as may be outstanding. */
  #fill(): void {
    const room = Math.min(this.#options.outstanding - (this.#sent - this.#done), this.#share - this.#sent);
    if (room <= 0) return;
    this.#socket.write(Buffer.concat(Array.from({ length: room }, () => this.#message())));
  }

  /** Open loop: so many a millisecond, whatever comes back. */
  #pace(perMs: number): void {
    const began = performance.now();
    const timer = setInterval(() => {
      const due = Math.min(this.#share, Math.floor((performance.now() - began) * perMs));
      while (this.#sent < due) this.#socket.write(this.#message());
      if (this.#sent === this.#share) clearInterval(timer);
    }, 1);
  }

  #message(): Buffer {
    const n = this.#sent++;
    this.#sentAt[n] = performance.now();
    const id = `${this.#options.prefix}-${this.#offset + n}`;
    return frame(
      `{"message_type":"DOWNSTREAM","message_id":"${id}","fcm_data":{"to":"token-${n}","data":{"text":"${this.#filler}"}}}`,
    );
  }

  #read(chunk: Buffer): void {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const sequences: number[] = [];
    let at = 0;
    while (data.length - at >= 4) {
      const end = at + 4 + data.readUInt32BE(at);
      if (data.length < end) break;
      this.#take(JSON.parse(data.toString('utf8', at + 4, end)) as Record<string, unknown>, sequences);
      at = end;
    }
    this.#rest = data.subarray(at);
    if (sequences.length > 0) {
      this.#socket.write(frame(`{"message_type":"ACK","sequence_ids":[${sequences.join(',')}]}`));
    }
    if (this.#done === this.#share) this.#finished.resolve();
    else if (this.#options.rate === undefined) this.#fill();
  }

  #take(message: Record<string, unknown>, sequences: number[]): void {
    const type = message.message_type;
    if (type === 'ERROR') throw new Error(`the bridge says ${JSON.stringify(message)}`);
    if (type !== 'DOWNSTREAM_ACK' && type !== 'DOWNSTREAM_REJECT') return;
    if (type === 'DOWNSTREAM_REJECT') this.rejected++;
    sequences.push(Number(message.sequence_id));
    const n = Number(String(message.message_id).split('-').at(-1)) - this.#offset;
    this.#latencies[this.#offset + n] = performance.now() - (this.#sentAt[n] ?? 0);
    this.#done++;
  }
}

function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.allocUnsafe(4 + length);
  bytes.writeUInt32BE(length);
  bytes.write(text, 4);
  return bytes;
}
