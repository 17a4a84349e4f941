import { isIP } from 'node:net';
import type { Health } from '../core/index.ts';
import type { Log } from '../lib/log.ts';
import { isLoopback } from '../lib/loopback.ts';
import { createHttpServer, HttpError, type HttpServer } from '../protocols/http/index.ts';
import { addCcsRoutes, type CcsConnections } from './ccs-routes.ts';
import type { Metrics } from './metrics.ts';
import { addPoolRoutes, type Pools } from './pool-routes.ts';

/** Largest request body, in bytes: a change of a pool is a few dozen. */
export const MAX_BODY_BYTES = 4_096;

/** A part of the bridge, for `/readyz`. */
export interface Part {
  health(): Health;
  /**
   * False for a part whose failure the bridge survives with its promises kept, such as a provider whose service can't be
   * reached: it is shown, but does not take the bridge out of service.
   */
  readonly essential?: boolean;
}

export interface AdminDeps {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Parts by name; asked anew at every request. */
  readonly parts: Readonly<Record<string, Part>>;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  readonly pools: Pools;
  /** The CCS door, if there is one. */
  readonly ccs?: CcsConnections;
  readonly log: Log;
}

/** The listener for operators: health, metrics, pools. */
export interface Admin {
  /** @returns the port that it listens on */
  start(): Promise<number>;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

/** Builds the listener; nothing happens before `start`. It asks for no password: loopback is where it belongs. */
export function createAdmin({ host, port, parts, metrics, pools, ccs, log }: AdminDeps): Admin {
  const onFault = (error: unknown) => log.error('admin request failed', { error });
  const guard = isLoopback(host) ? { guard: onlyLocalNames } : {};
  const server = createHttpServer({ host, port, bodyLimit: MAX_BODY_BYTES, onFault, ...guard });
  addHealthRoutes(server, parts);
  server.route({
    method: 'GET',
    path: '/metrics',
    handle: async () => ({ text: await metrics.text(), type: metrics.contentType }),
  });
  addPoolRoutes(server, pools);
  if (ccs) addCcsRoutes(server, ccs);
  let stopping: Promise<void> | undefined;
  return {
    async start() {
      const listening = await server.start();
      if (!isLoopback(host)) log.warn('admin is reachable from other machines and asks for no password', { host });
      return listening;
    },
    stop: () => (stopping ??= server.stop()),
  };
}

function addHealthRoutes(server: HttpServer, parts: AdminDeps['parts']): void {
  server.route({ method: 'GET', path: '/healthz', handle: () => ({ json: { alive: true } }) });
  server.route({
    method: 'GET',
    path: '/readyz',
    handle() {
      const facts = Object.entries(parts).map(([name, part]) => [name, part.health()] as const);
      const ready = facts.every(([name, { state }]) => state !== 'down' || parts[name]?.essential === false);
      return { status: ready ? 200 : 503, json: { ready, parts: Object.fromEntries(facts) } };
    },
  });
}

/**
 * A web page can make a browser ask us under a name of its own that leads to 127.0.0.1 (DNS rebinding). Only names that
 * nobody can point elsewhere are answered.
 */
function onlyLocalNames({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): void {
  const host = String(headers.host ?? '').replace(/:\d+$/, '');
  const plain = host.replace(/^\[(.*)\]$/, '$1');
  if (isIP(plain) || plain.toLowerCase() === 'localhost') return;
  throw new HttpError(403, 'forbidden', 'ask by address or as localhost');
}
