import type { ExecutionContext } from 'ava';
import { Core, Endpoints, noTelemetry, type RetryRules, type StoreLimits } from '../../../src/core/index.ts';
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
import { GatedStore } from '../../core/gated-store.ts';
import { Backend, type BackendOptions, type Json } from './backend.ts';

export { Backend, bytesOf, type Json } from './backend.ts';

export const limits: StoreLimits = {
  dedupeWindowMs: 3_600_000,
  dedupeMax: 1_000,
  upstreamDedupeMs: 86_400_000,
  receiptsMax: 1_000,
  inboxTtlMs: 2_419_200_000,
  deadLettersMax: 1_000,
  registrationsMax: 1_000,
  registrationsPerOwner: 100,
  revokedMs: 3_600_000,
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
  readonly random?: () => number;
  readonly limits?: Partial<StoreLimits>;
  /** False: no door takes what would be pushed (default: one does). */
  readonly endpoints?: boolean;
}

/** A door and a core around a memory store and a provider of the test. It stops when the test ends. */
export async function startBridge(t: ExecutionContext, given: BridgeOptions = {}) {
  const clock = given.clock ?? systemClock;
  const provider = given.provider ?? new FakeProvider();
  const providers = [provider, ...(given.others ?? [])];
  const names = providers.map(({ name }) => name);
  const served: ServedSession[] = (given.sessions ?? [{ id: 'app' }]).map((session) => {
    const parsed = sessionOptions.parse(session);
    return { ...parsed, providers: parsed.providers ?? names };
  });
  const options: BalOptions = balOptions.parse({ port: 0, ...given.options });
  const gates = new GatedStore(
    createMemoryStore({
      ...limits,
      sessions: Object.fromEntries(served.map(({ id, max_inbox }) => [id, { maxInbox: max_inbox }])),
      ...given.limits,
    }),
  );
  const { store } = gates;
  const common = { clock, log: silentLog, telemetry: noTelemetry };
  const core = new Core({
    ...common,
    store,
    providers,
    sessions: served.map(({ id, max_pending, max_inbox }) => ({ id, maxPending: max_pending, maxInbox: max_inbox })),
    retry: given.retry ?? { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: options.owner_grace,
    maxNoticeBytes: options.max_frame_bytes,
    onFatal: () => {},
    random: given.random ?? (() => 0.5),
  });
  for (const one of providers) await one.start(core.router.receiver(one.name));
  core.start();
  const endpoints = new Endpoints({ store, clock, urlOf: (token) => `https://push.example.com/push/${token}` });
  const door = new BalDoor({
    ...common,
    ...(given.endpoints !== false && { endpoints }),
    router: core.router,
    sessions: core.sessions,
    options,
    served,
    server: 'test',
  });
  await door.start();
  const backends: Backend[] = [];
  const connect = async (how: BackendOptions = {}) => {
    const backend = await Backend.connect(door.port, how);
    backends.push(backend);
    return backend;
  };
  t.teardown(async () => {
    for (const backend of backends) backend.destroy();
    await door.stop(1_000);
    const stopped = core.stop();
    for (const one of providers) await one.stop();
    await stopped;
    await store.close();
  });
  return {
    core,
    store,
    gates,
    endpoints,
    door,
    provider,
    connect,
    /** A connection that has logged on to `app`. */
    logOn: async (fields: Json = {}, how: BackendOptions = {}) => {
      const backend = await connect(how);
      backend.send({ message_type: 'LOGON', session_id: 'app', ...fields });
      const response = await backend.next();
      if (response.status !== 'SUCCESS') throw new Error(`logon failed: ${JSON.stringify(response)}`);
      return backend;
    },
    /** A device's message for a session. */
    upstream: async (id: string, fields: Json = {}, session = 'app', from = 'device') => {
      const data = JSON.stringify({ from, category: session, message_id: id, data: {}, ...fields });
      await provider.receiver?.upstream({ from, id, session, data });
    },
  };
}

export type Bridge = Awaited<ReturnType<typeof startBridge>>;

/** A DOWNSTREAM frame for `token`. */
export function downstream(messageId: string, fields: Json = {}, data: Json = {}): Json {
  return {
    message_type: 'DOWNSTREAM',
    message_id: messageId,
    fcm_data: { to: 'token', data: { n: messageId }, ...data },
    ...fields,
  };
}

/** Types and ids of frames, for short comparisons: `DOWNSTREAM_ACK m1`. */
export const brief = (frames: readonly Json[]): string[] =>
  frames.map((f) => [f.message_type, f.message_id ?? f.message_ids ?? f.error ?? f.data].join(' '));

/** Lets the event loop turn until `done` holds. Fails after five seconds, so that a test ends. */
export async function until(done: () => boolean, what = 'it'): Promise<void> {
  const end = performance.now() + 5_000;
  while (!done()) {
    if (performance.now() > end) throw new Error(`${what} did not come about`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Waits until the bridge has read nothing for a while; answers how many bytes it has left unread on our side. */
export async function stalled({ socket }: Backend): Promise<number> {
  let still = 0;
  let left = socket.writableLength;
  await until(() => {
    still = socket.writableLength === left ? still + 1 : 0;
    left = socket.writableLength;
    return still > 200;
  });
  return left;
}
