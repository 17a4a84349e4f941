import type { ExecutionContext } from 'ava';
import { Core, Endpoints, type Notice, type Provider, PUSH_SESSION, type Telemetry } from '../../../src/core/index.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createXmppProvider, xmppOptions } from '../../../src/providers/xmpp/index.ts';
import { createMemoryStore } from '../../../src/storage/memory/index.ts';
import { GatedStore } from '../../core/gated-store.ts';
import { LIMITS } from '../../storage/samples.ts';

export interface BridgeOptions {
  /** As in the configuration; `host` and what is not said have their defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly registrationsPerOwner?: number;
}

export interface Bridge {
  readonly provider: Provider;
  readonly endpoints: Endpoints;
  readonly gates: GatedStore;
  /** How often each event was counted. */
  readonly events: ReadonlyMap<string, number>;
  /** Pushes to the endpoint with this URL, and gives the id of the push. */
  push(url: string, body: Uint8Array | string, ttl?: number): Promise<string>;
  outcome(id: string): Promise<'pending' | Notice | undefined>;
  gauge(name: string): readonly (readonly [Readonly<Record<string, string>>, number])[];
}

export const URL_BASE = 'https://push.example/push/';
/** The secret part of an endpoint's URL. */
export const tokenOf = (url: string): string => url.slice(URL_BASE.length);

/** A provider with a core and a memory store around it. It stops when the test ends. */
export async function startBridge(t: ExecutionContext, given: BridgeOptions): Promise<Bridge> {
  const clock = given.clock ?? systemClock;
  const events = new Map<string, number>();
  const gauges = new Map<string, () => Iterable<readonly [Readonly<Record<string, string>>, number]>>();
  const telemetry: Telemetry = {
    add(_name, labels, by = 1) {
      const { event } = { event: '', ...labels };
      events.set(event, (events.get(event) ?? 0) + by);
    },
    observe() {},
    gauge: (name, read) => void gauges.set(name, read),
  };
  const limits = { ...LIMITS, registrationsPerOwner: given.registrationsPerOwner ?? LIMITS.registrationsPerOwner };
  const gates = new GatedStore(createMemoryStore(limits));
  const { store } = gates;
  const endpoints = new Endpoints({ store, clock, urlOf: (token) => URL_BASE + token });
  const provider = createXmppProvider({
    name: 'xmpp',
    options: xmppOptions.parse({ host: '127.0.0.1', ...given.options }),
    endpoints,
    clock,
    random: () => 0.5,
    log: silentLog,
    telemetry,
  });
  const core = new Core({
    store,
    providers: [provider],
    sessions: [{ id: PUSH_SESSION, apps: [], maxPending: 1_000, maxInbox: 1_000 }],
    retry: { baseMs: 1_000, capMs: 60_000 },
    ownerGraceMs: 30_000,
    maxNoticeBytes: 60_000,
    onFatal: () => {},
    clock,
    random: () => 0.5,
    log: silentLog,
    telemetry,
  });
  await provider.start(core.router.receiver(provider.name));
  core.start();
  t.teardown(async () => {
    await Promise.all([provider.stop(0), core.stop()]);
    await store.close();
  });
  return {
    provider,
    endpoints,
    gates,
    events,
    async push(url, body, ttl = 3_600) {
      const registration = await endpoints.find(tokenOf(url));
      if (typeof registration !== 'object') throw new Error('no such endpoint');
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      const push = { body: bytes, headers: '{}', ttl, urgency: 'normal', receipt: true } as const;
      const id = await core.pushes.push(registration, push);
      if (id === undefined) throw new Error('the push was not taken');
      return id;
    },
    outcome: (id) => core.pushes.outcome(id),
    gauge: (name) => [...(gauges.get(name)?.() ?? [])],
  };
}
