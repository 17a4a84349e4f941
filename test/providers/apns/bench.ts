import { setTimeout as wait } from 'node:timers/promises';
import type { Message, Outcome, Provider, Telemetry } from '../../../src/core/index.ts';
import { type Clock, ManualClock } from '../../../src/lib/clock.ts';
import type { Log } from '../../../src/lib/log.ts';
import { apnsOptions, createApnsProvider } from '../../../src/providers/apns/index.ts';
import { file, type SigningKey, signingKey } from './credentials-fixture.ts';
import { type ScriptedServer, type ServerOptions, scriptedServer } from './scripted-server.ts';

/** Waits until `check` gives something, in real time: what happens between sockets has its own. */
export async function until<T>(check: () => T | undefined | false, what = 'it', ms = 10_000): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const value = check();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await wait(2);
  }
}

export const EPOCH_MS = 1_700_000_000_000;
export const TOPIC = 'com.example.app';
export const KEY_ID = 'ABC123DEFG';
export const TEAM_ID = 'DEF123GHIJ';

let ids = 0;

/** A message as the dispatcher hands it over, accepted now. */
export function message(changes: Partial<Message> & { fcm?: object } = {}): Message {
  const { fcm, ...rest } = changes;
  const id = ++ids;
  const target = changes.target ?? 'abcd';
  return {
    id,
    wireId: `wire-${id}`,
    session: 'com.example.app',
    messageId: `m${id}`,
    provider: 'apns',
    target,
    payload: { kind: 'fcm', json: JSON.stringify({ to: target, notification: { title: 'Hello' }, ...fcm }) },
    priority: 'normal',
    acceptedAt: EPOCH_MS,
    expiresAt: EPOCH_MS + 3_600_000,
    ttl: 3_600,
    answer: 'inbox',
    mailbox: 0,
    digest: '',
    receipt: false,
    attempts: 0,
    ...rest,
  };
}

export interface Line {
  readonly level: string;
  readonly event: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Bench extends AsyncDisposable {
  readonly server: ScriptedServer;
  readonly provider: Provider;
  readonly clock: ManualClock;
  readonly key: SigningKey;
  readonly log: Line[];
  /** Events of the metrics, counted. */
  readonly events: Record<string, number>;
  readonly gauges: Map<string, () => Iterable<readonly [unknown, number]>>;
  send(message?: Message): Promise<Outcome>;
  /** Resolves when the provider takes so many messages. */
  room(atLeast?: number): Promise<void>;
}

export interface BenchOptions {
  readonly server?: ServerOptions;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Without a key: the test gives a certificate. */
  readonly certificate?: boolean;
  /** The wall clock of the provider, if it is another than the bench's. */
  readonly wall?: Pick<Clock, 'now'>;
  /** Do not wait for a connection. */
  readonly cold?: boolean;
}

/** A started provider and the server that it talks to. Time stands still unless the test moves it. */
export async function bench(given: BenchOptions = {}): Promise<Bench> {
  const server = await scriptedServer(given.server);
  const clock = new ManualClock(EPOCH_MS);
  const key = signingKey();
  const log: Line[] = [];
  const events: Record<string, number> = {};
  const gauges: Bench['gauges'] = new Map();
  const auth = given.certificate ? {} : { key: key.path, key_id: KEY_ID, team_id: TEAM_ID };
  const provider = createApnsProvider({
    name: 'apns',
    options: apnsOptions.parse({
      url: server.origin,
      ca: file(server.ca),
      topic: TOPIC,
      // The test's time flies: a ping would be late before it is answered.
      ping_interval: 0,
      ...auth,
      ...given.options,
    }),
    clock,
    wall: given.wall ?? clock,
    random: () => 0.5,
    log: recorder(log, {}),
    telemetry: counting(events, gauges),
  });
  await provider.start({ upstream: async () => {}, receipt: async () => {} });
  const room = (atLeast = 1) => until(() => provider.room() >= atLeast, `room for ${atLeast}`).then(() => {});
  if (!given.cold) await room();
  return {
    server,
    provider,
    clock,
    key,
    log,
    events,
    gauges,
    room,
    send: (sent = message()) => provider.deliver(sent, clock.now()),
    async [Symbol.asyncDispose]() {
      const stopped = provider.stop(0);
      await clock.advance(0);
      await stopped;
      await server[Symbol.asyncDispose]();
    },
  };
}

function counting(events: Record<string, number>, gauges: Bench['gauges']): Telemetry {
  return {
    add(name, labels, by = 1) {
      if (name !== 'pushbridge_provider_events_total' || !('event' in labels)) return;
      const event = String(labels.event);
      events[event] = (events[event] ?? 0) + by;
    },
    observe() {},
    gauge: (name, read) => void gauges.set(name, read),
  };
}

function recorder(lines: Line[], base: Readonly<Record<string, unknown>>): Log {
  const put =
    (level: string) =>
    (event: string, facts: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, event, facts: { ...base, ...facts } });
  return {
    error: put('error'),
    warn: put('warn'),
    info: put('info'),
    debug: put('debug'),
    child: (facts) => recorder(lines, { ...base, ...facts }),
  };
}
