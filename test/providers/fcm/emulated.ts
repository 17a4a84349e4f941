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

const DAY_MS = 86_400_000;
/** The same at every start: an emulator that comes back is the same service. */
export const certificate = createCertificate({
  names: LOCAL_NAMES,
  notBefore: new Date(Date.now() - DAY_MS),
  notAfter: new Date(Date.now() + DAY_MS),
});
export const serviceKey = generateServiceKey();

/** So long after "later" a message goes out again: the wait that the service asks for is looked at, and not waited for. */
const AGAIN_MS = 20;
const PATIENCE_MS = 20_000;

/** What became of messages, by their number. */
export interface Run {
  /** Final outcomes. */
  readonly finals: ReadonlyMap<number, Outcome>;
  /** Outcomes that were not final, by kind. */
  readonly again: Readonly<Record<string, number>>;
}

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

/** As many targets with one name. */
export const many = (count: number, name = 'device'): string[] =>
  Array.from({ length: count }, (_, n) => `${name}:x${n}`);

/** Waits in real time until `check` holds. */
export async function until(check: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; !check(); ) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function dispatch(provider: Provider, targets: readonly string[]): Promise<Run> {
  const queue = targets.map((target, number) => ({ number, message: message(target) }));
  const finals = new Map<number, Outcome>();
  const again: Record<string, number> = {};
  const deliver = async (next: (typeof queue)[number]): Promise<void> => {
    const outcome = await provider.deliver(next.message, Date.now());
    if (outcome.kind === 'later' || outcome.kind === 'unanswered' || outcome.kind === 'unsent') {
      again[outcome.kind] = (again[outcome.kind] ?? 0) + 1;
      if (outcome.kind === 'later') await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      queue.push(next);
    } else {
      if (finals.has(next.number)) throw new Error('two outcomes');
      finals.set(next.number, outcome);
    }
    pump();
  };
  const pump = (): void => {
    while (provider.room() > 0) {
      const next = queue.shift();
      if (!next) return;
      void deliver(next);
    }
  };
  // Nobody but the provider says that there is room: what it forgets to say is found here.
  provider.onRoom(pump);
  pump();
  await until(() => finals.size === targets.length, `${targets.length} outcomes`).catch((error) => {
    const { state, detail = '', facts } = provider.health();
    const found = `${finals.size} so far, ${queue.length} wait, room ${provider.room()}, ${state} ${detail}`;
    throw new Error(`${error.message}; ${found} ${JSON.stringify([facts, again])}`);
  });
  return { finals, again };
}
