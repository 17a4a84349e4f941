/** Answers in the vocabulary of CCS, whoever gave them: what a backend sees in `fcm_data` of an ack or a reject. [fcm.md §1.5] */

interface Addressee {
  /** The sender's own id. */
  readonly messageId: string;
  readonly target: string;
}

/** The JSON text of an ack; `more` are fields that CCS did not know. */
export function ackReply({ messageId, target }: Addressee, more: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ ...more, from: target, message_id: messageId, message_type: 'ack' });
}

/** The JSON text of a nack; `more` are fields that CCS did not know. */
export function nackReply(
  { messageId, target }: Addressee,
  code: string,
  because: string,
  more: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({
    ...more,
    from: target,
    message_id: messageId,
    message_type: 'nack',
    error: code,
    error_description: because,
  });
}
