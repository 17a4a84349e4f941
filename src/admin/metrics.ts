import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type Labels,
  type MetricName,
  metrics,
  type Telemetry,
} from '../core/index.ts';

/** Sets of labels that one counter keeps apart; what comes beyond is counted under `other`. */
export const MAX_SERIES = 1_000;

/** Upper bounds in seconds: from a service next door to a message that waited for the ack timeout. */
const BUCKETS: Readonly<Record<HistogramName, readonly number[]>> = {
  pushbridge_round_trip_seconds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
};

/** Counts for Prometheus. */
export interface Metrics extends Telemetry {
  /** The exposition text; gauges are read while it is made. */
  text(): Promise<string>;
  /** Its media type. */
  readonly contentType: string;
}

/**
 * Metrics in a registry of their own, so that two bridges in one process don't mix.
 * @param onError told when the source of a gauge throws; the other metrics are shown all the same
 */
export function createMetrics(onError: (name: GaugeName, error: unknown) => void = () => {}): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = new Map<MetricName, Tally>();
  const histograms = new Map<MetricName, Histogram>();
  const sources = new Map<MetricName, Sources>();
  for (const name of Object.keys(metrics) as MetricName[]) {
    const { type, help, labels } = metrics[name];
    const shape = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') counters.set(name, countTally(shape));
    else if (type === 'gauge')
      sources.set(
        name,
        readSources(shape, (error) => onError(name as GaugeName, error)),
      );
    else histograms.set(name, new Histogram({ ...shape, buckets: [...BUCKETS[name as HistogramName]] }));
  }
  return {
    add<N extends CounterName>(name: N, labels: Labels<N>, by = 1) {
      counters.get(name)?.add(labels, by);
    },
    observe<N extends HistogramName>(name: N, labels: Labels<N>, value: number) {
      histograms.get(name)?.observe({ ...labels }, value);
    },
    gauge<N extends GaugeName>(name: N, read: () => Iterable<readonly [Labels<N>, number]>) {
      sources.get(name)?.push(read);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

interface Shape {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

type Plain = Readonly<Record<string, string>>;
type Sources = (() => Iterable<readonly [Plain, number]>)[];

/**
 * Counts by labels. The library looks its labels up anew with every increment, which is too much for what happens several
 * times a message; here an increment is one look into a map, and the library is asked when somebody scrapes.
 */
class Tally {
  readonly #names: readonly string[];
  readonly #counts = new Map<string, { labels: Plain; value: number }>();

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  add(labels: Plain, by: number): void {
    const key = this.#names.length === 1 ? (labels[this.#names[0] ?? ''] ?? '') : this.#key(labels);
    const found = this.#counts.get(key);
    if (found) found.value += by;
    else if (this.#counts.size < MAX_SERIES) this.#counts.set(key, { labels: { ...labels }, value: by });
    else this.#other(by);
  }

  values(): Iterable<{ labels: Plain; value: number }> {
    return this.#counts.values();
  }

  #key(labels: Plain): string {
    return this.#names.map((name) => labels[name]).join('\u0000');
  }

  /** A provider may name error codes without end; memory has one. */
  #other(by: number): void {
    const labels = Object.fromEntries(this.#names.map((name) => [name, 'other']));
    const key = this.#key(labels);
    const found = this.#counts.get(key);
    if (found) found.value += by;
    else this.#counts.set(key, { labels, value: by });
  }
}

function countTally(shape: Shape): Tally {
  const tally = new Tally(shape.labelNames);
  new Counter({
    ...shape,
    collect() {
      this.reset();
      for (const { labels, value } of tally.values()) this.inc(labels, value);
    },
  });
  return tally;
}

function readSources(shape: Shape, onError: (error: unknown) => void): Sources {
  const sources: Sources = [];
  new Gauge({
    ...shape,
    collect() {
      this.reset();
      for (const read of sources) {
        try {
          for (const [labels, value] of read()) this.set({ ...labels }, value);
        } catch (error) {
          onError(error);
        }
      }
    },
  });
  return sources;
}
