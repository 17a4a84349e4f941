import type { AnswerMode, Message, Notice } from '../../core/index.ts';
import type { Value } from './sql.ts';

/** A row of `outbox`; the numbers of session and provider are resolved by the ledger. */
export interface OutboxRow {
  readonly id: number;
  readonly provider: number;
  readonly retry_at: number | null;
  readonly session: number;
  readonly mailbox: number;
  readonly expires_at: number;
  readonly accepted_at: number;
  readonly attempts: number;
  readonly first_answered_at: number | null;
  readonly last_reason: string | null;
  readonly ttl: number | null;
  readonly priority: 'normal' | 'high';
  readonly answer: AnswerMode;
  readonly receipt: number;
  readonly message_id: string;
  readonly group_id: string | null;
  readonly target: string;
  readonly collapse_key: string | null;
  readonly digest: string;
  readonly headers: string | null;
  readonly payload: string | Uint8Array;
}

/** The columns that hold a notice, as they come back. */
export interface NoticeRow {
  readonly type: Notice['type'];
  readonly notice_id: string;
  readonly group_id: string | null;
  readonly error: string | null;
  readonly error_string: string | null;
  readonly data: string;
}

/** The message of a row, for who claims it. */
export function messageOf(row: OutboxRow, session: string, provider: string, prefix: string): Message {
  const { payload, headers } = row;
  const message: Mutable<Message> = {
    id: row.id,
    wireId: wireIdOf(prefix, row.id),
    session,
    messageId: row.message_id,
    provider,
    target: row.target,
    payload:
      typeof payload === 'string'
        ? { kind: 'fcm', json: payload }
        : { kind: 'opaque', body: payload, headers: headers ?? '' },
    priority: row.priority,
    acceptedAt: row.accepted_at,
    expiresAt: row.expires_at,
    answer: row.answer,
    mailbox: row.mailbox,
    digest: row.digest,
    receipt: row.receipt === 1,
    attempts: row.attempts,
  };
  if (row.group_id !== null) message.groupId = row.group_id;
  if (row.ttl !== null) message.ttl = row.ttl;
  if (row.collapse_key !== null) message.collapseKey = row.collapse_key;
  if (row.first_answered_at !== null) message.firstAnsweredAt = row.first_answered_at;
  if (row.last_reason !== null) message.lastReason = row.last_reason;
  return message;
}

/** The notice in these columns. */
export function noticeOf(row: NoticeRow): Notice {
  const notice: Mutable<Notice> = { type: row.type, messageId: row.notice_id, data: row.data };
  if (row.group_id !== null) notice.groupId = row.group_id;
  if (row.error !== null) notice.error = row.error;
  if (row.error_string !== null) notice.errorString = row.error_string;
  return notice;
}

/** The columns of a notice: type, notice_id, group_id, error, error_string, data. */
export function noticeValues(n: Notice): [Value, Value, Value, Value, Value, Value] {
  return [n.type, n.messageId, n.groupId ?? null, n.error ?? null, n.errorString ?? null, n.data];
}

/** What the sender of a message is told that was taken back before it was sent. */
export function withdrawn(row: { message_id: string; group_id: string | null; target: string }, why: string): Notice {
  const data = JSON.stringify({ message_id: row.message_id, to: row.target });
  const told = { type: 'reject', messageId: row.message_id, error: 'EXPIRED', errorString: why, data } as const;
  return row.group_id === null ? told : { ...told, groupId: row.group_id };
}

export const wireIdOf = (prefix: string, id: number): string => `${prefix}-${id.toString(36)}`;

/** The message number in a wire id of this database; undefined if it is none of ours. */
export function idOf(prefix: string, wireId: string): number | undefined {
  if (!wireId.startsWith(`${prefix}-`)) return undefined;
  const id = Number.parseInt(wireId.slice(prefix.length + 1), 36);
  return Number.isSafeInteger(id) && wireIdOf(prefix, id) === wireId ? id : undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
