import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { noTelemetry, type Outcome, type Provider, type Telemetry } from '../../../src/core/index.ts';
import {
  createCertificate,
  createFcmEmulator,
  type FcmControl,
  type FcmEmulator,
  type FcmEmulatorInput,
  generateServiceKey,
  LOCAL_NAMES,
} from '../../../src/emulator/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createFcmProvider, fcmOptions } from '../../../src/providers/fcm/index.ts';
import { message } from '../contract.ts';
import { dispatch, type Run, until } from '../dispatch.ts';

const DAY_MS = 86_400_000;
/** The same at every start: an emulator that comes back is the same service. */
export const certificate = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});
export const serviceKey = generateServiceKey();

export interface Emulated {
  readonly provider: Provider;
  readonly control: FcmControl;
  /** Events by name. */
  readonly counts: Readonly<Record<string, number>>;
  /** Files of the provider. */
  readonly folder: string;
  /** Hands messages over as the dispatcher does, whenever there is room, until each has a final outcome. */
  run(targets: readonly string[]): Promise<Run>;
  /** One attempt. */
  deliver(target: string): Promise<Outcome>;
  /** The service is gone. */
  goAway(): Promise<void>;
  /** It is there again, on the same port and with the same keys, but knows no token that it gave before. */
  comeBack(): Promise<void>;
}

export interface EmulatedOptions {
  readonly emulator?: FcmEmulatorInput;
  /** Keys of the provider, as written in a configuration. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Does not wait until there is room. */
  readonly cold?: boolean;
}

/** A provider in front of an emulator; both end with the test. */
export async function emulate(t: ExecutionContext, given: EmulatedOptions = {}): Promise<Emulated> {
  let emulator: FcmEmulator = createFcmEmulator({ port: 0, ...given.emulator }, { certificate, serviceKey });
  await emulator.start();
  const { port } = emulator;
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-fcm-'));
  const credentials = join(folder, 'account.json');
  const ca = join(folder, 'ca.pem');
  writeFileSync(credentials, JSON.stringify(emulator.credentials));
  writeFileSync(ca, emulator.caPem);
  const counts: Record<string, number> = {};
  const telemetry: Telemetry = {
    ...noTelemetry,
    add(_, { event = '' }: { readonly event?: string }) {
      counts[event] = (counts[event] ?? 0) + 1;
    },
  };
  const provider = createFcmProvider({
    name: 'fcm',
    options: fcmOptions.parse({
      url: `https://localhost:${port}`,
      credentials,
      ca,
      quota: { ramp_up: 0 },
      ...given.options,
    }),
    clock: systemClock,
    random: () => 0.01,
    log: silentLog,
    telemetry,
  });
  // Timers of the system's clock do not keep the process alive; the test does need them.
  const awake = setInterval(() => {}, 1_000);
  t.teardown(async () => {
    await provider.stop(0);
    await emulator.stop();
    clearInterval(awake);
    rmSync(folder, { recursive: true });
  });
  await provider.start({ upstream: async () => {}, receipt: async () => {} });
  if (!given.cold) await until(() => provider.room() > 0, 'room');
  return {
    provider,
    counts,
    folder,
    get control() {
      return emulator.control;
    },
    run: (targets) => dispatch(provider, targets),
    deliver: (target) => provider.deliver(message(target), Date.now()),
    goAway: () => emulator.stop(),
    async comeBack() {
      emulator = createFcmEmulator({ ...given.emulator, port }, { certificate, serviceKey });
      await emulator.start();
    },
  };
}
