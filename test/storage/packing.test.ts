import test from 'ava';
import type { InboxFrame, Message, Settlement, Submission } from '../../src/core/index.ts';
import {
  packClaims,
  packFrames,
  packSettlements,
  packSubmissions,
  unpackClaims,
  unpackFrames,
  unpackSettlements,
  unpackSubmissions,
} from '../../src/storage/sqlite/packing.ts';
import { accepted, submission, T0 } from './samples.ts';

/** `Required`: a field that is added to a message does not compile here until it stands here, and is then asked for. */
const fullest: Required<Message> = {
  ...submission('fullest'),
  groupId: 'g',
  payload: { kind: 'opaque', body: Buffer.from([0, 255, 1]), headers: '{"ttl":"5"}' },
  priority: 'high',
  ttl: 0,
  collapseKey: 'c',
  answer: 'connection',
  mailbox: 7,
  receipt: true,
  id: 9,
  wireId: 'abc-9',
  attempts: 2,
  firstAnsweredAt: T0,
  lastReason: 'SERVICE_UNAVAILABLE: busy',
};
const barest: Message = { ...submission('barest'), id: 1, wireId: 'abc-1', attempts: 0 };

test('submissions and claims travel whole, without fields that they had not', (t) => {
  const { id, wireId, attempts, firstAnsweredAt, lastReason, ...whole } = fullest;
  const batch: Submission[] = [whole, submission('bare')];
  t.deepEqual(unpackSubmissions(packSubmissions(batch)), batch);
  const claims = [fullest, barest].map((message, n) => ({ claim: 100 + n, message }));
  t.deepEqual(unpackClaims(packClaims(claims)), claims);
  t.deepEqual(unpackClaims(packClaims([])), []);
});

test('settlements travel whole, whatever the verdict', (t) => {
  const notice = { type: 'reject', messageId: 'm', groupId: 'g', error: 'E', errorString: '', data: '{}' } as const;
  const batch: Settlement[] = [
    accepted({ claim: 1, message: fullest }),
    { id: 2, claim: 3, at: T0, verdict: { kind: 'final', accepted: false, notice } },
    { id: 2, claim: 3, at: T0, verdict: { kind: 'final', accepted: false, notice, dead: '' } },
    { id: 2, claim: 3, at: T0, verdict: { kind: 'final', accepted: false, notice, forget: true } },
    { id: 2, claim: 3, at: T0, verdict: { kind: 'final', accepted: false, notice, dead: 'd', forget: true } },
    { id: 4, claim: 5, at: T0, verdict: { kind: 'retry', dueAt: 0, because: '', answered: false } },
    { id: 4, claim: 5, at: T0, verdict: { kind: 'retry', dueAt: T0 + 1, because: 'busy', answered: true } },
    { id: 4, claim: 5, at: T0, verdict: { kind: 'retry', dueAt: T0, because: 'busy', answered: true, held: true } },
  ];
  t.deepEqual(unpackSettlements(packSettlements(batch)), batch);
});

test('frames travel whole', (t) => {
  const full: Required<InboxFrame> = {
    type: 'reject',
    messageId: 'm',
    groupId: 'g',
    error: 'E',
    errorString: 'e',
    data: '{}',
    sequence: 2 ** 39,
  };
  const frames: InboxFrame[] = [full, { type: 'upstream', messageId: '', data: '{"a":1}', sequence: 1 }];
  t.deepEqual(unpackFrames(packFrames(frames)), frames);
});
