import { bareReply, type Message, type Outcome, type Payload, type Refusal } from '../../core/index.ts';
import { type Backoff, equalJitter, type Random } from '../../lib/backoff.ts';
import { BODY_MAX, type Dialect } from '../../protocols/unifiedpush/index.ts';
import type { Landing } from './flights.ts';

/** What would be refused anyway. */
export function inspectPayload(payload: Payload): Refusal | undefined {
  if (payload.kind !== 'opaque') {
    return { code: 'INVALID_MESSAGE', because: 'an XMPP client takes what is pushed to endpoints, no FCM message' };
  }
  const { length } = payload.body;
  if (length === 0) return { code: 'INVALID_MESSAGE', because: 'an empty push' };
  if (length <= BODY_MAX) return undefined;
  return { code: 'PAYLOAD_TOO_LARGE', because: `${length} bytes, ${BODY_MAX} at most` };
}

/** The first wait for a client that is away, in milliseconds. */
const AWAY_BASE_MS = 1_000;

export interface Patience {
  /** No wait for a client is longer, in milliseconds. */
  readonly awayRetryMs: number;
  readonly random: Random;
}

/** What became of a push. */
export function outcomeOf(message: Message, dialect: Dialect, landing: Landing, patience: Patience): Outcome {
  switch (landing.kind) {
    case 'taken':
      return { kind: 'accepted', reply: bareReply(message) };
    case 'gone':
      return gone(message, landing.text || landing.condition);
    case 'away':
      return away(message, landing.text || landing.condition, patience);
    case 'trouble':
      return later(message, landing.text ? `${landing.condition}: ${landing.text}` : landing.condition, patience);
    case 'silent':
      // The old dialect has no answers. The server has not sent it back: it has given it to the client or keeps it for it.
      if (dialect === 'legacy') return { kind: 'accepted', reply: bareReply(message) };
      return later(message, 'the client does not answer', patience);
    case 'lost':
      return { kind: 'unanswered', because: landing.because };
  }
}

/** The endpoint is no more. */
export function gone(message: Message, because: string): Outcome {
  return { kind: 'gone', code: 'DEVICE_UNREGISTERED', because, reply: bareReply(message) };
}

/** Nobody is there to take it: it waits until somebody is, or for a while. */
export function away(message: Message, because: string, patience: Patience): Outcome {
  return postponed(message, 'DEVICE_AWAY', because, wait(message, patience));
}

/** Its client is there, or was while we asked: again at once. */
export function again(message: Message, because: string): Outcome {
  return { ...postponed(message, 'DEVICE_AWAY', because, 0), scope: 'message' };
}

/** The account has as many on their way as it may have. */
export function busy(message: Message, patience: Patience): Outcome {
  const because = 'too many pushes to this account at once';
  return postponed(message, 'DEVICE_BUSY', because, equalJitter(0, backoff(patience), patience.random));
}

/** Another push to this account has the turn, and the one before had no answer: it is woken with the next answer. */
export function behind(message: Message, answerTimeoutMs: number, patience: Patience): Outcome {
  const delayMs = equalJitter(0, { baseMs: 2 * answerTimeoutMs, capMs: 2 * answerTimeoutMs }, patience.random);
  return postponed(message, 'DEVICE_BUSY', 'the account does not answer', delayMs);
}

function later(message: Message, because: string, patience: Patience): Outcome {
  return postponed(message, 'DEVICE_TROUBLE', because, wait(message, patience));
}

function postponed(message: Message, code: string, because: string, delayMs: number): Outcome & { kind: 'later' } {
  return { kind: 'later', scope: 'target', code, because, delayMs, reply: bareReply(message) };
}

const backoff = ({ awayRetryMs }: Patience): Backoff => ({ baseMs: AWAY_BASE_MS, capMs: awayRetryMs });
const wait = ({ attempts }: Message, patience: Patience): number =>
  equalJitter(attempts, backoff(patience), patience.random);
