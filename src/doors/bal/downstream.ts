import type { Submission } from '../../core/index.ts';
import { type BackendFrame, type BridgeFrame, digest, type ErrorCode } from '../../protocols/bal/index.ts';

/** [fcm.md §1.4] The longest time to live, in seconds: four weeks. It is also what a message without one gets. */
export const TTL_MAX = 2_419_200;
/** [BAL §Downstream rules] A TTL of 0 has so long to find a connection. */
const TTL_ZERO_MS = 1_000;
/** Longest group id, in UTF-16 code units. */
const GROUP_ID_MAX = 1_024;

export type DownstreamFrame = Extract<BackendFrame, { message_type: 'DOWNSTREAM' }>;
export type RejectFrame = Extract<BridgeFrame, { message_type: 'DOWNSTREAM_REJECT' }>;

/** What the door knows of the sender. */
export interface Sender {
  readonly session: string;
  /** Names of the providers it may use, the default first. */
  readonly providers: readonly string[];
  readonly mailbox: number;
}

/** Why a message is not taken: a code of the error table and a text that names the field. */
export interface Objection {
  readonly code: ErrorCode;
  readonly because: string;
}

/** A DOWNSTREAM frame as the core takes it, or what is wrong with it. */
export function toSubmission(frame: DownstreamFrame, sender: Sender, now: number): Submission | Objection {
  const { fcm_data } = frame;
  const { message_id: _, time_to_live: ttl, ...rest } = fcm_data;
  const invalid = frame.problem ?? problemOf(frame, sender) ?? problemOfFields(fcm_data);
  if (invalid !== undefined) return { code: 'INVALID_MESSAGE', because: invalid };
  const provider = frame.provider ?? sender.providers[0];
  if (provider === undefined || !sender.providers.includes(provider)) {
    return { code: 'NO_PROVIDER', because: `provider: this session may use ${sender.providers.join(', ') || 'none'}` };
  }
  const seconds = ttl as number | undefined;
  const lifeMs = seconds === 0 ? TTL_ZERO_MS : (seconds ?? TTL_MAX) * 1000;
  return {
    session: sender.session,
    messageId: frame.message_id,
    ...(frame.group_id !== undefined && { groupId: frame.group_id }),
    provider,
    target: String(fcm_data.to ?? fcm_data.condition),
    payload: { kind: 'fcm', json: JSON.stringify(rest) },
    priority: isHigh(fcm_data) ? 'high' : 'normal',
    acceptedAt: now,
    expiresAt: now + lifeMs,
    ...(seconds !== undefined && { ttl: seconds }),
    answer: 'inbox',
    mailbox: sender.mailbox,
    digest: digest(fcm_data, frame.group_id, frame.provider),
    receipt: fcm_data.delivery_receipt_requested === true,
  };
}

/** The refusal at the door: not stored, without a sequence number, nothing to acknowledge. */
export function refusal(frame: DownstreamFrame, session: string, objection: Objection): RejectFrame {
  const to = frame.fcm_data.to;
  return {
    message_type: 'DOWNSTREAM_REJECT',
    session_id: session,
    message_id: frame.message_id,
    ...(frame.group_id !== undefined && { group_id: frame.group_id }),
    error: objection.code,
    error_string: objection.because,
    taken: false,
    fcm_data: JSON.stringify({ message_id: frame.message_id, ...(typeof to === 'string' && { to }) }),
  };
}

function problemOf(frame: DownstreamFrame, sender: Sender): string | undefined {
  if (frame.session_id !== undefined && frame.session_id !== sender.session) {
    return `session_id: is not the session logged on, ${sender.session}`;
  }
  if ((frame.group_id?.length ?? 0) > GROUP_ID_MAX) return `group_id: longer than ${GROUP_ID_MAX} characters`;
  return undefined;
}

/** The fields that steer the bridge itself; everything else is between the backend and the provider. */
function problemOfFields(data: DownstreamFrame['fcm_data']): string | undefined {
  const { to, condition, time_to_live: ttl, delivery_receipt_requested: receipt, priority } = data;
  if (to === undefined && condition === undefined) return 'fcm_data.to: missing, and fcm_data.condition too';
  if (to !== undefined && condition !== undefined) return 'fcm_data.condition: not beside fcm_data.to';
  const target = to ?? condition;
  const name = to === undefined ? 'condition' : 'to';
  if (typeof target !== 'string' || target === '') return `fcm_data.${name}: must be a text that is not empty`;
  if (ttl !== undefined && !(Number.isInteger(ttl) && (ttl as number) >= 0 && (ttl as number) <= TTL_MAX)) {
    return `fcm_data.time_to_live: must be a whole number of seconds from 0 to ${TTL_MAX}`;
  }
  if (receipt !== undefined && typeof receipt !== 'boolean') {
    return 'fcm_data.delivery_receipt_requested: must be true or false';
  }
  if (priority !== undefined && typeof priority !== 'string') return 'fcm_data.priority: must be a text';
  return undefined;
}

/** [fcm.md §1.4] Data messages default to normal priority, notifications to high. */
function isHigh(data: DownstreamFrame['fcm_data']): boolean {
  const priority = data.priority;
  return typeof priority === 'string' ? priority.toLowerCase() === 'high' : data.notification !== undefined;
}
