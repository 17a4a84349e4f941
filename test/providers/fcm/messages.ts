import type { Message } from '../../../src/core/index.ts';

/** When the messages of the tests were accepted. */
export const ACCEPTED_AT = 1_700_000_000_000;

/** A message in the outbox with this legacy object. */
export function messageOf(fcm: object = { to: 'device-1', data: { a: '1' } }, more: Partial<Message> = {}): Message {
  const { to, condition } = fcm as { to?: string; condition?: string };
  return {
    id: 1,
    wireId: 'wire-1',
    attempts: 0,
    session: 'com.example',
    messageId: 'm-1',
    provider: 'fcm',
    target: String(to ?? condition),
    payload: { kind: 'fcm', json: JSON.stringify(fcm) },
    priority: 'normal',
    acceptedAt: ACCEPTED_AT,
    expiresAt: ACCEPTED_AT + 2_419_200_000,
    answer: 'inbox',
    mailbox: 0,
    digest: '',
    receipt: false,
    ...more,
  };
}
