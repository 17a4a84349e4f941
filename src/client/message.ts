import { randomUUID } from 'node:crypto';
import { reason } from '../lib/log.ts';
import {
  BalError,
  decodeBackendFrame,
  type Encoding,
  encodeBackendFrame,
  HEADER_BYTES,
  type JsonObject,
  type ReceivedFrame,
} from '../protocols/bal/index.ts';
import { BalClientError } from './errors.ts';
import type { Outcome } from './outbox.ts';

/** What to send. */
export interface OutgoingMessage {
  /** Unique in the session; a random one by default. Keep it with your own data to be able to repeat a message safely. */
  readonly messageId?: string;
  /** Messages of a group are delivered one at a time, in the order of `send`. */
  readonly groupId?: string;
  /** A provider of the session; its first one by default. */
  readonly provider?: string;
  /** The FCM downstream message: `to`, `data`, `notification`, `time_to_live`, … */
  readonly fcmData: JsonObject;
}

/**
 * The frame of a message.
 * @throws {BalClientError} INVALID_MESSAGE, MESSAGE_TOO_LARGE
 */
export function frameOf(
  message: OutgoingMessage,
  encoding: Encoding,
  maxFrameBytes: number,
): { id: string; frame: Buffer } {
  const { messageId: id = randomUUID(), groupId, provider, fcmData } = message;
  if (id === '') throw new BalClientError('INVALID_MESSAGE', 'messageId is empty');
  try {
    const frame = encodeBackendFrame(
      {
        message_type: 'DOWNSTREAM',
        message_id: id,
        ...(groupId !== undefined && { group_id: groupId }),
        ...(provider !== undefined && { provider }),
        fcm_data: fcmData,
      },
      encoding,
    );
    const bytes = frame.length - HEADER_BYTES;
    if (bytes > maxFrameBytes) {
      throw new BalClientError('MESSAGE_TOO_LARGE', `a frame of ${bytes} bytes, at most ${maxFrameBytes} are allowed`);
    }
    // Reading it back as the bridge will: one rule for both sides, and a bad message never costs the connection.
    const seen = decodeBackendFrame(frame.subarray(HEADER_BYTES), encoding);
    if (seen.message_type !== 'DOWNSTREAM' || seen.problem !== undefined || seen.message_id !== id) {
      throw new BalClientError('INVALID_MESSAGE', ('problem' in seen && seen.problem) || 'messageId');
    }
    return { id, frame };
  } catch (cause) {
    if (cause instanceof BalError) throw new BalClientError('INVALID_MESSAGE', reason(cause), { cause });
    throw cause;
  }
}

/** The outcome in an answer of the bridge. */
export function outcomeOf(
  frame: Extract<ReceivedFrame, { message_type: 'DOWNSTREAM_REJECT' } | { sequence_id: number }>,
): Outcome {
  const data = frame.fcm_data;
  if (frame.message_type === 'DOWNSTREAM_REJECT') {
    return { kind: 'reject', code: frame.error, text: frame.error_string, taken: frame.taken, data };
  }
  const registrationId = Object.hasOwn(data, 'registration_id') ? data.registration_id : undefined;
  return { kind: 'ack', ...(typeof registrationId === 'string' && { registrationId }), data };
}
