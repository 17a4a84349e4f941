/**
 * What travels between the threads with every message, as one flat list of values. The platform copies an object key by
 * key, names included; a flat list costs it less than half.
 */
import type { AnswerMode, Claim, InboxFrame, Message, Notice, Settlement, Submission } from '../../core/index.ts';

type Value = string | number | boolean | Uint8Array | undefined;

/** A list of `T` as values, so many for each. */
export interface Packed<T> {
  readonly values: readonly Value[];
  /** Never there: it tells lists of different things apart. */
  readonly of?: T;
}

const SUBMISSION_WIDTH = 17;
const CLAIM_WIDTH = SUBMISSION_WIDTH + 6;
const NOTICE_WIDTH = 6;
const FRAME_WIDTH = 1 + NOTICE_WIDTH;
const SETTLEMENT_WIDTH = 8 + NOTICE_WIDTH;

export function packSubmissions(batch: readonly Submission[]): Packed<Submission> {
  const values: Value[] = [];
  for (const submission of batch) pushSubmission(values, submission);
  return { values };
}

export function unpackSubmissions({ values }: Packed<Submission>): Submission[] {
  return each(values, SUBMISSION_WIDTH, (at) => submissionAt(values, at));
}

export function packClaims(claims: readonly Claim[]): Packed<Claim> {
  const values: Value[] = [];
  for (const { claim, message } of claims) {
    pushSubmission(values, message);
    const { id, wireId, attempts, firstAnsweredAt, lastReason } = message;
    values.push(claim, id, wireId, attempts, firstAnsweredAt, lastReason);
  }
  return { values };
}

export function unpackClaims({ values }: Packed<Claim>): Claim[] {
  return each(values, CLAIM_WIDTH, (start) => {
    const message = submissionAt(values, start) as Mutable<Message>;
    const at = start + SUBMISSION_WIDTH;
    message.id = values[at + 1] as number;
    message.wireId = values[at + 2] as string;
    message.attempts = values[at + 3] as number;
    if (values[at + 4] !== undefined) message.firstAnsweredAt = values[at + 4] as number;
    if (values[at + 5] !== undefined) message.lastReason = values[at + 5] as string;
    return { claim: values[at] as number, message };
  });
}

export function packSettlements(batch: readonly Settlement[]): Packed<Settlement> {
  const values: Value[] = [];
  for (const { id, claim, at, verdict } of batch) {
    values.push(id, claim, at);
    if (verdict.kind === 'final') {
      values.push(verdict.accepted, verdict.dead, verdict.forget, undefined, undefined);
      pushNotice(values, verdict.notice);
    } else {
      values.push(undefined, verdict.because, verdict.dueAt, verdict.answered, verdict.held);
      for (let i = 0; i < NOTICE_WIDTH; i++) values.push(undefined);
    }
  }
  return { values };
}

export function unpackSettlements({ values }: Packed<Settlement>): Settlement[] {
  return each(values, SETTLEMENT_WIDTH, (at) => {
    const [id, claim, time] = [values[at], values[at + 1], values[at + 2]] as [number, number, number];
    const [accepted, why] = [values[at + 3] as boolean | undefined, values[at + 4] as string | undefined];
    if (accepted === undefined) {
      const [dueAt, answered] = [values[at + 5] as number, values[at + 6] as boolean];
      const held = values[at + 7] === true && { held: true as const };
      return { id, claim, at: time, verdict: { kind: 'retry', because: why ?? '', dueAt, answered, ...held } };
    }
    const notice = noticeAt(values, at + 8);
    const verdict: Mutable<Settlement['verdict'] & { kind: 'final' }> = { kind: 'final', accepted, notice };
    if (why !== undefined) verdict.dead = why;
    if (values[at + 5] === true) verdict.forget = true;
    return { id, claim, at: time, verdict };
  });
}

export function packFrames(frames: readonly InboxFrame[]): Packed<InboxFrame> {
  const values: Value[] = [];
  for (const frame of frames) {
    values.push(frame.sequence);
    pushNotice(values, frame);
  }
  return { values };
}

export function unpackFrames({ values }: Packed<InboxFrame>): InboxFrame[] {
  return each(values, FRAME_WIDTH, (at) => {
    const frame = noticeAt(values, at + 1) as Mutable<InboxFrame>;
    frame.sequence = values[at] as number;
    return frame;
  });
}

function each<T>(values: readonly Value[], width: number, read: (at: number) => T): T[] {
  const items: T[] = [];
  for (let at = 0; at < values.length; at += width) items.push(read(at));
  return items;
}

function pushSubmission(values: Value[], s: Submission): void {
  const opaque = s.payload.kind === 'opaque';
  const content = s.payload.kind === 'opaque' ? s.payload.body : s.payload.json;
  const headers = s.payload.kind === 'opaque' ? s.payload.headers : undefined;
  values.push(s.session, s.messageId, s.groupId, s.provider, s.target, opaque, content, headers, s.priority);
  values.push(s.acceptedAt, s.expiresAt, s.ttl, s.collapseKey, s.answer, s.mailbox, s.digest, s.receipt);
}

function submissionAt(values: readonly Value[], at: number): Submission {
  const content = values[at + 6];
  const submission: Mutable<Submission> = {
    session: values[at] as string,
    messageId: values[at + 1] as string,
    provider: values[at + 3] as string,
    target: values[at + 4] as string,
    payload: values[at + 5]
      ? { kind: 'opaque', body: content as Uint8Array, headers: values[at + 7] as string }
      : { kind: 'fcm', json: content as string },
    priority: values[at + 8] as Submission['priority'],
    acceptedAt: values[at + 9] as number,
    expiresAt: values[at + 10] as number,
    answer: values[at + 13] as AnswerMode,
    mailbox: values[at + 14] as number,
    digest: values[at + 15] as string,
    receipt: values[at + 16] as boolean,
  };
  if (values[at + 2] !== undefined) submission.groupId = values[at + 2] as string;
  if (values[at + 11] !== undefined) submission.ttl = values[at + 11] as number;
  if (values[at + 12] !== undefined) submission.collapseKey = values[at + 12] as string;
  return submission;
}

function pushNotice(values: Value[], { type, messageId, groupId, error, errorString, data }: Notice): void {
  values.push(type, messageId, groupId, error, errorString, data);
}

function noticeAt(values: readonly Value[], at: number): Notice {
  const notice: Mutable<Notice> = {
    type: values[at] as Notice['type'],
    messageId: values[at + 1] as string,
    data: values[at + 5] as string,
  };
  if (values[at + 2] !== undefined) notice.groupId = values[at + 2] as string;
  if (values[at + 3] !== undefined) notice.error = values[at + 3] as string;
  if (values[at + 4] !== undefined) notice.errorString = values[at + 4] as string;
  return notice;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
