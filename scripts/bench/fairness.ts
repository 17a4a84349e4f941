/** What a flood from one session costs another: its latency alone, and again while the flood goes on. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { FrameDecoder, frame } from '../../src/protocols/bal/index.ts';
import { type LoadResult, runLoad } from './load.ts';

export interface FairnessOptions {
  /** BAL port of a running bridge that serves both sessions, without secrets. */
  readonly port: number;
  readonly quietSession: string;
  readonly floodSession: string;
  /** Messages of the quiet session in each of the two measurements; their p99 needs a thousand. */
  readonly messages?: number;
  /** Messages per second of the quiet session. */
  readonly rate?: number;
  /** Messages of the flood without an outcome: what waits in the bridge at any time, over all its connections. */
  readonly backlog?: number;
  readonly floodConnections?: number;
  /** Bytes of `data` in every message. */
  readonly payload?: number;
  /** Makes message ids unique between runs. */
  readonly prefix?: string;
}

export interface FairnessResult {
  readonly alone: LoadResult;
  readonly beside: LoadResult;
  /** p99 beside the flood by p99 alone; the goal is 2 at most. */
  readonly ratio: number;
  /** What the flood got through meanwhile, in messages per second. */
  readonly floodPerSecond: number;
}

/** Measures the quiet session alone, then beside the flood, and returns when the bridge has worked the flood off. */
export async function measureFairness(options: FairnessOptions): Promise<FairnessResult> {
  const { port, quietSession, floodSession, messages = 1_000, rate = 100, payload = 300 } = options;
  const { backlog = 20_000, floodConnections = 4, prefix = `fair${Date.now()}` } = options;
  const quiet = (name: string) =>
    runLoad({
      port,
      session: quietSession,
      connections: 1,
      messages,
      outstanding: messages,
      payload,
      rate,
      prefix: `${prefix}${name}`,
    });
  await quiet('warm');
  const alone = await quiet('alone');
  const floods = await Promise.all(
    Array.from({ length: floodConnections }, (_, n) =>
      Flood.open(port, floodSession, Math.ceil(backlog / floodConnections), payload, `${prefix}flood${n}`),
    ),
  );
  const done = () => floods.reduce((sum, flood) => sum + flood.done, 0);
  await Promise.all(floods.map((flood) => flood.start())); // the backlog is there before anybody measures
  const before = done();
  const beside = await quiet('beside');
  const floodPerSecond = (done() - before) / beside.seconds;
  await Promise.all(floods.map((flood) => flood.stop()));
  return { alone, beside, ratio: beside.p99 / alone.p99, floodPerSecond };
}

/** A connection that keeps so many messages without an outcome in the bridge. */
class Flood {
  /** Outcomes so far. */
  done = 0;
  readonly #socket: Socket;
  readonly #backlog: number;
  readonly #filler: string;
  readonly #prefix: string;
  readonly #decoder = new FrameDecoder();
  readonly #full = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #sent = 0;
  #taken = 0;
  #stopping = false;

  private constructor(socket: Socket, backlog: number, payload: number, prefix: string) {
    this.#socket = socket;
    this.#backlog = backlog;
    this.#filler = 'x'.repeat(Math.max(0, payload - 10));
    this.#prefix = prefix;
  }

  static async open(port: number, session: string, backlog: number, payload: number, prefix: string): Promise<Flood> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    const logon = { message_type: 'LOGON', session_id: session, window: 1_000, confirm: true };
    socket.write(json(logon));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    if (!chunk.includes('"SUCCESS"')) throw new Error(`logon failed: ${chunk.toString('utf8', 4)}`);
    return new Flood(socket, backlog, payload, prefix);
  }

  /** Resolves when the bridge has taken the whole backlog. */
  start(): Promise<void> {
    const gone = () => {
      const error = new Error('the bridge closed a connection of the flood');
      this.#full.reject(error);
      this.#over.reject(error);
    };
    this.#over.promise.catch(() => {});
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk)).on('close', gone);
    this.#fill();
    return this.#full.promise;
  }

  /** Sends nothing more and resolves with the last outcome. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.done === this.#sent) this.#over.resolve();
    await this.#over.promise;
    this.#socket.destroy();
  }

  #fill(): void {
    const room = this.#stopping ? 0 : this.#backlog - (this.#sent - this.done);
    if (room > 0) this.#socket.write(Buffer.concat(Array.from({ length: room }, () => this.#message())));
  }

  #message(): Buffer {
    const n = this.#sent++;
    return json({
      message_type: 'DOWNSTREAM',
      message_id: `${this.#prefix}-${n}`,
      fcm_data: { to: `token-${n}`, data: { text: this.#filler } },
    });
  }

  #read(chunk: Buffer): void {
    this.#decoder.push(chunk);
    const sequences: unknown[] = [];
    for (const body of this.#decoder) {
      const { message_type: type, sequence_id, message_ids } = JSON.parse(body.toString('utf8'));
      if (sequence_id !== undefined) sequences.push(sequence_id);
      if (type === 'DOWNSTREAM_TAKEN') this.#taken += message_ids.length;
      else if (type === 'DOWNSTREAM_ACK' || type === 'DOWNSTREAM_REJECT') this.done++;
      else throw new Error(`the bridge says ${body.toString('utf8')}`);
    }
    if (sequences.length > 0) {
      this.#socket.write(json({ message_type: 'ACK', sequence_ids: sequences }));
    }
    if (this.#taken >= this.#backlog) this.#full.resolve();
    if (this.#stopping && this.done === this.#sent) this.#over.resolve();
    this.#fill();
  }
}

const json = (fields: Record<string, unknown>): Buffer => frame(Buffer.from(JSON.stringify(fields)));
