import { resolveSrv } from 'node:dns/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Random } from '../lib/backoff.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { type Log, reason, silentLog } from '../lib/log.ts';
import { readOptionFile } from '../lib/option-problem.ts';
import { Account } from './account.ts';
import { Bus } from './bus.ts';
import { Connectors } from './connectors.ts';
import { Gateway } from './gateway.ts';
import { names } from './names.ts';
import { News } from './news.ts';
import type { DistributorOptions } from './options.ts';
import type { ResolveSrv } from './places.ts';
import { Pushes } from './pushes.ts';
import { Registrar } from './registrar.ts';
import { Registrations } from './registrations.ts';
import { isSandboxed } from './sandbox.ts';
import { Service } from './service.ts';

export interface DistributorDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly resolveSrv?: ResolveSrv;
  /** Where the system shows its processes. */
  readonly proc?: string;
}

/** UnifiedPush for the apps of one desktop. */
export interface Distributor {
  /** Its name on the bus. */
  readonly name: string;
  /**
   * Resolves when apps can call; the account may still be connecting.
   * @throws Error if there is no bus, its name is taken, or the database can not be used
   */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves if the bus goes away: nothing can be done any more then. */
  readonly failed: Promise<Error>;
}

/** Nothing is opened before {@link Distributor.start}. */
export function createDistributor(options: DistributorOptions, deps: DistributorDeps): Distributor {
  const name = `${names.distributor.prefix}${options.name}`;
  const failed = Promise.withResolvers<Error>();
  let stop: (() => Promise<void>) | undefined;
  let stopped: Promise<void> | undefined;
  return {
    name,
    failed: failed.promise,
    async start() {
      const running = await run(name, options, deps);
      stop = running.stop;
      void running.gone.then(failed.resolve);
    },
    async stop() {
      stopped ??= stop?.();
      await stopped;
    },
  };
}

async function run(name: string, options: DistributorOptions, deps: DistributorDeps) {
  const { env, log = silentLog, clock = systemClock, random = Math.random, proc = '/proc' } = deps;
  const { account: own, call_timeout: callMs } = options;
  const ca = own.ca === undefined ? undefined : readOptionFile('account.ca', own.ca).toString();
  const registrations = Registrations.open(options.database ?? databaseFile(env));
  const resource = registrations.remembered('resource', () => `pushbridge-${random().toString(36).slice(2, 10)}`);
  const account = new Account(
    own,
    ca,
    resource,
    { clock, random, log, resolveSrv: deps.resolveSrv ?? resolveSrv },
    {
      onOnline: (jid) => registrar?.online(jid),
      onOffline: () => registrar?.offline(),
      onStanza: (stanza) => pushes?.take(stanza) ?? false,
    },
  );
  let registrar: Registrar | undefined;
  let pushes: Pushes | undefined;
  let news: News | undefined;
  let service: Service | undefined;
  let bus: Bus | undefined;
  try {
    const address = options.bus ?? busAddress(env);
    bus = await Bus.connect(
      address,
      clock,
      {
        onCall: (call) => service?.onCall(call) ?? { error: 'org.freedesktop.DBus.Error.Failed', message: 'starting' },
        onAnswered: (call) => service?.onAnswered(call),
        onOwner: (app, owner) => {
          if (owner === undefined) return;
          pushes?.appeared(app);
          news?.spread(app);
        },
        onFault: (error) => log.error('D-Bus: fault', { error: reason(error) }),
      },
      callMs,
    ).catch((cause: unknown) => {
      throw new Error(`no session bus at ${address}: ${reason(cause)}`, { cause });
    });
    const connectors = new Connectors(bus, { callMs, log });
    const gateway = new Gateway(account, own.jid, options.gateway, log);
    const teller = new News({ log, registrations, connectors });
    news = teller;
    const shared = { log, registrations, account, gateway };
    const manager = new Registrar(options, { clock, random, news: teller, ...shared });
    registrar = manager;
    const handing = new Pushes({ jid: own.jid, clock, connectors, ...shared });
    pushes = handing;
    service = new Service({
      log,
      bus,
      registrar: manager,
      connectors,
      news: teller,
      sandboxed: (pid) => isSandboxed(pid, proc),
      callMs,
      requireVapid: options.require_vapid,
      sandboxedOnly: options.sandboxed_only,
    });
    await bus.watchNames(callMs);
    const activatable = await bus.activatable(callMs);
    const on = bus;
    await manager.purge(async (app) => !activatable.has(app) && (await on.ownerOf(app, callMs)) === undefined);
    if (!(await bus.own(name, callMs))) throw new Error(`another distributor is running as ${name}`);
    manager.start();
    account.start();
    teller.spreadAll();
    return {
      gone: bus.gone,
      async stop() {
        manager.stop();
        await handing.stop();
        await account.stop();
        on.close();
        registrations.close();
      },
    };
  } catch (error) {
    bus?.close();
    registrations.close();
    throw error;
  }
}

/** [XDG Base Directory Specification] */
function databaseFile({ XDG_DATA_HOME, HOME = homedir() }: DistributorDeps['env']): string {
  return join(XDG_DATA_HOME || join(HOME, '.local', 'share'), 'pushbridge', 'distributor.db');
}

function busAddress({ DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR }: DistributorDeps['env']): string {
  if (DBUS_SESSION_BUS_ADDRESS) return DBUS_SESSION_BUS_ADDRESS;
  if (XDG_RUNTIME_DIR) return `unix:path=${join(XDG_RUNTIME_DIR, 'bus')}`;
  throw new Error('no session bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set');
}
