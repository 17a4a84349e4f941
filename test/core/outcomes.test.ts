import test from 'ava';
import type { Message, Outcome } from '../../src/core/index.ts';
import { bareReply, expire, judge, type RetryRules } from '../../src/core/outcomes.ts';

const NOW = 1_000_000;
const rules: RetryRules = { baseMs: 1_000, capMs: 60_000 };

const message = (fields: Partial<Message> = {}): Message => ({
  session: 'app',
  messageId: 'm1',
  provider: 'fake',
  target: 'token',
  payload: { kind: 'fcm', json: '{"to":"token"}' },
  priority: 'normal',
  acceptedAt: NOW - 5_000,
  expiresAt: NOW + 3_600_000,
  answer: 'inbox',
  mailbox: 1,
  digest: 'digest',
  receipt: false,
  id: 7,
  wireId: 'pb-7',
  attempts: 0,
  ...fields,
});

const later = (fields: Partial<Extract<Outcome, { kind: 'later' }>> = {}): Outcome => ({
  kind: 'later',
  scope: 'message',
  code: 'SERVICE_UNAVAILABLE',
  because: 'busy',
  reply: '{"error":"SERVICE_UNAVAILABLE"}',
  ...fields,
});

const verdict = (outcome: Outcome, fields: Partial<Message> = {}, given: RetryRules = rules, chance = 0.5) =>
  judge(message(fields), outcome, NOW, given, () => chance);

test('accepted ends in an ack with the reply of the service, and the group', (t) => {
  t.deepEqual(verdict({ kind: 'accepted', reply: '{"a":1}' }, { groupId: 'g' }), {
    kind: 'final',
    accepted: true,
    notice: { type: 'ack', data: '{"a":1}', messageId: 'm1', groupId: 'g' },
  });
});

test('gone and refused end in a reject with the code of the service', (t) => {
  for (const kind of ['gone', 'refused'] as const) {
    t.deepEqual(verdict({ kind, code: 'BAD_REGISTRATION', because: 'no such token', reply: '{"b":1}' }), {
      kind: 'final',
      accepted: false,
      notice: {
        type: 'reject',
        error: 'BAD_REGISTRATION',
        errorString: 'no such token',
        data: '{"b":1}',
        messageId: 'm1',
      },
    });
  }
});

test('a poisoned message leaves a dead letter', (t) => {
  const outcome: Outcome = { kind: 'refused', code: 'INVALID_MESSAGE', because: 'poison', reply: '{}', dead: true };
  t.like(verdict(outcome), { kind: 'final', accepted: false, dead: 'INVALID_MESSAGE: poison' });
});

test('later is tried again with full jitter: the ceiling doubles with every attempt, up to the cap', (t) => {
  const wait = (attempts: number, chance: number) => {
    const result = verdict(later(), { attempts }, rules, chance);
    return result.kind === 'retry' ? result.dueAt - NOW : undefined;
  };
  t.is(wait(0, 0.999_999), 1_000);
  t.is(wait(0, 0), 0);
  t.is(wait(1, 0.5), 1_000);
  t.is(wait(3, 0.5), 4_000);
  t.is(wait(30, 0.5), 30_000);
  t.is(wait(5_000, 0.999_999), 60_000);
});

test('what waits because its target does can be woken with it, what waits for a reason of its own can not', (t) => {
  t.like(verdict(later({ scope: 'target' })), { kind: 'retry', held: true });
  t.false('held' in verdict(later({ scope: 'message' })));
});

test('the wish of the service goes before the backoff of the bridge', (t) => {
  t.deepEqual(verdict(later({ delayMs: 1_234 })), {
    kind: 'retry',
    dueAt: NOW + 1_234,
    because: 'SERVICE_UNAVAILABLE: busy',
    answered: true,
  });
});

test('[BAL §Downstream rules] give_up_after counts from the first answered attempt and carries the last code', (t) => {
  const given = { ...rules, giveUpAfterMs: 10_000 };
  t.is(verdict(later(), {}, given).kind, 'retry', 'the first answer begins the count');
  t.is(verdict(later(), { firstAnsweredAt: NOW - 9_999 }, given).kind, 'retry');
  t.like(verdict(later(), { firstAnsweredAt: NOW - 10_000 }, given), {
    kind: 'final',
    accepted: false,
    notice: { type: 'reject', error: 'SERVICE_UNAVAILABLE', errorString: 'busy' },
  });
});

test('[BAL §Downstream rules] TTL 0 ends with the attempt, unless that was none', (t) => {
  t.like(verdict(later(), { ttl: 0 }), { kind: 'final', notice: { error: 'EXPIRED' } });
  t.like(verdict({ kind: 'unanswered', because: 'connection closed' }, { ttl: 0 }), {
    kind: 'final',
    notice: { error: 'EXPIRED', errorString: 'time to live is over; last: connection closed' },
  });
  t.deepEqual(verdict({ kind: 'unsent', because: 'the connection drains' }, { ttl: 0 }), { kind: 'release' });
});

test('a message whose time ran out during the attempt expires when the answer was "later"', (t) => {
  t.like(verdict(later(), { expiresAt: NOW }), { kind: 'final', notice: { error: 'EXPIRED' } });
  t.is(verdict(later(), { expiresAt: NOW + 1 }).kind, 'retry');
});

test('an attempt without an answer gives the claim back: nothing is counted, nothing waits', (t) => {
  t.deepEqual(verdict({ kind: 'unanswered', because: 'connection closed' }), { kind: 'release' });
  t.deepEqual(verdict({ kind: 'unsent', because: 'no room' }), { kind: 'release' });
});

test('EXPIRED says why the message waited, and what GIMMM shows of a reject', (t) => {
  t.deepEqual(expire(message({ lastReason: 'SERVICE_UNAVAILABLE: busy' })).notice, {
    type: 'reject',
    error: 'EXPIRED',
    errorString: 'time to live is over; last: SERVICE_UNAVAILABLE: busy',
    data: '{"message_id":"m1","to":"token"}',
    messageId: 'm1',
  });
  t.is(expire(message()).notice.errorString, 'time to live is over; last: no connection took it');
  t.is(bareReply({ messageId: '"', target: 't' }), '{"message_id":"\\"","to":"t"}');
});

for (const [what, outcome, fields, forget] of [
  ['an acceptance', { kind: 'accepted', reply: '{}' }, {}, false],
  ['a token that is gone', { kind: 'gone', code: 'DEVICE_UNREGISTERED', because: '', reply: '{}' }, {}, false],
  ['a refusal for good', { kind: 'refused', code: 'INVALID_JSON', because: '', reply: '{}' }, {}, false],
  ...[
    'SERVICE_UNAVAILABLE',
    'INTERNAL_SERVER_ERROR',
    'DEVICE_MESSAGE_RATE_EXCEEDED',
    'TOPICS_MESSAGE_RATE_EXCEEDED',
  ].map(
    (code) =>
      [`a refusal that may pass: ${code}`, { kind: 'refused', code, because: '', reply: '{}' }, {}, true] as const,
  ),
  ['the end of its time', later(), { expiresAt: NOW }, true],
  ['no answer at TTL 0', { kind: 'unanswered', because: 'gone' }, { ttl: 0 }, true],
  ['the end of patience, whatever the code', later({ code: 'Unheard' }), { firstAnsweredAt: NOW - 100 }, true],
] satisfies readonly (readonly [string, Outcome, Partial<Message>, boolean])[]) {
  test(`remembered for whoever asks again, or free for a new attempt: ${what}`, (t) => {
    const given = { ...rules, giveUpAfterMs: 100 };
    const of = (answer: Message['answer']) => {
      const found = verdict(outcome, { ...fields, answer }, given);
      return found.kind === 'final' && found.forget === true;
    };
    t.is(of('connection'), forget);
    t.false(of('inbox'), 'the frame in the inbox is the outcome');
    t.false(of('kept'), 'nobody sends it again, but somebody may ask');
  });
}

test('what a service says is bounded before it enters an inbox', (t) => {
  const long = 'x'.repeat(20_000);
  const refused = { kind: 'refused' as const, code: 'INVALID_JSON', because: long, reply: JSON.stringify({ long }) };
  t.like(verdict(refused), {
    notice: { errorString: 'x'.repeat(512), data: '{"message_id":"m1","to":"token"}' },
  });
  const reply = JSON.stringify('x'.repeat(16_382));
  t.like(verdict({ kind: 'accepted', reply }), { notice: { data: reply } });
});

test('it is tried again at a whole millisecond, also when the provider has measured the wait', (t) => {
  t.like(verdict(later({ delayMs: 1_999.4 })), { kind: 'retry', dueAt: NOW + 2_000 });
});
