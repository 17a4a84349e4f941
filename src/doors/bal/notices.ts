import type { InboxFrame } from '../../core/index.ts';
import type { BridgeFrame } from '../../protocols/bal/index.ts';

const TYPES = { upstream: 'UPSTREAM', ack: 'DOWNSTREAM_ACK', receipt: 'DOWNSTREAM_RECEIPT' } as const;

/** An inbox frame in the words of the protocol, under the number that this connection speaks. */
export function toBridgeFrame(frame: InboxFrame, session: string, sequence: number): BridgeFrame {
  const header = {
    sequence_id: sequence,
    session_id: session,
    message_id: frame.messageId,
    ...(frame.groupId !== undefined && { group_id: frame.groupId }),
    fcm_data: frame.data,
  };
  if (frame.type !== 'reject') return { message_type: TYPES[frame.type], ...header };
  return {
    message_type: 'DOWNSTREAM_REJECT',
    ...header,
    error: frame.error ?? 'INTERNAL_SERVER_ERROR',
    error_string: frame.errorString ?? '',
    taken: true,
  };
}
