import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp, type Surroundings } from '../../src/app.ts';
import { loadConfig } from '../../src/config/index.ts';
import { createEmulator, type Emulator, type EmulatorInput, type Watch } from '../../src/emulator/index.ts';
import { ManualClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Backend, type Json } from '../doors/bal/harness.ts';

export interface StoryOptions {
  readonly emulator?: EmulatorInput;
  /** Told of what happens at the emulator. */
  readonly watch?: Watch;
  readonly sessions?: readonly Json[];
  /** Keys beside those that the story needs. */
  readonly config?: Json;
  readonly ccs?: Json;
  readonly pool?: Json;
  /** Time, chance and log of the bridge. A `ManualClock` goes on by itself only while the bridge stops. */
  readonly surroundings?: Partial<Surroundings>;
}

/** The whole bridge, wired as `pushbridge serve` wires it, with an emulator and a SQLite file of its own. */
export class Story {
  readonly folder = mkdtempSync(join(tmpdir(), 'pushbridge-story-'));
  readonly emulator: Emulator;
  readonly #options: StoryOptions;
  readonly #backends: Backend[] = [];
  #app: App | undefined;

  private constructor(options: StoryOptions) {
    this.#options = options;
    const input = { port: 0, senders: { '1234567890': 'key' }, ca_file: join(this.folder, 'ca.pem') };
    const { watch } = options;
    this.emulator = createEmulator({ ...input, ...options.emulator }, { ...(watch && { watch }) });
  }

  static async start(options: StoryOptions = {}): Promise<Story> {
    const story = new Story(options);
    await story.emulator.start();
    await story.startBridge();
    return story;
  }

  /** Starts the bridge, again or for the first time, on the same store. */
  async startBridge(): Promise<void> {
    const { config, sessions, ccs, pool, surroundings } = this.#options;
    const text = JSON.stringify({
      store: { url: `sqlite:${join(this.folder, 'bridge.db')}` },
      bal: { port: 0 },
      admin: { port: 0 },
      sessions: sessions ?? [{ id: 'com.example.app' }],
      providers: {
        ccs: {
          host: '127.0.0.1',
          port: this.emulator.port,
          sender_id: '1234567890',
          server_key: 'key',
          ca: join(this.folder, 'ca.pem'),
          ...(pool && { pool }),
          ...ccs,
        },
      },
      ...config,
    });
    this.#app = await createApp(loadConfig({ text }), { log: silentLog, ...surroundings });
    await this.#app.start();
  }

  get app(): App {
    if (!this.#app) throw new Error('the bridge is not running');
    return this.#app;
  }

  async stopBridge(ms = 5_000): Promise<void> {
    const clock = this.#options.surroundings?.clock;
    let stopped = false;
    const stopping = this.#app?.stop(ms).finally(() => (stopped = true));
    while (clock instanceof ManualClock && stopping && !stopped) await clock.advance(50);
    await stopping;
    this.#app = undefined;
  }

  /** A backend that is logged on. */
  async logOn(fields: Json = {}): Promise<Backend> {
    const backend = await Backend.connect(this.app.balPort);
    this.#backends.push(backend);
    backend.send({ message_type: 'LOGON', session_id: 'com.example.app', ...fields });
    const response = await backend.next();
    if (response.status !== 'SUCCESS') throw new Error(`logon failed: ${JSON.stringify(response)}`);
    return backend;
  }

  async admin(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.app.adminPort}${path}`, init);
  }

  /** The pool of the provider as `GET /pool` shows it. */
  async pool(): Promise<Record<'open' | 'connecting' | 'draining' | 'used' | 'probing', number>> {
    const { providers } = (await (await this.admin('/pool')).json()) as { providers: { ccs: { facts: never } } };
    return providers.ccs.facts;
  }

  /** The value of a metric, 0 if it is not there yet; `name` with its labels as the exposition has them. */
  async metric(name: string): Promise<number> {
    const line = (await (await this.admin('/metrics')).text()).split('\n').find((text) => text.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  }

  async stop(): Promise<void> {
    for (const backend of this.#backends) backend.destroy();
    await this.stopBridge(100);
    await this.emulator.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Reads until `count` frames of these types have come, acknowledging all, and gives them. */
export async function collect(backend: Backend, count: number, ...types: string[]): Promise<Json[]> {
  const found: Json[] = [];
  while (found.length < count) {
    const frame = await backend.next();
    if (frame.sequence_id !== undefined) backend.ack(frame.sequence_id);
    if (types.includes(String(frame.message_type))) found.push(frame);
  }
  return found;
}
