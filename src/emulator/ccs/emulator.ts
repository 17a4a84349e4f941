import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Timer } from '../../lib/clock.ts';
import { every, systemClock } from '../../lib/clock.ts';
import { silentLog } from '../../lib/log.ts';
import type { HttpServer } from '../../protocols/http/index.ts';
import { createCertificate } from '../certificate.ts';
import { DelayLine } from '../delay-line.ts';
import type { CommonDeps, CommonEmulator } from '../face.ts';
import { certificateRequest } from '../listening.ts';
import { Spells } from '../magic.ts';
import { Connection } from './connection.ts';
import { Control } from './control.ts';
import { createControlHttp } from './control-http.ts';
import { newCounters, Tracker } from './counters.ts';
import type { EmulatorInput, EmulatorOptions } from './options.ts';
import { ccsEmulatorOptions, faultsOf } from './options.ts';
import { Sender } from './sender.ts';
import type { Watch } from './watch.ts';
import type { World } from './world.ts';

/** So long may clients take to react to the end, in milliseconds. */
const STOP_MS = 100;
const STOP_STEP_MS = 5;
/** Sender ids that are remembered although they are idle. */
const SENDERS_REMEMBERED = 1_000;

export type EmulatorDeps = CommonDeps<Watch>;

/** A CCS server that runs, or is about to. */
export type Emulator = CommonEmulator<Control>;

/**
 * A CCS emulator; it does nothing until it is started.
 * @param input as in a configuration file: durations are texts such as `20ms`
 * @throws if an option is not understood
 */
export function createEmulator(input: EmulatorInput = {}, deps: EmulatorDeps = {}): Emulator {
  return new CcsEmulator(ccsEmulatorOptions.parse(input), deps);
}

/** Anybody may log in by default, under any name: those who are gone, and whom nothing waits for, are forgotten. */
function forgetIdle(senders: Map<string, Sender>, but: Sender): void {
  for (const [id, sender] of senders) if (sender !== but && sender.idle) senders.delete(id);
}

class CcsEmulator implements Emulator {
  readonly control: Control;
  readonly caPem: string;
  readonly #options: EmulatorOptions;
  readonly #world: World;
  readonly #server: Server;
  readonly #http: HttpServer | undefined;
  readonly #connections = new Set<Connection>();
  /** Those of connections that are over, too, until they are closed. */
  readonly #sockets = new Set<Socket>();
  #numbers = 0;
  #keepalive: Timer | undefined;
  #controlPort: number | undefined;

  constructor(options: EmulatorOptions, deps: EmulatorDeps) {
    const { clock = systemClock, random = Math.random, log = silentLog, watch = {} } = deps;
    this.#options = options;
    const { cert, key, ca } = deps.certificate ?? createCertificate(certificateRequest(options));
    this.caPem = ca;
    const senders = new Map<string, Sender>();
    const limit = options.track ? options.track_limit : 0;
    const world: World = {
      options,
      clock,
      random,
      log,
      watch,
      delays: new DelayLine(clock),
      counters: newCounters(),
      faults: faultsOf(options),
      downstream: new Tracker(limit),
      upstream: new Tracker(limit),
      tokens: new Map(),
      spells: new Spells(),
      sender(id) {
        const sender = senders.get(id) ?? new Sender(id, () => world.counters, clock.now);
        senders.set(id, sender);
        if (senders.size > SENDERS_REMEMBERED) forgetIdle(senders, sender);
        return sender;
      },
    };
    this.#world = world;
    this.control = new Control(world, this.#connections, senders);
    const secureContext = createSecureContext({ cert, key });
    this.#server = createServer({ noDelay: true }, (raw) => {
      this.#accept(raw, new TLSSocket(raw, { isServer: true, secureContext }));
    });
    const { control_host: host, control_port: port } = options;
    const onFault = (error: unknown): void => log.error('control failed', { error });
    this.#http = port === undefined ? undefined : createControlHttp(this.control, { host, port, caPem: ca, onFault });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  get controlPort(): number | undefined {
    return this.#controlPort;
  }

  async start(): Promise<void> {
    const { host, port, ca_file, keepalive } = this.#options;
    const { clock, log } = this.#world;
    if (ca_file !== undefined) await writeFile(ca_file, this.caPem);
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    this.#controlPort = await this.#http?.start();
    if (keepalive > 0) {
      const tick = (): void => {
        for (const connection of this.#connections) connection.keepAlive();
      };
      this.#keepalive = every(clock, keepalive, tick, (error) => log.error('keepalive failed', { error }));
    }
    log.info('emulator listens', { host, port: this.port, control_port: this.#controlPort });
  }

  async stop(): Promise<void> {
    this.#keepalive?.cancel();
    const closed = this.#server.listening ? once(this.#server, 'close') : undefined;
    this.#server.close();
    for (const connection of [...this.#connections]) connection.fail('system-shutdown');
    // The machine's own time: whoever owns the clock may have stopped it. And timers that keep the process alive.
    for (let ms = 0; ms < STOP_MS && this.#sockets.size > 0; ms += STOP_STEP_MS) await setTimeout(STOP_STEP_MS);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await this.#http?.stop();
  }

  #accept(raw: Socket, tls: TLSSocket): void {
    const { counters, log } = this.#world;
    counters.accepted++;
    // Whatever happens to the raw socket also happens to the one above it.
    raw.on('error', () => {});
    this.#sockets.add(raw);
    raw.on('close', () => this.#sockets.delete(raw));
    const number = ++this.#numbers;
    const connection = new Connection(number, raw, tls, this.#world, (gone) => this.#connections.delete(gone));
    this.#connections.add(connection);
    log.debug('connection taken', { connection: number });
  }
}
