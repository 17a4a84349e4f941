import type { Health, Telemetry } from '../../core/index.ts';
import type { Trouble } from './gate.ts';
import type { LanePool } from './pool.ts';

type Figures = Pick<LanePool, 'open' | 'connecting' | 'draining' | 'used' | 'size'>;

/** The state of a provider, for `/readyz` and for people. */
export function healthOf(pool: Figures, running: boolean, trouble: Trouble | undefined): Health {
  const { open, connecting, draining, used, size } = pool;
  const facts = { open, connecting, draining, used, ...size };
  if (!running) return { state: 'down', detail: 'not running', facts };
  if (open === 0) return { state: 'down', detail: trouble?.because ?? 'connecting', facts };
  if (trouble) return { state: 'degraded', detail: trouble.because, facts };
  if (open < size.min) return { state: 'degraded', detail: `${open} of ${size.min} connections are open`, facts };
  return { state: 'ok', facts };
}

/** Lets the metrics ask for the figures of a pool. */
export function addGauges(telemetry: Telemetry, provider: string, pool: Figures): void {
  telemetry.gauge('pushbridge_provider_window_used', () => [[{ provider }, pool.used]]);
  telemetry.gauge('pushbridge_provider_window_size', () => [[{ provider }, pool.open * pool.size.window]]);
  telemetry.gauge('pushbridge_pool_connections', () =>
    (['connecting', 'open', 'draining'] as const).map((state) => [{ provider, state }, pool[state]]),
  );
}
