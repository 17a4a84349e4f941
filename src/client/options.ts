import type { ConnectionOptions } from 'node:tls';
import type { Backoff, Random } from '../lib/backoff.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { type Log, silentLog } from '../lib/log.ts';
import { DEFAULT_MAX_FRAME_BYTES, type Encoding, encodings, MAX_WINDOW } from '../protocols/bal/index.ts';

/** How to reach the bridge, and the client's limits. */
export interface BalClientOptions {
  readonly host: string;
  readonly port: number;
  /** The `session_id`. */
  readonly session: string;
  readonly secret?: string;
  /** Names this instance of the backend: after a reconnect or restart, answers wait for it for a while. */
  readonly client?: string;
  /** Frames of the bridge that may wait for this backend's ACK, 1 to 1000. */
  readonly window?: number;
  readonly encoding?: Encoding;
  /** TLS with the system's authorities, or with options of `node:tls`. */
  readonly tls?: boolean | ConnectionOptions;
  /** Messages without an outcome, at most; `send` waits for room. */
  readonly maxUnsettled?: number;
  /** Their bytes, at most. A single larger message is sent alone. */
  readonly maxUnsettledBytes?: number;
  /**
   * Bytes sent and not yet taken by the bridge. Less than what a paused bridge still reads (`max_parked_bytes`), so that
   * ACK and PING never get stuck behind messages.
   */
  readonly maxInFlightBytes?: number;
  /** The largest frame in both directions, in bytes; not more than the bridge's `max_frame_bytes`. */
  readonly maxFrameBytes?: number;
  /** Milliseconds for connecting, TLS and LOGON together. */
  readonly logonTimeoutMs?: number;
  /** Milliseconds of silence before a PING. */
  readonly pingAfterMs?: number;
  /** Milliseconds from the PING to the first sign of life. */
  readonly pongTimeoutMs?: number;
  /** Waits between attempts to connect. */
  readonly backoff?: Backoff;
  /** Milliseconds, at most, between attempts after a refused LOGON; half of it at least. */
  readonly refusedLogonMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
}

/** All options, with their defaults. */
export type Settings = Required<Omit<BalClientOptions, 'secret' | 'client'>> &
  Pick<BalClientOptions, 'secret' | 'client'>;

export const defaults = {
  window: 100,
  encoding: 'json',
  tls: false,
  maxUnsettled: 10_000,
  maxUnsettledBytes: 64 * 1024 * 1024,
  maxInFlightBytes: 128 * 1024,
  maxFrameBytes: DEFAULT_MAX_FRAME_BYTES,
  logonTimeoutMs: 15_000,
  pingAfterMs: 30_000,
  pongTimeoutMs: 10_000,
  backoff: { baseMs: 250, capMs: 60_000 },
  refusedLogonMs: 60_000,
} as const satisfies Partial<BalClientOptions>;

/** @throws {RangeError} for a value out of bounds */
export function settingsOf(options: BalClientOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const base = { ...defaults, clock: systemClock, random: Math.random, log: silentLog };
  const settings = { ...base, ...given } as Settings;
  if (!settings.host || !settings.session) throw new RangeError('host and session must be given');
  if (!encodings.includes(settings.encoding)) throw new RangeError(`encoding is one of ${encodings.join(', ')}`);
  between(settings.port, 'port', 0, 65_535);
  between(settings.window, 'window', 1, MAX_WINDOW);
  for (const name of ['maxUnsettled', 'maxUnsettledBytes', 'maxInFlightBytes', 'maxFrameBytes'] as const) {
    between(settings[name], name, 1, 0xffff_ffff);
  }
  for (const name of ['logonTimeoutMs', 'pingAfterMs', 'pongTimeoutMs', 'refusedLogonMs'] as const) {
    between(settings[name], name, 1, 2 ** 31 - 1);
  }
  return Object.freeze(settings);
}

function between(value: number, name: string, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} is a whole number from ${min} to ${max}`);
  }
}
