import type { ExecutionContext } from 'ava';
import { noTelemetry, type Outcome, type Provider, type Telemetry } from '../../../src/core/index.ts';
import {
  type ApnsControl,
  type ApnsEmulator,
  type ApnsEmulatorDeps,
  type ApnsEmulatorInput,
  createApnsEmulator,
  createCertificate,
  LOCAL_NAMES,
} from '../../../src/emulator/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { apnsOptions, createApnsProvider } from '../../../src/providers/apns/index.ts';
import { message } from '../contract.ts';
import { dispatch, type Run, until } from '../dispatch.ts';
import { file } from './credentials-fixture.ts';

const DAY_MS = 86_400_000;
/** The same at every start: an emulator that comes back is the same service. */
const certificate = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});

export interface Emulated {
  readonly provider: Provider;
  readonly control: ApnsControl;
  /** Events by name. */
  readonly events: Readonly<Record<string, number>>;
  /** Hands messages over as the dispatcher does, until each has a final outcome. */
  run(targets: readonly string[]): Promise<Run>;
  /** One attempt. */
  deliver(target: string, fcm?: object): Promise<Outcome>;
  /** The service is gone. */
  goAway(): Promise<void>;
  /** It is there again, on the same port and with the same keys. */
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export interface EmulatedOptions {
  readonly emulator?: ApnsEmulatorInput;
  readonly deps?: ApnsEmulatorDeps;
  /** Keys of the provider, as written in a configuration. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** With its certificate and without a token. */
  readonly certificate?: boolean;
}

/** A provider that was not started, in front of an emulator that was. */
export async function connectable(given: EmulatedOptions = {}): Promise<Emulated> {
  const deps = { certificate, ...given.deps };
  let emulator: ApnsEmulator = createApnsEmulator({ port: 0, ...given.emulator }, deps);
  await emulator.start();
  const { port } = emulator;
  const { key, key_id, team_id, certificate: client } = emulator.credentials;
  const events: Record<string, number> = {};
  const telemetry: Telemetry = {
    ...noTelemetry,
    add(_, { event = '' }: { readonly event?: string }) {
      events[event] = (events[event] ?? 0) + 1;
    },
  };
  const provider = createApnsProvider({
    name: 'subject',
    options: apnsOptions.parse({
      url: `https://localhost:${port}`,
      ca: file(emulator.caPem),
      topic: 'com.example.app',
      ...(given.certificate ? { certificate: file(client.cert + client.key) } : { key: file(key), key_id, team_id }),
      ...given.options,
    }),
    clock: systemClock,
    wall: systemClock,
    random: () => 0.01,
    log: silentLog,
    telemetry,
  });
  return {
    provider,
    events,
    get control() {
      return emulator.control;
    },
    run: (targets) => dispatch(provider, targets),
    deliver: (target, fcm) => provider.deliver(message(target, fcm && { fcm }), Date.now()),
    goAway: () => emulator.stop(),
    async comeBack() {
      emulator = createApnsEmulator({ ...given.emulator, port, key_id, team_id }, { ...deps, providerKey: key });
      await emulator.start();
    },
    async stop() {
      await provider.stop(0);
      await emulator.stop();
    },
  };
}

/** The same, connected; both end with the test. */
export async function emulate(t: ExecutionContext, given: EmulatedOptions = {}): Promise<Emulated> {
  const emulated = await connectable(given);
  // Timers of the system's clock do not keep the process alive; the test does need them.
  const awake = setInterval(() => {}, 1_000);
  t.teardown(async () => {
    clearInterval(awake);
    await emulated.stop();
  });
  await emulated.provider.start({ upstream: async () => {}, receipt: async () => {} });
  await until(() => emulated.provider.room() > 0, 'room');
  return emulated;
}
