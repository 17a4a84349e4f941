import { fcmContent, type Submission, TTL_MAX } from '../../core/index.ts';
import { type BackendFrame, type BridgeFrame, digest, type ErrorCode } from '../../protocols/bal/index.ts';

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
  const invalid = frame.problem ?? problemOf(frame, sender) ?? problemOfFields(fcm_data);
  if (invalid !== undefined) return { code: 'INVALID_MESSAGE', because: invalid };
  const provider = frame.provider ?? sender.providers[0];
  if (provider === undefined || !sender.providers.includes(provider)) {
    return { code: 'NO_PROVIDER', because: `provider: this session may use ${sender.providers.join(', ') || 'none'}` };
  }
  return {
    session: sender.session,
    messageId: frame.message_id,
    ...(frame.group_id !== undefined && { groupId: frame.group_id }),
    provider,
    ...fcmContent(fcm_data, now),
    answer: 'inbox',
    mailbox: sender.mailbox,
    digest: digest(fcm_data, frame.group_id, frame.provider),
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
