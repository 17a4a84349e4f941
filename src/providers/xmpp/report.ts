import type { Health, Telemetry } from '../../core/index.ts';

/** What a report is made of. */
export interface State {
  readonly running: boolean;
  readonly domain: string;
  /** Connections: those that are open, and as many as there should be. */
  readonly open: number;
  readonly connections: number;
  /** Pushes on their way, and as many as there may be. */
  readonly used: number;
  readonly size: number;
  /** Why a connection is not there; undefined if all are, or are about to be. */
  readonly trouble: string | undefined;
}

/** The state of a provider, for `/readyz` and for people: `down` while nothing can be delivered. */
export function healthOf({ running, open, connections, trouble, ...rest }: State): Health {
  const facts = { domain: rest.domain, open, connections, used: rest.used, size: rest.size };
  if (!running) return { state: 'down', detail: 'not running', facts };
  if (open === 0) return { state: 'down', detail: trouble ?? 'connecting', facts };
  if (open === connections) return { state: 'ok', facts };
  const missing = `${open} of ${connections} connections are open`;
  return { state: 'degraded', detail: trouble === undefined ? missing : `${missing}: ${trouble}`, facts };
}

/** Lets the metrics ask for the figures. */
export function addGauges(telemetry: Telemetry, provider: string, state: () => State): void {
  telemetry.gauge('pushbridge_provider_window_used', () => [[{ provider }, state().used]]);
  telemetry.gauge('pushbridge_provider_window_size', () => [[{ provider }, state().open > 0 ? state().size : 0]]);
  telemetry.gauge('pushbridge_pool_connections', () => {
    const { open, connections, running } = state();
    return [
      [{ provider, state: 'open' }, open],
      [{ provider, state: 'connecting' }, running ? connections - open : 0],
    ];
  });
}
