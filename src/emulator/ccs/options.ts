import { count, duration, z } from '../../lib/schema.ts';
import { faultsOf as faultsAmong, patchOf, withoutGaps } from '../faults.ts';
import { after, flag, listening, rate } from '../listening.ts';

/** What can go wrong on purpose: globally from the start, and changed later for all or for one connection. */
const faultShape = {
  latency: duration().default(0).describe('every answer to a message waits so long'),
  latency_spread: duration().default(0).describe('and up to so much more, at random'),
  nack_rate: rate().default(0).describe('share of messages answered by nack_code, from 0 to 1'),
  nack_code: z.string().min(1).default('SERVICE_UNAVAILABLE').describe('the code of those nacks'),
  hold_acks: flag('keep answers back until they are released'),
  double_acks: flag('send every answer twice'),
  stray_acks: flag('send an ack for an unknown message_id with every answer'),
  unknown_types: flag('send a message of an unknown message_type with every answer'),
  swap_forms: flag('write `<gcm>` where `<data:gcm>` is usual, and the other way round'),
  black_hole: flag('neither read nor write, but keep the TCP connection'),
  split_writes: flag('write every byte on its own'),
  refuse_login: z
    .enum(['no', 'failure', 'close'])
    .default('no')
    .describe('refuse every login by `<failure/>`, or by closing without a word'),
  stall_login: flag('never answer a login'),
  drop_after: after('drop a connection after so many messages'),
  drop_how: z.enum(['fin', 'rst']).default('fin').describe('how connections are dropped'),
  drain_after: after('drain a connection after so many messages'),
  announce_drain: z.boolean().default(true).describe('tell of draining by a control message, not only by nacks'),
  broken_drain_json: flag('leave out the comma in the control message, as the documentation does'),
  close_on_breach: flag('end the stream of a client that exceeds the window'),
  poison: z.array(z.string()).default([]).describe('message_ids whose arrival ends the stream with an error'),
  poison_condition: z
    .enum(['invalid-xml', 'not-well-formed', 'policy-violation', 'internal-server-error'])
    .default('invalid-xml')
    .describe('that error'),
};

const faultOptions = z.strictObject(faultShape);
/** Some of the faults, as written; what is left out stays as it is. */
export const faultPatch = patchOf(faultShape);

/** The CCS emulator. */
export const ccsEmulatorOptions = z.strictObject({
  ...listening(5235),
  senders: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe('sender ids and their server keys; anybody may log in if there are none'),
  domains: z
    .array(z.string().min(1))
    .default(['gcm.googleapis.com', 'fcm.googleapis.com'])
    .describe('domains that a login name may end in'),
  category: z.string().min(1).default('com.example.app').describe('app of receipts and upstream messages'),
  window: count(1, 1_000_000).default(100).describe('un-acked messages that a connection may have'),
  upstream_window: count(1, 1_000_000).default(100).describe('un-acked upstream messages before it pauses'),
  keepalive: duration().default(60_000).describe('a space is sent so often; 0 never'),
  login_timeout: duration(1).default(30_000).describe('a connection must be logged in after so long'),
  receipt_delay: duration().default(0).describe('a receipt follows its ack after so long'),
  drain_min: duration().default(1_000).describe('a draining connection stays so long at least'),
  drain_max: duration(1).default(30_000).describe('and so long at most, settled or not'),
  max_stanza_bytes: count(1_024, 16_777_216).default(262_144).describe('largest stanza, in bytes'),
  max_connections: count(1, 100_000).default(1_000).describe('connections of one sender'),
  track: z.boolean().default(true).describe('remember every message_id; off for benchmarks'),
  track_limit: count(1, 10_000_000).default(200_000).describe('message_ids remembered; the oldest are forgotten'),
  ...faultShape,
});

export type EmulatorOptions = z.output<typeof ccsEmulatorOptions>;
/** As written: durations are texts such as `20ms`. */
export type EmulatorInput = z.input<typeof ccsEmulatorOptions>;
export type Faults = Readonly<z.output<typeof faultOptions>>;
export type FaultPatch = Partial<Faults>;
export type FaultPatchInput = z.input<typeof faultPatch>;

/** The faults among the options. */
export const faultsOf = (options: EmulatorOptions): Faults => faultsAmong(faultShape, options);

/**
 * Reads a patch as it was written.
 * @throws if it is not understood
 */
export const readPatch = (input: FaultPatchInput): FaultPatch => withoutGaps(faultPatch.parse(input)) as FaultPatch;
