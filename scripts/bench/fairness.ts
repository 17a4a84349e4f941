/** What a flood from one session costs another: its latency alone, and again while the flood goes on. */
import type { ReceivedFrame } from '../../src/protocols/bal/index.ts';
import { Backend } from './backend.ts';
import { contentOf, type LoadResult, runLoad, Template } from './load.ts';

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
      sessions: [quietSession],
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
    Array.from({ length: floodConnections }, async (_, n) => {
      const backend = await Backend.logOn({ port, session: floodSession, confirm: true });
      return new Flood(backend, Math.ceil(backlog / floodConnections), payload, `${prefix}flood${n}`);
    }),
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
  readonly #backend: Backend;
  readonly #backlog: number;
  readonly #template: Template;
  readonly #full = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #sent = 0;
  #taken = 0;
  #stopping = false;

  constructor(backend: Backend, backlog: number, payload: number, prefix: string) {
    this.#backend = backend;
    this.#backlog = backlog;
    this.#template = new Template(backend.encoding, prefix, contentOf(payload));
  }

  /** Resolves when the bridge has taken the whole backlog. */
  start(): Promise<void> {
    const fail = (error: Error) => {
      this.#full.reject(error);
      this.#over.reject(error);
    };
    this.#over.promise.catch(() => {});
    this.#backend.listen((frames) => this.#take(frames), fail);
    this.#fill();
    return this.#full.promise;
  }

  /** Sends nothing more and resolves with the last outcome. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.done === this.#sent) this.#over.resolve();
    await this.#over.promise;
    this.#backend.close();
  }

  #fill(): void {
    const room = this.#stopping ? 0 : this.#backlog - (this.#sent - this.done);
    if (room <= 0) return;
    this.#backend.socket.write(Buffer.concat(Array.from({ length: room }, () => this.#template.frame(this.#sent++))));
  }

  #take(frames: readonly ReceivedFrame[]): void {
    for (const frame of frames) {
      if (frame.message_type === 'DOWNSTREAM_TAKEN') this.#taken += frame.message_ids.length;
      else if (frame.message_type === 'DOWNSTREAM_ACK') this.done++;
      else throw new Error(`the bridge says ${JSON.stringify(frame)}`);
    }
    if (this.#taken >= this.#backlog) this.#full.resolve();
    if (this.#stopping && this.done === this.#sent) this.#over.resolve();
    this.#fill();
  }
}
