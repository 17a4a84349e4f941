import { readFileSync } from 'node:fs';
import { type Admin, createAdmin, createMetrics, type Part, type Pool, type Pools } from './admin/index.ts';
import { type Config, listensHttp, type ProviderConfig, sessionRules, storeLimits } from './config/index.ts';
import { Core, Endpoints, type Provider, type Store, type Telemetry } from './core/index.ts';
import { AppDoor } from './doors/app/index.ts';
import { BalDoor, type ServedSession } from './doors/bal/index.ts';
import { CcsDoor } from './doors/ccs/index.ts';
import { forwardOver, WebPushDoor } from './doors/webpush/index.ts';
import { type Clock, forwardOnly, sleep, systemClock } from './lib/clock.ts';
import { deadline } from './lib/deadline.ts';
import { createLog, type Log, reason } from './lib/log.ts';
import { OptionProblem } from './lib/option-problem.ts';
import { createHttpListener, type HttpServer, Outgoing } from './protocols/http/index.ts';
import { createApnsProvider } from './providers/apns/index.ts';
import { BackendProvider } from './providers/backend/index.ts';
import { createCcsProvider } from './providers/ccs/index.ts';
import { createFcmProvider } from './providers/fcm/index.ts';
import { createWebPushProvider } from './providers/webpush/index.ts';
import { createXmppProvider } from './providers/xmpp/index.ts';
import { createMemoryStore } from './storage/memory/index.ts';
import { openSqliteStore } from './storage/sqlite/index.ts';

/** How long a stopping bridge waits for backends to acknowledge what they were just sent. */
const LAST_ACKS_MS = 1_000;
/** How long connections get to close after they were told to. */
const CLOSING_MS = 2_000;
/** What the fields of a frame beside ids and `fcm_data` take at most, in bytes. */
const FRAME_HEADER_BYTES = 512;
/** Connections to one foreign server of UnifiedPush. */
const FOREIGN_CONNECTIONS = 10;
/** Pause between two looks at whether windows are empty. */
const LOOK_MS = 10;

/** What the outside world gives to the bridge; tests give their own. */
export interface Surroundings {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** A running bridge. */
export interface App {
  /** Listens and begins to deliver. An unreachable service is no reason to fail: what is taken waits on disk. */
  start(): Promise<void>;
  /** Stops in order within about `ms` milliseconds; what did not settle is on disk. Safe to call twice. */
  stop(ms: number): Promise<void>;
  /** Resolves with the reason when the bridge can't go on: whoever runs it should stop it and start another. */
  readonly failed: Promise<Error>;
  /** Ports listened on, once started; 0 for a door that is not configured. */
  readonly balPort: number;
  readonly ccsPort: number;
  /** The public HTTP listener. */
  readonly httpPort: number;
  readonly adminPort: number;
}

/** A provider and, if it has one, its pool for the operator. */
interface Unit {
  readonly provider: Provider;
  readonly pool?: Pool;
}

interface ProviderSurroundings extends Surroundings {
  readonly telemetry: Telemetry;
  /** Endpoints that devices register, and that what is pushed is meant for. */
  readonly endpoints: Endpoints;
  /** The wall clock as it is, even if it goes back: for times that somebody else compares with a clock of his own. */
  readonly wall: Pick<Clock, 'now'>;
}

type Makers = {
  readonly [T in ProviderConfig['type']]: (
    name: string,
    options: Extract<ProviderConfig, { type: T }>,
    deps: ProviderSurroundings,
  ) => Unit;
};

/** Every type of provider has its line here: a new one does not compile without it. */
const makers: Makers = {
  apns: (name, options, deps) => ({ provider: createApnsProvider({ name, options, ...deps }) }),
  ccs: (name, options, deps) => {
    const provider = createCcsProvider({ name, options, ...deps });
    const get = () => {
      const { min, max, window, ...facts } = provider.pool();
      return { min, max, window, facts };
    };
    return { provider, pool: { get, resize: (change) => provider.resize(change) } };
  },
  fcm: (name, options, deps) => ({ provider: createFcmProvider({ name, options, ...deps }) }),
  webpush: (name, options, deps) => ({ provider: createWebPushProvider({ name, options, ...deps }) }),
  xmpp: (name, options, deps) => ({ provider: createXmppProvider({ name, options, ...deps }) }),
};

function createUnit<T extends ProviderConfig['type']>(
  name: string,
  options: Extract<ProviderConfig, { type: T }>,
  deps: ProviderSurroundings,
): Unit {
  return makers[options.type as T](name, options, deps);
}

/**
 * Wires the whole bridge by hand: the only place that knows which store, doors and providers exist. Opens the store, and
 * rejects with what is wrong with it; nothing listens or connects before `start`.
 */
export async function createApp(config: Config, given: Partial<Surroundings> = {}): Promise<App> {
  const wall = given.clock ?? systemClock;
  const deps: Surroundings = {
    clock: forwardOnly(wall),
    random: given.random ?? Math.random,
    log: given.log ?? createLog(config.log.level, config.log.format),
  };
  const { clock, log } = deps;
  const telemetry = createMetrics((name, error) => log.warn('gauge not read', { name, error: reason(error) }));
  const store = await openStore(config, log);
  const urlOf = (token: string) => `${config.http.public_url ?? ''}/push/${token}`;
  const endpoints = new Endpoints({ store, clock, urlOf });
  const units = Object.entries(config.providers).map(([name, options]) =>
    createUnit(name, options, { ...deps, telemetry, wall, endpoints }),
  );
  const configured = units.map(({ provider }) => provider);
  const served = servedSessions(config);
  const { promise: failed, resolve: onFatal } = Promise.withResolvers<Error>();
  const core = new Core({
    ...deps,
    store,
    providers: configured,
    telemetry,
    onFatal,
    sessions: sessionRules(config),
    ...(config.doors.webpush && { maxPushes: config.doors.webpush.max_pending }),
    retry: {
      baseMs: config.retry.base,
      capMs: config.retry.cap,
      ...(config.retry.give_up_after !== undefined && { giveUpAfterMs: config.retry.give_up_after }),
    },
    ownerGraceMs: config.bal.owner_grace,
    maxNoticeBytes: config.bal.max_frame_bytes - FRAME_HEADER_BYTES,
  });
  const { sessions, router } = core;
  const takesPushes = config.doors.webpush !== undefined;
  // Each backend may own endpoints: what is pushed there goes to it.
  const backends = (takesPushes ? served : []).map(
    ({ id }) => new BackendProvider({ session: id, sessions, router, endpoints }),
  );
  for (const backend of backends) core.add(backend);
  core.onGone(({ groupId }) => {
    if (groupId === undefined) return;
    endpoints.revoke({ token: groupId }).catch((error) => log.warn('endpoint not revoked', { error: reason(error) }));
  });
  const providers = [...configured, ...backends];
  const common = { ...deps, telemetry, router, sessions, ...(takesPushes && { endpoints }) };
  // Without sessions nobody could log on.
  const bal =
    served.length > 0
      ? new BalDoor({ ...common, options: config.bal, served, server: `pushbridge/${version()}` })
      : undefined;
  const ccs = config.doors.ccs && new CcsDoor({ ...common, options: config.doors.ccs });
  const http = listensHttp(config) ? httpListener(config, core, endpoints, telemetry, { ...deps, wall }) : undefined;
  const admin = createAdmin({
    ...config.admin,
    log,
    metrics: telemetry,
    parts: parts(core, units),
    pools: pools(units),
    ...(ccs && { ccs }),
  });
  return lifecycle({ store, core, providers, bal, ccs, http, admin, failed, clock, log });
}

interface Parts {
  readonly store: Store;
  readonly core: Core;
  readonly providers: readonly Provider[];
  readonly bal: BalDoor | undefined;
  readonly ccs: CcsDoor | undefined;
  readonly http: HttpServer | undefined;
  readonly admin: Admin;
  readonly failed: Promise<Error>;
  readonly clock: Clock;
  readonly log: Log;
}

function lifecycle({ store, core, providers, bal, ccs, http, admin, failed, clock, log }: Parts): App {
  let adminPort = 0;
  let httpPort = 0;
  const doors = [bal, ccs].filter((door) => door !== undefined);
  let stopping: Promise<void> | undefined;
  /** One step of stopping: a step that fails must not keep the next ones from being taken. */
  const step = (what: string, work: Promise<unknown>, ms: number) =>
    deadline(clock, work, ms, what).catch((error) => log.warn('stopping', { what, error: reason(error) }));
  const stop = async (ms: number): Promise<void> => {
    const end = clock.monotonic() + ms;
    const left = () => Math.max(0, end - clock.monotonic());
    log.info('stopping', { ms });
    const gates = [...doors, ...(http ? [http] : [])].map((door) => door.closeGate());
    await step('closing the doors to new work', Promise.all(gates), left());
    await step('waiting for what is in flight', core.stop(), left());
    await step('waiting for the last acknowledgements', inboxesEmpty(core, clock), Math.min(left(), LAST_ACKS_MS));
    await step('closing connections', Promise.all(doors.map((door) => door.stop(CLOSING_MS))), 2 * CLOSING_MS);
    if (http) await step('closing the HTTP listener', http.stop(), CLOSING_MS);
    await step(
      'closing providers',
      Promise.all(providers.map((p) => p.stop(Math.min(left(), CLOSING_MS)))),
      2 * CLOSING_MS,
    );
    await step('settling what came home last', core.stop(), CLOSING_MS);
    await step('closing the admin listener', admin.stop(), CLOSING_MS);
    await step('closing the store', store.close(), CLOSING_MS);
    log.info('stopped');
  };
  return {
    async start() {
      try {
        for (const provider of providers) await provider.start(core.router.receiver(provider.name));
        core.start();
        adminPort = await named('admin.port', admin.start());
        // Last: whoever gets in finds everything there.
        if (http) httpPort = await named('http.port', http.start());
        if (bal) await named('bal.port', bal.start());
        if (ccs) await named('doors.ccs.port', ccs.start());
      } catch (error) {
        await this.stop(0);
        throw error;
      }
      log.info('ready', { bal: bal?.port, ccs: ccs?.port, http: http && httpPort, admin: adminPort });
    },
    stop: (ms) => (stopping ??= stop(ms)),
    failed,
    get balPort() {
      return bal?.port ?? 0;
    },
    get ccsPort() {
      return ccs?.port ?? 0;
    },
    get adminPort() {
      return adminPort;
    },
    get httpPort() {
      return httpPort;
    },
  };
}

/** The public listener with the routes of every door that has some. */
function httpListener(
  config: Config,
  core: Core,
  endpoints: Endpoints,
  telemetry: Telemetry,
  { clock, log, random, wall }: Surroundings & { readonly wall: Clock },
): HttpServer {
  const http = createHttpListener(config.http, {
    clock,
    version: version(),
    onFault: (error) => log.error('HTTP request failed', { error: reason(error) }),
    onAnswer: (route, status) => telemetry.add('pushbridge_http_requests_total', { route, status: String(status) }),
  });
  const { app, webpush } = config.doors;
  if (app) new AppDoor({ options: app, intake: core.router.intake('app'), clock }).register(http);
  if (webpush) {
    const outgoing = webpush.matrix?.foreign ? outgoingOf(config, clock) : undefined;
    new WebPushDoor({
      options: webpush,
      publicUrl: config.http.public_url ?? '',
      endpoints,
      pushes: core.pushes,
      clock,
      ...(outgoing && { forward: forwardOver({ outgoing, clock: wall, random }) }),
    }).register(http);
  }
  return http;
}

/** The way out for what Matrix pushes to endpoints of others: sooner than our own answer, which waits for theirs. */
function outgoingOf({ http }: Config, clock: Clock): Outgoing {
  return new Outgoing({
    clock,
    allow: [],
    allowHttp: false,
    perOrigin: FOREIGN_CONNECTIONS,
    maxConnections: 10 * FOREIGN_CONNECTIONS,
    connectTimeoutMs: http.answer_timeout / 3,
    deadlineMs: (2 * http.answer_timeout) / 3,
    idleMs: http.idle_timeout,
    count: () => {},
  });
}

/** Lets an error name the key of the configuration that it is about. */
async function named<T>(key: string, listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (cause) {
    if (cause instanceof OptionProblem) throw cause;
    throw new Error(`${key}: ${reason(cause)}`, { cause });
  }
}

/** Resolves when no connected backend has anything left to receive or to acknowledge. */
async function inboxesEmpty(core: Core, clock: Clock): Promise<void> {
  const end = clock.monotonic() + LAST_ACKS_MS;
  while (clock.monotonic() < end && core.sessions.owesConnected()) await sleep(clock, LOOK_MS);
}

function servedSessions(config: Config): ServedSession[] {
  const all = Object.keys(config.providers);
  return config.sessions.map((session) => ({ ...session, providers: session.providers ?? all }));
}

function openStore(config: Config, log: Log): Promise<Store> {
  const limits = storeLimits(config);
  const { url } = config.store;
  if (url === 'memory:') return Promise.resolve(createMemoryStore(limits));
  return openSqliteStore({ path: url.slice('sqlite:'.length), limits, log });
}

function parts(core: Core, units: readonly Unit[]): Record<string, Part> {
  const providers = units.map(({ provider }): [string, Part] => [
    `provider ${provider.name}`,
    // A service out of reach does not take the bridge out of service: what backends submit is kept.
    { health: () => provider.health(), essential: false },
  ]);
  return { store: { health: () => core.health() }, ...Object.fromEntries(providers) };
}

function pools(units: readonly Unit[]): Pools {
  return Object.fromEntries(units.flatMap(({ provider, pool }) => (pool ? [[provider.name, pool]] : [])));
}

function version(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}
