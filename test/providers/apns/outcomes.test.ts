import test from 'ava';
import type { Outcome } from '../../../src/core/index.ts';
import {
  outcomeOf,
  type Rule,
  readAnswer,
  reasonRules,
  ruleOf,
  unavailable,
} from '../../../src/providers/apns/outcomes.ts';
import { message } from './bench.ts';

type Expected = Partial<Record<'kind' | 'code' | 'scope', string>>;

const badToken: Expected = { kind: 'refused', code: 'BAD_REGISTRATION' };
const badRequest: Expected = { kind: 'refused', code: 'INVALID_JSON' };
const fault: Expected = { kind: 'refused', code: 'INTERNAL_SERVER_ERROR' };
const gone: Expected = { kind: 'gone', code: 'DEVICE_UNREGISTERED' };
const untried: Expected = { kind: 'unsent' };

/** The table of reasons. [fcm.md §4] */
const rows: readonly (readonly [status: number, reason: string, rule: Rule, outcome: Expected])[] = [
  [400, 'BadDeviceToken', 'token', badToken],
  [400, 'DeviceTokenNotForTopic', 'token', badToken],
  [400, 'MissingDeviceToken', 'request', badRequest],
  [400, 'PayloadEmpty', 'request', badRequest],
  [400, 'BadCollapseId', 'request', badRequest],
  [400, 'BadExpirationDate', 'request', badRequest],
  [400, 'BadMessageId', 'request', badRequest],
  [400, 'BadPriority', 'request', badRequest],
  [400, 'BadTopic', 'request', badRequest],
  [400, 'MissingTopic', 'request', badRequest],
  [400, 'InvalidPushType', 'request', badRequest],
  [400, 'DuplicateHeaders', 'request', badRequest],
  [400, 'TopicDisallowed', 'trouble', untried],
  [400, 'IdleTimeout', 'reconnect', untried],
  [403, 'ExpiredProviderToken', 'expired', untried],
  [403, 'InvalidProviderToken', 'trouble', untried],
  [403, 'MissingProviderToken', 'trouble', untried],
  [403, 'BadCertificate', 'trouble', untried],
  [403, 'BadCertificateEnvironment', 'trouble', untried],
  [403, 'Forbidden', 'trouble', untried],
  [403, 'BadEnvironmentKeyInToken', 'trouble', untried],
  [403, 'BadEnvironmentKeyIdInToken', 'trouble', untried],
  [403, 'UnrelatedKeyIdInToken', 'stranger', untried],
  [404, 'BadPath', 'fault', fault],
  [405, 'MethodNotAllowed', 'fault', fault],
  [410, 'Unregistered', 'gone', gone],
  [410, 'ExpiredToken', 'gone', gone],
  [413, 'PayloadTooLarge', 'request', badRequest],
  [429, 'TooManyRequests', 'target', { kind: 'later', scope: 'target', code: 'DEVICE_MESSAGE_RATE_EXCEEDED' }],
  [429, 'TooManyProviderTokenUpdates', 'hold', untried],
  [500, 'InternalServerError', 'error', { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR' }],
  [503, 'ServiceUnavailable', 'busy', { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' }],
  [503, 'Shutdown', 'reconnect', untried],
];

const sent = message({ messageId: 'own', target: 'abc' });
const answer = (status: number, body = '', headers: Record<string, string> = {}) =>
  readAnswer({ status, body, headers }, 1_700_000_000_000, () => 0);
const replyOf = (outcome: Outcome): Record<string, unknown> =>
  'reply' in outcome ? (JSON.parse(outcome.reply) as Record<string, unknown>) : {};

for (const [status, reason, rule, expected] of rows) {
  test(`${status} ${reason} is ${rule}`, (t) => {
    const read = answer(status, JSON.stringify({ reason }));
    t.is(read.rule, rule);
    const outcome = outcomeOf(read, sent);
    t.like(outcome, expected);
    t.true('because' in outcome && outcome.because.includes(reason));
    if (!('reply' in outcome)) return;
    t.like(replyOf(outcome), { from: 'abc', message_id: 'own', message_type: 'nack', error: expected.code });
    t.regex(String(replyOf(outcome).error_description), new RegExp(reason));
  });
}

test('the table above is whole', (t) => {
  t.deepEqual(rows.map(([, reason]) => reason).sort(), Object.keys(reasonRules).sort());
});

const statuses: readonly (readonly [status: number, rule: Rule])[] = [
  [200, 'accepted'],
  [202, 'accepted'],
  [302, 'trouble'],
  [400, 'request'],
  [401, 'trouble'],
  [403, 'trouble'],
  [404, 'trouble'],
  [405, 'trouble'],
  [407, 'trouble'],
  [408, 'busy'],
  [410, 'trouble'],
  [413, 'request'],
  [418, 'fault'],
  [421, 'trouble'],
  [429, 'target'],
  [500, 'error'],
  [501, 'error'],
  [502, 'busy'],
  [503, 'busy'],
  [504, 'busy'],
];
const unreadable = ['', '<html>Bad Gateway</html>', '{"reason":', '[]', 'null', '{"reason":7}', '{"reason":""}'];

for (const [status, rule] of statuses) {
  test(`status ${status} alone is ${rule}`, (t) => {
    for (const body of unreadable) t.is(answer(status, body).rule, rule, body);
  });
}

for (const [status, rule] of [
  ...statuses.filter(([status]) => ![404, 405, 410].includes(status)),
  [404, 'fault'],
  [405, 'fault'],
  [410, 'gone'],
] as const) {
  test(`status ${status} with a reason that is new is ${rule}`, (t) => {
    for (const reason of ['Newfangled', 'constructor', 'toString']) t.is(ruleOf(status, reason), rule, reason);
  });
}

test('a topic that the sender chose and may not use is trouble of this message alone', (t) => {
  const answer = readAnswer({ status: 400, body: '{"reason":"TopicDisallowed"}', headers: {} }, 0, () => 0, true);
  t.is(answer.rule, 'request');
  t.like(outcomeOf(answer, sent), { kind: 'refused', code: 'INVALID_JSON' });
});

test('accepted: the ack of CCS, with the ids that Apple knows the message by', (t) => {
  const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
  const plain = outcomeOf(answer(200, '', { 'apns-id': id }), sent);
  t.is(plain.kind, 'accepted');
  t.deepEqual(replyOf(plain), { from: 'abc', message_id: 'own', message_type: 'ack', apns_id: id });
  const sandbox = outcomeOf(answer(200, '', { 'apns-id': id, 'apns-unique-id': 'u' }), sent);
  t.like(replyOf(sandbox), { apns_id: id, apns_unique_id: 'u' });
});

test('gone: since when is handed on, before the acceptance of the message or after it', (t) => {
  for (const timestamp of [1_600_000_000_000, 1_900_000_000_000]) {
    const outcome = outcomeOf(answer(410, JSON.stringify({ reason: 'Unregistered', timestamp })), sent);
    t.is(outcome.kind, 'gone');
    t.is(replyOf(outcome).timestamp, timestamp);
    const since = new Date(timestamp).toISOString();
    t.is(
      replyOf(outcome).error_description,
      `Unregistered (status 410): forget the token unless the device registered it after ${since}`,
    );
  }
});

test('gone without a moment, or with one that is none', (t) => {
  for (const timestamp of [undefined, null, 'x', -1, 0, 1e300]) {
    const outcome = outcomeOf(answer(410, JSON.stringify({ reason: 'Unregistered', timestamp })), sent);
    t.false('timestamp' in replyOf(outcome));
    t.is(replyOf(outcome).error_description, 'Unregistered (status 410): forget the token');
  }
});

test('a bad token is not gone: the words say that the environment may be the wrong one', (t) => {
  const outcome = outcomeOf(answer(400, '{"reason":"BadDeviceToken"}'), sent);
  t.is(outcome.kind, 'refused');
  t.regex(String(replyOf(outcome).error_description), /not a token of this app and environment/);
});

test('Retry-After is when the message goes again; without one the core decides', (t) => {
  const delay = (text: string) => {
    const outcome = outcomeOf(answer(503, '{"reason":"ServiceUnavailable"}', { 'retry-after': text }), sent);
    return outcome.kind === 'later' ? outcome.delayMs : 'not later';
  };
  t.is(delay('7'), 7_000);
  t.is(delay(new Date(1_700_000_030_000).toUTCString()), 30_000);
  t.is(delay('0'), undefined);
});

test('a request without an answer goes again after a while', (t) => {
  const outcome = unavailable(sent, 'cut off');
  t.like(outcome, { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'cut off' });
  t.like(replyOf(outcome), { message_id: 'own', message_type: 'nack', error: 'SERVICE_UNAVAILABLE' });
});

test('what the service says is shown up to a bound', (t) => {
  const long = 'x'.repeat(10_000);
  const outcome = outcomeOf(answer(400, JSON.stringify({ reason: long }), { 'apns-id': long }), sent);
  t.true('reply' in outcome && outcome.reply.length < 1_000);
});
