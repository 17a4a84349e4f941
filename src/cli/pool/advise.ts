/** Share of the windows that is planned for: the rest is head-room for what comes in bursts. */
export const UTILISATION = 0.8;
/** As many connections as the service allows for one sender. */
export const CONNECTIONS_MAX = 1_000;
/** Windows that are this full leave no room: between an answer and the next message there is always a moment. */
const FULL = 0.9;

/** A bucket of a histogram: so many observations of at most `le` seconds, those of the smaller buckets included. */
export interface Bucket {
  readonly le: number;
  readonly count: number;
}

/** What was seen of one provider in an interval. */
export interface Seen {
  readonly seconds: number;
  /** The pool's settings. */
  readonly min: number;
  readonly max: number;
  readonly window: number;
  /** Connections that take work, and others that only finish theirs, at the end. */
  readonly open: number;
  readonly draining: number;
  /** The used share of all windows, 0 to 1, on average. */
  readonly fill: number;
  /** Messages that came from backends, and answers of the service that mean "try again later". */
  readonly taken: number;
  readonly retried: number;
  /** Round trips of the interval. */
  readonly roundTrips: readonly Bucket[];
  /** Messages without an outcome, at the beginning and at the end. */
  readonly outbox: readonly [before: number, after: number];
}

/** How the pool stands, and how large it should be. Rates are messages a second, times are seconds. */
export interface Advice {
  readonly rate: number;
  /** The rate that is reckoned with. */
  readonly wanted: number;
  /** Absent if nothing was answered. */
  readonly p50?: number;
  readonly p95?: number;
  /** What the open connections carry at p50, every window full. */
  readonly carries?: number;
  /** Absent if there is nothing to reckon with. */
  readonly min?: number;
  readonly max?: number;
  readonly why: string;
}

/**
 * How many connections a rate needs: by Little's law `rate × round trip` messages are on their way at once, and a window
 * holds so many of them. The median says what is to be kept open, the 95th percentile what there must be room for.
 * @param wanted messages a second; default: what came in the interval, or went out of a backlog
 */
export function advise(seen: Seen, wanted?: number): Advice {
  const { seconds, roundTrips, taken, window, open } = seen;
  const answered = roundTrips.at(-1)?.count ?? 0;
  const rate = answered / seconds;
  const aim = wanted ?? Math.max(rate, taken / seconds);
  const p50 = quantile(roundTrips, 0.5);
  const p95 = quantile(roundTrips, 0.95);
  if (p50 === undefined || p95 === undefined) return { rate, wanted: aim, why: silence(seen, wanted !== undefined) };
  const most = needed(aim, p95, window);
  const max = Math.min(CONNECTIONS_MAX, most);
  const min = Math.min(max, needed(aim, p50, window));
  const carries = (window * open) / p50;
  return { rate, wanted: aim, p50, p95, carries, min, max, why: reason(seen, most) };
}

/** Connections for `rate` messages a second that take `seconds` each; at least one. */
export function needed(rate: number, seconds: number, window: number): number {
  // Rounded first: 0.1 × 3 must not need one more than 0.3.
  return Math.max(1, Math.ceil(Number(((rate * seconds) / window / UTILISATION).toFixed(6))));
}

/**
 * The value below which the share `q` of the observations lies, as far as the buckets tell: within one it is taken to grow
 * evenly, and beyond the last limit nothing is known. Undefined without observations.
 */
export function quantile(buckets: readonly Bucket[], q: number): number | undefined {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  let below: Bucket = { le: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count >= q * total && bucket.count > below.count) {
      if (!Number.isFinite(bucket.le)) return below.le;
      return below.le + ((bucket.le - below.le) * (q * total - below.count)) / (bucket.count - below.count);
    }
    below = bucket;
  }
  return below.le;
}

/** Why there is nothing to reckon with. */
function silence({ open, draining, outbox: [, waiting], fill }: Seen, given: boolean): string {
  if (open === 0) {
    const left = draining > 0 ? `, ${draining} only drain` : '';
    return `No connection is open${left}: the size of the pool is not the matter, /readyz tells what is.`;
  }
  if (waiting > 0 && fill > 0)
    return 'Messages are in flight, but the service answered none: its trouble is not the size of the pool.';
  const more = given ? 'the rate alone does not tell how long an answer takes' : 'there is nothing to reckon with';
  return `No message was answered while we looked: ${more}; ask again under load.`;
}

function reason(seen: Seen, most: number): string {
  const { open, min, max, window, fill, retried, draining, outbox } = seen;
  const [before, after] = outbox;
  const percent = `${Math.round(fill * 100)} %`;
  // What is in flight stands in the outbox, too.
  const waiting = after - Math.round(fill * window * open);
  const beyond = most > CONNECTIONS_MAX ? ` It would take ${most}, but ${CONNECTIONS_MAX} is the most.` : '';
  if (open === 0) return `No connection is open now: /readyz tells why.${beyond}`;
  if (fill >= FULL && waiting > 0) {
    const backlog =
      after > 1.05 * before ? `The outbox grows (${before} to ${after})` : `The outbox holds ${after} messages`;
    if (open >= CONNECTIONS_MAX) {
      return `${backlog} and all windows are full, but ${CONNECTIONS_MAX} connections are the most: only a larger window or a faster service helps.`;
    }
    const opening = open < max ? ` Only ${open} of ${max} connections are open yet.` : '';
    return `${backlog} and all windows are full: the pool is the limit.${opening}${beyond}`;
  }
  if (waiting > 0 && retried > 0) {
    return `Some ${waiting} messages wait, ${retried} were put off by the service, and the windows are ${percent} full: the service, not the pool, is the limit.${beyond}`;
  }
  if (waiting > window) {
    return `Some ${waiting} messages wait although the windows are only ${percent} full: the processor (or the order within groups), not the pool, is the limit.${beyond}`;
  }
  const drains = draining > 0 ? ` ${draining} more only drain and carry nothing new.` : '';
  if (most > max)
    return `The windows are ${percent} full; for this rate the pool must be allowed to grow.${drains}${beyond}`;
  const enough = most < min ? 'fewer connections would do' : 'the pool is large enough';
  return `The windows are ${percent} full: ${enough}.${drains}`;
}
