import { writeFile } from 'node:fs/promises';
import { systemClock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { silentLog } from '../../lib/log.ts';
import type { HttpServer } from '../../protocols/http/index.ts';
import type { ServerCertificate } from '../certificate.ts';
import { createCertificate } from '../certificate.ts';
import { DelayLine } from '../delay-line.ts';
import type { CommonDeps, CommonEmulator } from '../face.ts';
import { certificateRequest } from '../listening.ts';
import { Spells } from '../magic.ts';
import { Memory, newCounters } from './counters.ts';
import type { Listener } from './listener.ts';
import type { Http2Faults, Http2Options } from './options.ts';
import type { Http2Watch, World } from './world.ts';

export type Http2EmulatorDeps = CommonDeps<Http2Watch>;

/** A server over HTTP/2 that runs, or is about to. */
export interface Http2Emulator<Control, Credentials> extends CommonEmulator<Control> {
  /** What clients log in with. */
  readonly credentials: Credentials;
}

export const certificateOf = (options: Http2Options, { certificate }: Http2EmulatorDeps): ServerCertificate =>
  certificate ?? createCertificate(certificateRequest(options));

export function createWorld<Faults extends Http2Faults>(
  options: Http2Options,
  faults: Faults,
  deps: Http2EmulatorDeps,
): World<Faults> {
  const { clock = systemClock, random = Math.random, log = silentLog, watch = {} } = deps;
  return {
    options,
    clock,
    random,
    log,
    watch,
    delays: new DelayLine(clock),
    held: [],
    counters: newCounters(),
    faults,
    memory: new Memory(options),
    spells: new Spells(),
    tokens: new Map(),
  };
}

/** The parts of an emulator, made and not yet started. */
export interface Http2Parts<Control, Credentials> {
  readonly name: string;
  readonly options: Http2Options;
  readonly log: Log;
  readonly caPem: string;
  readonly control: Control;
  readonly listener: Listener;
  readonly http: HttpServer | undefined;
  readonly credentials: () => Credentials;
  /** Files for the owner's eyes alone that are written when the ports are known: path and text. */
  readonly files: () => readonly (readonly [path: string | undefined, text: string])[];
}

/** Starts the parts in their order, and stops them. */
export function assemble<Control, Credentials>(
  parts: Http2Parts<Control, Credentials>,
): Http2Emulator<Control, Credentials> {
  const { name, options, log, caPem, control, listener, http, credentials, files } = parts;
  let controlPort: number | undefined;
  return {
    control,
    caPem,
    get credentials() {
      return credentials();
    },
    get port() {
      return listener.port;
    },
    get controlPort() {
      return controlPort;
    },
    async start() {
      await listener.start(options.host, options.port);
      controlPort = await http?.start();
      if (options.ca_file !== undefined) await writeFile(options.ca_file, caPem);
      for (const [path, text] of files()) {
        if (path !== undefined) await writeFile(path, text, { mode: 0o600 });
      }
      log.info('emulator listens', {
        service: name,
        host: options.host,
        port: listener.port,
        control_port: controlPort,
      });
    },
    async stop() {
      await listener.stop();
      await http?.stop();
    },
  };
}
