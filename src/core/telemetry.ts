/**
 * What the bridge counts. Core, doors and providers count through {@link Telemetry}; `admin` shows it to Prometheus. This
 * table is the list of metrics: a test holds it against the README.
 */
export const metrics = {
  pushbridge_messages_total: {
    type: 'counter',
    labels: ['provider', 'state'],
    help: 'Messages by what became of them: taken, repeated, conflict, full, accepted, rejected, expired, retried, unanswered.',
  },
  pushbridge_nacks_total: { type: 'counter', labels: ['provider', 'code'], help: 'Refusals of the provider by code.' },
  pushbridge_upstream_total: {
    type: 'counter',
    labels: ['provider', 'state'],
    help: 'Upstream messages and receipts: stored, duplicate, dead; full if the device is to send it again.',
  },
  pushbridge_http_requests_total: {
    type: 'counter',
    labels: ['route', 'status'],
    help: 'Requests of the public HTTP listener by route (other: none of them) and status.',
  },
  pushbridge_rejects_total: {
    type: 'counter',
    labels: ['code'],
    help: 'Frames and messages refused at the doors, by error code.',
  },
  pushbridge_stale_settlements_total: {
    type: 'counter',
    labels: [],
    help: 'Outcomes that came after another had won.',
  },
  pushbridge_frames_total: {
    type: 'counter',
    labels: ['direction', 'type'],
    help: 'BAL frames by direction and type.',
  },
  pushbridge_bal_connections: {
    type: 'gauge',
    labels: ['session'],
    help: 'Connections logged on; `ccs:ID` is a sender of the CCS door.',
  },
  pushbridge_bal_window_used: {
    type: 'gauge',
    labels: ['session'],
    help: 'Frames or upstream messages sent to them and not yet acknowledged.',
  },
  pushbridge_ccs_stanzas_total: {
    type: 'counter',
    labels: ['direction', 'type'],
    help: 'Stanzas of the CCS door: message, ack, nack, upstream, receipt, control, error.',
  },
  pushbridge_logons_total: { type: 'counter', labels: ['result'], help: 'Logons at the doors: success, failure.' },
  pushbridge_provider_events_total: {
    type: 'counter',
    labels: ['provider', 'event'],
    help: 'Events of provider connections: login, login_failed, bad_certificate, drop, drain, ack_timeout, unknown_type, error_406 and others.',
  },
  pushbridge_provider_window_used: { type: 'gauge', labels: ['provider'], help: 'Messages in flight to the provider.' },
  pushbridge_provider_window_size: { type: 'gauge', labels: ['provider'], help: 'Sum of the windows of open lanes.' },
  pushbridge_pool_connections: {
    type: 'gauge',
    labels: ['provider', 'state'],
    help: 'Pool connections by state: connecting, open, draining.',
  },
  pushbridge_outbox_depth: { type: 'gauge', labels: ['provider'], help: 'Messages without an outcome.' },
  pushbridge_outbox_oldest_seconds: { type: 'gauge', labels: ['provider'], help: 'Age of the oldest of them.' },
  pushbridge_inbox_depth: { type: 'gauge', labels: ['session'], help: 'Frames that wait for an ACK.' },
  pushbridge_inbox_oldest_seconds: { type: 'gauge', labels: ['session'], help: 'Age of the oldest of them.' },
  pushbridge_registrations: { type: 'gauge', labels: [], help: 'Endpoints that are registered.' },
  pushbridge_dead_letters: { type: 'gauge', labels: [], help: 'Dead letters kept.' },
  pushbridge_receipt_index: { type: 'gauge', labels: [], help: 'Messages whose receipt is awaited.' },
  pushbridge_dedupe_outcomes: { type: 'gauge', labels: [], help: 'Outcomes remembered to recognise repeats.' },
  pushbridge_dedupe_window_seconds: { type: 'gauge', labels: [], help: 'How far back a repeat is recognised.' },
  pushbridge_store_trouble: {
    type: 'gauge',
    labels: ['code'],
    help: '1 while the store refuses and nothing is accepted, by code: full, failed, dead; else 0.',
  },
  pushbridge_store_commits_total: { type: 'counter', labels: [], help: 'Commits of the store.' },
  pushbridge_store_operations_total: {
    type: 'counter',
    labels: [],
    help: 'Operations in them: the ratio is the batch size.',
  },
  pushbridge_round_trip_seconds: {
    type: 'histogram',
    labels: ['provider'],
    help: 'From handing a message to the provider to its answer.',
  },
} as const satisfies Record<
  string,
  { type: 'counter' | 'gauge' | 'histogram'; labels: readonly string[]; help: string }
>;

type Metrics = typeof metrics;
export type MetricName = keyof Metrics;
type Named<T> = { [K in MetricName]: Metrics[K]['type'] extends T ? K : never }[MetricName];
export type CounterName = Named<'counter'>;
export type GaugeName = Named<'gauge'>;
export type HistogramName = Named<'histogram'>;
/** The labels of a metric, each required. */
export type Labels<N extends MetricName> = Readonly<Record<Metrics[N]['labels'][number], string>>;

/** Where counts go. Gauges are asked for when somebody looks: their source is registered once. */
export interface Telemetry {
  add<N extends CounterName>(name: N, labels: Labels<N>, by?: number): void;
  observe<N extends HistogramName>(name: N, labels: Labels<N>, value: number): void;
  /** `read` is called at each scrape and gives the present values, one per set of labels. */
  gauge<N extends GaugeName>(name: N, read: () => Iterable<readonly [Labels<N>, number]>): void;
}

/** Counts nothing: for tests and libraries. */
export const noTelemetry: Telemetry = { add() {}, observe() {}, gauge() {} };
