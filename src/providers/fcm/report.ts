import type { Health, Telemetry } from '../../core/index.ts';
import type { H2Report } from '../../protocols/http2/index.ts';

/** What a report is made of. */
export interface State {
  readonly running: boolean;
  readonly project: string;
  readonly connections: H2Report;
  /** Connections that there should be at least. */
  readonly min: number;
  /** Messages that may go out at once; infinite without a quota. What the minute still has, only Google knows. */
  readonly burstLeft: number;
  /** Milliseconds; 0 without a token. */
  readonly tokenExpiresInMs: number;
  /** Why there is no new token. */
  readonly tokenTrouble: string | undefined;
  /** Why the service is left alone. */
  readonly trouble: string | undefined;
  /** What the service says to every message, although it is tried again and again. */
  readonly errors: string | undefined;
  /** Why the project pauses. */
  readonly held: string | undefined;
}

/** The state of a provider, for `/readyz` and for people: `down` while nothing can be delivered. */
export function healthOf(state: State): Health {
  const { open, connecting, draining, used, size } = state.connections;
  const facts = {
    project: state.project,
    open,
    connecting,
    draining,
    used,
    size,
    ...(Number.isFinite(state.burstLeft) && { burst_left: state.burstLeft }),
    token_expires_s: Math.floor(state.tokenExpiresInMs / 1_000),
  };
  const down = downBecause(state);
  if (down !== undefined) return { state: 'down', detail: down, facts };
  const weak = weakBecause(state);
  return weak === undefined ? { state: 'ok', facts } : { state: 'degraded', detail: weak, facts };
}

function downBecause({ running, tokenExpiresInMs, tokenTrouble, trouble, connections }: State): string | undefined {
  if (!running) return 'not running';
  if (trouble !== undefined) return trouble;
  if (tokenExpiresInMs === 0) return tokenTrouble ? `no access token: ${tokenTrouble}` : 'waits for an access token';
  return connections.open === 0 ? connections.trouble : undefined;
}

function weakBecause({ held, errors, tokenTrouble, connections, min }: State): string | undefined {
  if (held !== undefined) return `over the quota of the project, pausing: ${held}`;
  if (errors !== undefined) return `nothing but errors from the service: ${errors}`;
  if (tokenTrouble !== undefined) return `no new access token: ${tokenTrouble}`;
  return connections.open < min ? `${connections.open} of ${min} connections are open` : undefined;
}

/** Lets the metrics ask for the figures. */
export function addGauges(telemetry: Telemetry, provider: string, report: () => H2Report): void {
  telemetry.gauge('pushbridge_provider_window_used', () => [[{ provider }, report().used]]);
  telemetry.gauge('pushbridge_provider_window_size', () => [[{ provider }, report().size]]);
  telemetry.gauge('pushbridge_pool_connections', () => {
    const now = report();
    return (['connecting', 'open', 'draining'] as const).map((state) => [{ provider, state }, now[state]]);
  });
}
