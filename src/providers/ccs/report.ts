import type { Health, Telemetry } from '../../core/index.ts';
import type { Trouble } from './gate.ts';
import type { LanePool } from './pool.ts';

type Figures = Pick<LanePool, 'open' | 'connecting' | 'draining' | 'used' | 'size' | 'lastReadAt'>;

/**
 * The state of a provider, for `/readyz` and for people. `last_byte_age_s` is that of the connection that has been silent
 * longest: connections to CCS die without a word. `now` is monotonic.
 */
export function healthOf(pool: Figures, running: boolean, trouble: Trouble | undefined, now: number): Health {
  const { open, connecting, draining, used, size, lastReadAt } = pool;
  const silence = lastReadAt === undefined ? {} : { last_byte_age_s: Math.floor((now - lastReadAt) / 1_000) };
  const facts = { open, connecting, draining, used, ...size, ...silence };
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
