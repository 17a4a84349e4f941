import test from 'ava';
import { nackCodes } from '../../../src/emulator/index.ts';
import { start, to } from './stage.ts';

const FCM_ERROR = 'type.googleapis.com/google.firebase.fcm.v1.FcmError';
const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest';
const QUOTA_FAILURE = 'type.googleapis.com/google.rpc.QuotaFailure';

interface GoogleError {
  readonly code: number;
  readonly message: string;
  readonly status: string;
  readonly details?: readonly Readonly<Record<string, unknown>>[];
}

const detail = (error: GoogleError, type: string) => error.details?.find((each) => each['@type'] === type);

/** [fcm.md §3.3] */
const rows = [
  ['UNSPECIFIED_ERROR', 500, 'UNKNOWN', 'UNSPECIFIED_ERROR'],
  ['INVALID_ARGUMENT', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'],
  ['UNREGISTERED', 404, 'NOT_FOUND', 'UNREGISTERED'],
  ['SENDER_ID_MISMATCH', 403, 'PERMISSION_DENIED', 'SENDER_ID_MISMATCH'],
  ['QUOTA_EXCEEDED', 429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', { subject: 'project:emulated-project' }],
  ['UNAVAILABLE', 503, 'UNAVAILABLE', 'UNAVAILABLE'],
  ['INTERNAL', 500, 'INTERNAL', 'INTERNAL'],
  ['THIRD_PARTY_AUTH_ERROR', 401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'],
  // The names of CCS, and what stands for them. [fcm.md §3.6]
  ['AUTHENTICATION_FAILED', 401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'],
  ['BAD_ACK', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message' }],
  ['BAD_REGISTRATION', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message.token' }],
  [
    'DEVICE_MESSAGE_RATE_EXCEEDED',
    429,
    'RESOURCE_EXHAUSTED',
    'QUOTA_EXCEEDED',
    { subject: 'device:DEVICE_MESSAGE_RATE_EXCEEDED:me' },
  ],
  ['DEVICE_UNREGISTERED', 404, 'NOT_FOUND', 'UNREGISTERED'],
  ['INTERNAL_SERVER_ERROR', 500, 'INTERNAL', 'INTERNAL'],
  ['INVALID_APNS_CREDENTIAL', 401, 'UNAUTHENTICATED', 'THIRD_PARTY_AUTH_ERROR'],
  ['INVALID_JSON', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message' }],
  ['INVALID_TTL', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message.android.ttl' }],
  ['JSON_TYPE_ERROR', 400, 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', { field: 'message.data' }],
  ['SERVICE_UNAVAILABLE', 503, 'UNAVAILABLE', 'UNAVAILABLE'],
  [
    'TOPICS_MESSAGE_RATE_EXCEEDED',
    429,
    'RESOURCE_EXHAUSTED',
    'QUOTA_EXCEEDED',
    { subject: 'topic:TOPICS_MESSAGE_RATE_EXCEEDED:me' },
  ],
] as const;

test('every code of CCS has its row, but the one that is a GOAWAY', (t) => {
  const names = new Set<string>(rows.map(([name]) => name));
  t.deepEqual(
    nackCodes.filter((code) => !names.has(code)),
    ['CONNECTION_DRAINING'],
  );
});

for (const [name, http, status, errorCode, violation] of rows) {
  test(`${name} is ${http} ${status} with ${errorCode}`, async (t) => {
    const { login, control } = await start(t);
    const { send } = await login();
    const reply = await send(to(`${name}:me`));
    t.is(reply.status, http);
    t.is(reply.headers['content-type'], 'application/json; charset=UTF-8');
    const error = reply.json.error as GoogleError;
    t.like(error, { code: http, status });
    t.not(error.message, '');
    t.is(detail(error, FCM_ERROR)?.errorCode, errorCode);
    const violations = {
      fieldViolations: detail(error, BAD_REQUEST)?.fieldViolations,
      violations: detail(error, QUOTA_FAILURE)?.violations,
    };
    if (violation === undefined) t.deepEqual(violations, { fieldViolations: undefined, violations: undefined });
    else if ('field' in violation) t.like(violations.fieldViolations, [violation]);
    else t.like(violations.violations, [violation]);
    t.is(control.stats().errors[errorCode], 1);
    t.is(control.stats().successes, 0);
  });
}

test('a target is magic a number of times for each message, in topics too', async (t) => {
  const { login } = await start(t);
  const { send } = await login();
  const body = to('UNAVAILABLE:2');
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await send(body)).status);
  t.deepEqual(statuses, [503, 503, 200, 200]);
  t.is((await send({ message: { token: 'UNAVAILABLE:2', data: { a: 'c' } } })).status, 503, 'another message');
  for (let i = 0; i < 3; i++) t.is((await send(to('INTERNAL'))).status, 500);
  const topic = { message: { topic: 'UNREGISTERED:1' } };
  t.is((await send(topic)).status, 404);
  t.is((await send(topic)).status, 400, 'then its name is what is wrong');
  t.is((await send({ message: { condition: 'UNREGISTERED' } })).status, 404);
  t.is((await send(to('canonical:other'))).status, 200);
  t.is((await send(to('NO_SUCH_CODE:1'))).status, 200);
});

test('a target can be told what it gets', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  control.setToken('x', 'UNREGISTERED');
  t.is((await send(to('x'))).status, 404);
  control.setToken('x', undefined);
  t.is((await send(to('x'))).status, 200);
  t.throws(() => control.setToken('x', 'NONSENSE'), { message: 'there is no code NONSENSE' });
});

test('what is left of the time to live makes no other message of it', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  const attempt = (left: number, more: object = {}) =>
    send(
      to('UNAVAILABLE:2', {
        android: { collapse_key: 'k', ttl: `${left}s` },
        webpush: { headers: { TTL: String(left) } },
        ...more,
      }),
    );
  const statuses = [];
  for (const left of [60, 59, 57]) statuses.push((await attempt(left)).status);
  t.deepEqual(statuses, [503, 503, 200]);
  t.like(control.stats(), { messages: 3, repeated: 2 });
  t.is((await attempt(60, { data: { a: 'c' } })).status, 503, 'another message');
  t.is(control.stats().repeated, 2);
});
