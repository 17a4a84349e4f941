import { hash } from 'node:crypto';
import { fcmContent, type Submission } from '../../core/index.ts';
import { canonicalJson } from '../../lib/canonical-json.ts';
import type { AppServerMessage } from '../../protocols/ccs/index.ts';
import type { Sender } from './sender.ts';

export type DownstreamMessage = Extract<AppServerMessage, { kind: 'message' }>;

/** Longest message id, in bytes: it stands in every index of the store. */
const MESSAGE_ID_MAX_BYTES = 1_024;

/** Why a message is not taken: a code of CCS or of the bridge, and a text for people. */
export interface Objection {
  readonly code: string;
  readonly because: string;
}

export const DRAINING: Objection = { code: 'CONNECTION_DRAINING', because: 'Connection is draining' };
export const CONFLICT: Objection = {
  code: 'DUPLICATE_MESSAGE_ID',
  because: 'message_id was used for a message with other content',
};

/** What CCS would nack this message for, before anybody else is asked. */
export function objectionTo({ problem, id }: DownstreamMessage): Objection | undefined {
  if (problem) return { code: problem.code, because: problem.description };
  const wrong = wrongId(id);
  return wrong === undefined ? undefined : { code: 'INVALID_JSON', because: `InvalidJson: message_id ${wrong}` };
}

function wrongId(id: string): string | undefined {
  if (Buffer.byteLength(id) > MESSAGE_ID_MAX_BYTES) return `is longer than ${MESSAGE_ID_MAX_BYTES} bytes`;
  // UTF-8 has no bytes for it: the store would give back another id.
  return id.isWellFormed() ? undefined : 'has half a surrogate pair';
}

/**
 * A message as the core takes it; to be submitted only if nothing is wrong with it.
 * @param mailbox of the connection that it came on
 * @param now milliseconds since the epoch
 */
export function toSubmission(message: DownstreamMessage, sender: Sender, mailbox: number, now: number): Submission {
  return {
    session: sender.session,
    messageId: message.id,
    provider: sender.provider,
    ...fcmContent(message.fields, now),
    target: message.target,
    receipt: message.receipt,
    answer: 'connection',
    mailbox,
    digest: hash('sha256', canonicalJson(message.fields), 'base64'),
  };
}
