import { type Backoff, fullJitter, type Random } from '../lib/backoff.ts';
import type { Message, Notice, Outcome } from './message.ts';
import type { Settlement } from './ports.ts';

/** When to try again and when to stop trying. */
export interface RetryRules extends Backoff {
  /** Milliseconds from the first answered attempt until the message is rejected; absent: only its TTL ends it. */
  readonly giveUpAfterMs?: number;
}

/** What a service says is bounded before it enters an inbox: a frame that no backend can read would stay there. */
const BECAUSE_MAX_CHARS = 512;
const REPLY_MAX_BYTES = 16_384;

/** `release` gives the claim back untried: nothing is written, the message goes out again as soon as there is room. */
export type Verdict = Settlement['verdict'] | { readonly kind: 'release' };

/** What follows from an outcome. A function of its arguments alone, so that the rules can be read and tested as a table. */
export function judge(message: Message, outcome: Outcome, now: number, rules: RetryRules, random: Random): Verdict {
  switch (outcome.kind) {
    case 'accepted':
      return final(message, { type: 'ack', data: outcome.reply });
    case 'gone':
      return final(message, rejection(outcome.code, outcome.because, outcome.reply));
    case 'refused': {
      const { code, because, reply } = outcome;
      const verdict = final(message, rejection(code, because, reply), mayGoWell(code));
      return outcome.dead ? { ...verdict, dead: `${outcome.code}: ${outcome.because}` } : verdict;
    }
    case 'later':
      return postpone(message, outcome, now, rules, random);
    case 'unanswered':
      // [BAL §Downstream rules] TTL 0: expired when the attempt ended without a final answer.
      return message.ttl === 0 ? expire(message, outcome.because) : { kind: 'release' };
    case 'unsent':
      return { kind: 'release' };
  }
}

/** The end of a message whose time is over. `because` is the last reason for waiting, if another is not known better. */
export function expire(message: Message, because?: string): Settlement['verdict'] & { kind: 'final' } {
  const last = because ?? message.lastReason ?? 'no connection took it';
  return final(message, rejection('EXPIRED', `time to live is over; last: ${last}`, bareReply(message)), true);
}

/** The object for `fcm_data` where the provider gave none: GIMMM's library shows nothing else of a reject. */
export function bareReply(message: Pick<Message, 'messageId' | 'target'>): string {
  return JSON.stringify({ message_id: message.messageId, to: message.target });
}

function postpone(
  message: Message,
  outcome: Outcome & { kind: 'later' },
  now: number,
  rules: RetryRules,
  random: Random,
): Settlement['verdict'] {
  const because = outcome.because ? `${outcome.code}: ${outcome.because}` : outcome.code;
  if (message.ttl === 0 || now >= message.expiresAt) return expire(message, because);
  const since = now - (message.firstAnsweredAt ?? now);
  if (rules.giveUpAfterMs !== undefined && since >= rules.giveUpAfterMs) {
    return final(message, rejection(outcome.code, outcome.because, outcome.reply), true);
  }
  // Stores keep whole milliseconds, and refuse a batch with anything else in it: a provider may have measured its wish.
  const wait = Math.ceil(outcome.delayMs ?? fullJitter(message.attempts, rules, random));
  const held = outcome.scope === 'target' && { held: true as const };
  return { kind: 'retry', dueAt: now + wait, because, answered: true, ...held };
}

type Rejection = Pick<Notice, 'error' | 'errorString' | 'data'> & { type: 'reject' };

function rejection(error: string, because: string, data: string): Rejection {
  return { type: 'reject', error, errorString: because.slice(0, BECAUSE_MAX_CHARS).toWellFormed(), data };
}

/** Codes that senders answer by sending again: the message may go well another time. [fcm.md §1.6] */
const PASSING = /^(?:SERVICE_UNAVAILABLE|INTERNAL_SERVER_ERROR|QUOTA_EXCEEDED|EXPIRED|\w+_RATE_EXCEEDED)$/;

const mayGoWell = (code: string): boolean => PASSING.test(code);

/** @param again the sender may send the same id once more; where it has no inbox to look into, that must be a new attempt */
function final(message: Message, notice: Rejection | { type: 'ack'; data: string }, again = false) {
  return {
    kind: 'final' as const,
    accepted: notice.type === 'ack',
    notice: {
      ...notice,
      data: Buffer.byteLength(notice.data) > REPLY_MAX_BYTES ? bareReply(message) : notice.data,
      messageId: message.messageId,
      ...(message.groupId !== undefined && { groupId: message.groupId }),
    },
    ...(again && message.answer === 'connection' && { forget: true as const }),
  };
}
