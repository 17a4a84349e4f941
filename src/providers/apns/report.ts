import type { Health, Telemetry } from '../../core/index.ts';
import type { H2Report } from '../../protocols/http2/index.ts';

/** A certificate that ends within so many days is told of. */
const CERTIFICATE_DAYS = 14;
const DAY_MS = 86_400_000;

export interface State {
  readonly running: boolean;
  /** Undefined before the start. */
  readonly connections: H2Report | undefined;
  /** Why nothing is sent, although there may be connections. */
  readonly trouble: string | undefined;
  /** What the service says to every message, although it is tried again and again. */
  readonly errors: string | undefined;
  readonly tokenAgeMs: number | undefined;
  /** Milliseconds until the certificate ends; undefined without one. */
  readonly certificateMs: number | undefined;
}

const NOTHING: H2Report = { open: 0, connecting: 0, draining: 0, used: 0, size: 0, trouble: undefined };

/** The state of a provider, for `/readyz` and for people. */
export function healthOf({ running, connections, trouble, errors, tokenAgeMs, certificateMs }: State): Health {
  const { trouble: unconnected, ...figures } = connections ?? NOTHING;
  const days = certificateMs === undefined ? undefined : Math.floor(certificateMs / DAY_MS);
  const facts = {
    ...figures,
    ...(tokenAgeMs !== undefined && { token_age_s: Math.floor(tokenAgeMs / 1_000) }),
    ...(days !== undefined && { certificate_days: days }),
  };
  if (!running) return { state: 'down', detail: 'not running', facts };
  if (trouble !== undefined) return { state: 'down', detail: trouble, facts };
  if (figures.open === 0) return { state: 'down', detail: unconnected ?? 'connecting', facts };
  if (errors !== undefined) {
    return { state: 'degraded', detail: `nothing but errors from the service: ${errors}`, facts };
  }
  if (days !== undefined && days < CERTIFICATE_DAYS) {
    return {
      state: 'degraded',
      detail: days < 0 ? 'the certificate has expired' : `the certificate ends in ${days} days`,
      facts,
    };
  }
  return { state: 'ok', facts };
}

/** Lets the metrics ask for the figures of a provider. */
export function addGauges(telemetry: Telemetry, provider: string, report: () => H2Report | undefined): void {
  const now = () => report() ?? NOTHING;
  telemetry.gauge('pushbridge_provider_window_used', () => [[{ provider }, now().used]]);
  telemetry.gauge('pushbridge_provider_window_size', () => [[{ provider }, now().size]]);
  telemetry.gauge('pushbridge_pool_connections', () => {
    const figures = now();
    return (['connecting', 'open', 'draining'] as const).map((state) => [{ provider, state }, figures[state]]);
  });
}
