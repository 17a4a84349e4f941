import type { Health, Telemetry } from '../../core/index.ts';
import type { OutgoingReport } from '../../protocols/http/index.ts';

export interface State {
  readonly running: boolean;
  /** Messages under way. */
  readonly used: number;
  readonly connections: OutgoingReport;
  /** Push services that are known, and those among them that give no answers. */
  readonly origins: { readonly known: number; readonly down: number };
}

/**
 * The state of the provider, for `/readyz` and for people. There are as many services as there are endpoints: that some
 * are out of reach is everyday life, that all of them are is trouble of ours.
 */
export function healthOf({ running, used, connections, origins }: State): Health {
  const facts = { used, ...connections, services: origins.known, services_down: origins.down };
  if (!running) return { state: 'down', detail: 'not running', facts };
  if (origins.known > 0 && origins.down === origins.known) {
    return { state: 'degraded', detail: 'no push service gives answers', facts };
  }
  return { state: 'ok', facts };
}

/** Lets the metrics ask for the figures. */
export function addGauges(
  telemetry: Telemetry,
  provider: string,
  { size, used, connections }: { size: number; used: () => number; connections: () => OutgoingReport },
): void {
  telemetry.gauge('pushbridge_provider_window_used', () => [[{ provider }, used()]]);
  telemetry.gauge('pushbridge_provider_window_size', () => [[{ provider }, size]]);
  telemetry.gauge('pushbridge_pool_connections', () => {
    const now = connections();
    return (['connecting', 'open'] as const).map((state) => [{ provider, state }, now[state]]);
  });
}
