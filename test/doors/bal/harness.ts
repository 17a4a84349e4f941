import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { Core, noTelemetry, type RetryRules, type StoreLimits } from '../../../src/core/index.ts';
import {
  BalDoor,
  type BalOptions,
  balOptions,
  type ServedSession,
  sessionOptions,
} from '../../../src/doors/bal/index.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createMemoryStore } from '../../../src/storage/memory/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';

export const limits: StoreLimits = {
  dedupeWindowMs: 3_600_000,
  dedupeMax: 1_000,
  upstreamDedupeMs: 86_400_000,
  receiptsMax: 1_000,
  inboxTtlMs: 2_419_200_000,
  deadLettersMax: 1_000,
  maxInbox: 1_000,
  sessions: {},
};

export interface BridgeOptions {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly sessions?: readonly Readonly<Record<string, unknown>>[];
  readonly provider?: FakeProvider;
  readonly others?: readonly FakeProvider[];
  readonly clock?: Clock;
  readonly retry?: RetryRules;
}

/** A door and a core around a memory store and a provider of the test. */
export async function startBridge(given: BridgeOptions = {}) {
  const clock = given.clock ?? systemClock;
  const provider = given.provider ?? new FakeProvider();
  const providers = [provider, ...(given.others ?? [])];
  const names = providers.map(({ name }) => name);
  const served: ServedSession[] = (given.sessions ?? [{ id: 'app' }]).map((session) => {
    const parsed = sessionOptions.parse(session);
    return { ...parsed, providers: parsed.providers ?? names };
  });
  const options: BalOptions = balOptions.parse({ port: 0, ...given.options });
  const store = createMemoryStore(limits);
  const common = { clock, log: silentLog, telemetry: noTelemetry };
  const core = new Core({
    ...common,
    store,
    providers,
    sessions: served.map(({ id, max_pending, max_inbox }) => ({ id, maxPending: max_pending, maxInbox: max_inbox })),
    retry: given.retry ?? { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: options.owner_grace,
    random: () => 0.5,
  });
  for (const one of providers) await one.start(core.router.receiver(one.name));
  core.start();
  const door = new BalDoor({
    ...common,
    router: core.router,
    sessions: core.sessions,
    options,
    served,
    server: 'test',
  });
  await door.start();
  const backends: Backend[] = [];
  return {
    core,
    store,
    door,
    provider,
    clock,
    connect: async () => {
      const backend = await Backend.connect(door.port);
      backends.push(backend);
      return backend;
    },
    logOn: async (fields: Record<string, unknown> = {}) => {
      const backend = await Backend.connect(door.port);
      backends.push(backend);
      backend.send({ message_type: 'LOGON', session_id: 'app', ...fields });
      const response = await backend.next();
      if (response.status !== 'SUCCESS') throw new Error(`logon failed: ${JSON.stringify(response)}`);
      return backend;
    },
    stop: async () => {
      for (const backend of backends) backend.destroy();
      await door.stop(1_000);
      await core.stop();
      await store.close();
    },
  };
}

export type Bridge = Awaited<ReturnType<typeof startBridge>>;
export type Json = Record<string, unknown>;

/** A frame as bytes, made without the bridge's codec. */
export function bytesOf(body: Json | string | Buffer): Buffer {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes.length);
  return Buffer.concat([header, bytes]);
}

/** A backend that speaks JSON frames over a real socket, byte by byte if it must. */
export class Backend {
  readonly socket: Socket;
  readonly #frames: Json[] = [];
  readonly #waiting: (() => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  /** True once the bridge closed the connection. */
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {});
    const end = () => {
      this.ended = true;
      this.#wake();
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  static async connect(port: number): Promise<Backend> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Backend(socket);
  }

  send(...frames: (Json | string | Buffer)[]): void {
    this.socket.write(Buffer.concat(frames.map(bytesOf)));
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

  /** Asks for a PONG: when it is back, everything that was sent before has been read. */
  async sync(data = 'sync'): Promise<Json[]> {
    this.send({ message_type: 'PING', data });
    const before: Json[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.message_type === 'PONG' && frame.data === data) return before;
      before.push(frame);
    }
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
      this.#frames.push(JSON.parse(this.#rest.toString('utf8', 4, end)) as Json);
      this.#rest = this.#rest.subarray(end);
    }
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A DOWNSTREAM frame for `token`. */
export function downstream(messageId: string, fields: Json = {}, data: Json = {}): Json {
  return {
    message_type: 'DOWNSTREAM',
    message_id: messageId,
    fcm_data: { to: 'token', data: { n: messageId }, ...data },
    ...fields,
  };
}

/** Reads a stream to its end. */
export async function text(stream: Readable): Promise<string> {
  let result = '';
  for await (const chunk of stream) result += String(chunk);
  return result;
}
