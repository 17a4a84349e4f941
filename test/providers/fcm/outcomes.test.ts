import test from 'ava';
import type { H2Response } from '../../../src/protocols/http2/index.ts';
import { codeRules, judge, statusRules } from '../../../src/providers/fcm/outcomes.ts';
import { messageOf } from './messages.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

interface Details {
  readonly code?: string;
  readonly message?: string;
  readonly violations?: object[];
  readonly quotas?: object[];
}

/** The body of an error, as V1ERR and the recordings show it. [fcm.md §3.3] */
function errorBody(status: number, { code, message = 'words', violations, quotas }: Details = {}): string {
  const details = [
    ...(code === undefined
      ? []
      : [{ '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: code }]),
    ...(violations ? [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: violations }] : []),
    ...(quotas ? [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: quotas }] : []),
  ];
  return JSON.stringify({ error: { code: status, message, status: 'ANY', ...(details.length > 0 && { details }) } });
}

function answer(status: number, body: string, headers: H2Response['headers'] = {}): H2Response {
  return { status, headers, body };
}

const judged = (response: H2Response, message = messageOf()) => judge(response, message, NOW, () => 0);

const nack = (error: string, error_description: string) => ({
  from: 'device-1',
  message_id: 'm-1',
  message_type: 'nack',
  error,
  error_description,
});

test('200 is an ack with the name that FCM gave', (t) => {
  const result = judged(answer(200, '{"name":"projects/p/messages/0:1"}'));
  t.is(result.kind, 'outcome');
  if (result.kind !== 'outcome' || result.outcome.kind !== 'accepted') return t.fail();
  t.is(result.error, undefined);
  t.deepEqual(JSON.parse(result.outcome.reply), {
    name: 'projects/p/messages/0:1',
    from: 'device-1',
    message_id: 'm-1',
    message_type: 'ack',
  });
});

test('200 that can not be read is accepted all the same', (t) => {
  for (const body of ['', '{"name":"proj', '<html>', '[]', '{"name":5}']) {
    const result = judged(answer(200, body));
    if (result.kind !== 'outcome' || result.outcome.kind !== 'accepted') return t.fail(body);
    t.deepEqual(JSON.parse(result.outcome.reply), { from: 'device-1', message_id: 'm-1', message_type: 'ack' });
  }
  return undefined;
});

type Row = [string, H2Response, { kind: string; code?: string; scope?: string; delayMs?: number; because: string }];

// [fcm.md §3.6] and the actions of §3.3.
const rows: Row[] = [
  [
    'INVALID_ARGUMENT with a violation on the token',
    answer(
      400,
      errorBody(400, { code: 'INVALID_ARGUMENT', violations: [{ field: 'message.token', description: 'Invalid' }] }),
    ),
    { kind: 'refused', code: 'BAD_REGISTRATION', because: 'INVALID_ARGUMENT: words (message.token: Invalid)' },
  ],
  [
    'INVALID_ARGUMENT with a violation elsewhere',
    answer(
      400,
      errorBody(400, {
        code: 'INVALID_ARGUMENT',
        violations: [{ field: 'message.data[0].key', description: 'Reserved' }],
      }),
    ),
    { kind: 'refused', code: 'INVALID_JSON', because: 'INVALID_ARGUMENT: words (message.data[0].key: Reserved)' },
  ],
  [
    'INVALID_ARGUMENT without details',
    answer(400, errorBody(400, { code: 'INVALID_ARGUMENT' })),
    { kind: 'refused', code: 'INVALID_JSON', because: 'INVALID_ARGUMENT: words' },
  ],
  [
    'too large: 400 without any details',
    answer(400, errorBody(400, { message: 'Request contains an invalid argument.' })),
    { kind: 'refused', code: 'INVALID_JSON', because: 'HTTP 400: Request contains an invalid argument.' },
  ],
  [
    'BadRequest about the token without FcmError',
    answer(400, errorBody(400, { violations: [{ field: 'message.token', description: 'x' }] })),
    { kind: 'refused', code: 'BAD_REGISTRATION', because: 'HTTP 400: words (message.token: x)' },
  ],
  ['413', answer(413, ''), { kind: 'refused', code: 'INVALID_JSON', because: 'HTTP 413' }],
  [
    'UNREGISTERED',
    answer(404, errorBody(404, { code: 'UNREGISTERED', message: 'Requested entity was not found.' })),
    { kind: 'gone', code: 'DEVICE_UNREGISTERED', because: 'UNREGISTERED: Requested entity was not found.' },
  ],
  [
    'SENDER_ID_MISMATCH',
    answer(403, errorBody(403, { code: 'SENDER_ID_MISMATCH', message: 'SenderId mismatch' })),
    { kind: 'refused', code: 'BAD_REGISTRATION', because: 'SENDER_ID_MISMATCH: SenderId mismatch' },
  ],
  [
    'QUOTA_EXCEEDED of a device, with Retry-After',
    answer(
      429,
      errorBody(429, {
        code: 'QUOTA_EXCEEDED',
        quotas: [{ subject: 'device:abc', description: 'Device message rate exceeded' }],
      }),
      { 'retry-after': '30' },
    ),
    {
      kind: 'later',
      scope: 'target',
      code: 'DEVICE_MESSAGE_RATE_EXCEEDED',
      delayMs: 30_000,
      because: 'QUOTA_EXCEEDED: words (device:abc Device message rate exceeded)',
    },
  ],
  [
    'QUOTA_EXCEEDED of a device, without Retry-After',
    answer(429, errorBody(429, { code: 'QUOTA_EXCEEDED', quotas: [{ description: 'device message rate' }] })),
    {
      kind: 'later',
      scope: 'target',
      code: 'DEVICE_MESSAGE_RATE_EXCEEDED',
      delayMs: 60_000,
      because: 'QUOTA_EXCEEDED: words (device message rate)',
    },
  ],
  [
    'QUOTA_EXCEEDED of a topic',
    answer(429, errorBody(429, { code: 'QUOTA_EXCEEDED', quotas: [{ subject: 'topic:news', description: 'rate' }] }), {
      'retry-after': '5',
    }),
    {
      kind: 'later',
      scope: 'target',
      code: 'TOPICS_MESSAGE_RATE_EXCEEDED',
      delayMs: 5_000,
      because: 'QUOTA_EXCEEDED: words (topic:news rate)',
    },
  ],
  [
    'UNAVAILABLE with Retry-After in seconds',
    answer(503, errorBody(503, { code: 'UNAVAILABLE' }), { 'retry-after': '7' }),
    { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', delayMs: 7_000, because: 'UNAVAILABLE: words' },
  ],
  [
    'UNAVAILABLE with Retry-After as a date',
    answer(503, errorBody(503, { code: 'UNAVAILABLE' }), { 'retry-after': 'Thu, 01 Jan 2026 12:00:20 GMT' }),
    { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', delayMs: 20_000, because: 'UNAVAILABLE: words' },
  ],
  [
    'UNAVAILABLE without: the core backs off',
    answer(503, errorBody(503, { code: 'UNAVAILABLE' })),
    { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'UNAVAILABLE: words' },
  ],
  [
    '502 as a page',
    answer(502, '<html><title>502</title>Try again in 30 seconds.</html>'),
    { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'HTTP 502' },
  ],
  [
    '503 as half a JSON',
    answer(503, '{"error":{"code":503,"det'),
    { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'HTTP 503' },
  ],
  ['504', answer(504, ''), { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'HTTP 504' }],
  ['408', answer(408, ''), { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'HTTP 408' }],
  [
    'INTERNAL',
    answer(500, errorBody(500, { code: 'INTERNAL' })),
    { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR', because: 'INTERNAL: words' },
  ],
  ['500', answer(500, ''), { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR', because: 'HTTP 500' }],
  ['599', answer(599, ''), { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR', because: 'HTTP 599' }],
  [
    'THIRD_PARTY_AUTH_ERROR',
    answer(401, errorBody(401, { code: 'THIRD_PARTY_AUTH_ERROR', message: 'Auth error from APNS' })),
    {
      kind: 'refused',
      code: 'INVALID_APNS_CREDENTIAL',
      because: 'THIRD_PARTY_AUTH_ERROR: Auth error from APNS',
    },
  ],
  [
    'APNS_AUTH_ERROR, its older name',
    answer(401, errorBody(401, { code: 'APNS_AUTH_ERROR' })),
    { kind: 'refused', code: 'INVALID_APNS_CREDENTIAL', because: 'APNS_AUTH_ERROR: words' },
  ],
  [
    'UNSPECIFIED_ERROR',
    answer(500, errorBody(500, { code: 'UNSPECIFIED_ERROR' })),
    { kind: 'refused', code: 'INTERNAL_SERVER_ERROR', because: 'UNSPECIFIED_ERROR: words' },
  ],
  [
    'a code that nobody knows',
    answer(403, errorBody(403, { code: 'SOMETHING_NEW' })),
    { kind: 'refused', code: 'INTERNAL_SERVER_ERROR', because: 'SOMETHING_NEW: words' },
  ],
  [
    'a code that nobody knows, and the fault is the service’s',
    answer(500, errorBody(500, { code: 'SOMETHING_NEW' })),
    { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR', because: 'SOMETHING_NEW: words' },
  ],
  [
    'a code with the name of something else',
    answer(400, errorBody(400, { code: 'constructor' })),
    { kind: 'refused', code: 'INVALID_JSON', because: 'constructor: words' },
  ],
  [
    'a status that nobody knows',
    answer(418, ''),
    { kind: 'refused', code: 'INTERNAL_SERVER_ERROR', because: 'HTTP 418' },
  ],
];

for (const [name, response, expected] of rows) {
  test(`outcome: ${name}`, (t) => {
    const result = judged(response);
    if (result.kind !== 'outcome' || !('reply' in result.outcome)) return t.fail(JSON.stringify(result));
    const { reply, ...rest } = result.outcome;
    t.deepEqual(rest as object, expected);
    t.deepEqual(JSON.parse(reply), nack(expected.code ?? '', expected.because));
    const works = !(expected.kind === 'later' && expected.scope === 'message' && response.status >= 500);
    const { because, delayMs: retryAfterMs } = expected;
    t.deepEqual(result.error, works ? undefined : { because, retryAfterMs });
    return undefined;
  });
}

test('every code and every status of the rules is in the rows', (t) => {
  const said = (code: string) => rows.some(([, { body }]) => body.includes(`"${code}"`));
  for (const code of Object.keys(codeRules)) t.true(said(code), code);
  const statuses = new Set(rows.map(([, { status }]) => status));
  for (const status of Object.keys(statusRules)) t.true(statuses.has(Number(status)), status);
});

test('401, 403, 404 and redirects without a code are about the project, never about a token', (t) => {
  t.deepEqual(judged(answer(401, errorBody(401))), { kind: 'unauthenticated', because: 'HTTP 401: words' });
  t.deepEqual(judged(answer(401, 'no JSON')), { kind: 'unauthenticated', because: 'HTTP 401' });
  t.deepEqual(judged(answer(403, errorBody(403))), { kind: 'trouble', event: 'forbidden', because: 'HTTP 403: words' });
  t.deepEqual(judged(answer(404, errorBody(404))), { kind: 'trouble', event: 'not_found', because: 'HTTP 404: words' });
  t.deepEqual(judged(answer(404, '<html>')), { kind: 'trouble', event: 'not_found', because: 'HTTP 404' });
  t.deepEqual(judged(answer(301, '')), { kind: 'trouble', event: 'redirected', because: 'HTTP 301' });
});

test('the quota of the project, or nobody knows whose, holds everything', (t) => {
  const quotas = [{ subject: 'project:123', description: 'Send requests per minute' }];
  t.deepEqual(judged(answer(429, errorBody(429, { code: 'QUOTA_EXCEEDED', quotas }), { 'retry-after': '12' })), {
    kind: 'quota',
    because: 'QUOTA_EXCEEDED: words (project:123 Send requests per minute)',
    retryAfterMs: 12_000,
  });
  t.deepEqual(judged(answer(429, errorBody(429, { code: 'QUOTA_EXCEEDED' }))), {
    kind: 'quota',
    because: 'QUOTA_EXCEEDED: words',
    retryAfterMs: undefined,
  });
  t.deepEqual(judged(answer(429, '<html>')), { kind: 'quota', because: 'HTTP 429', retryAfterMs: undefined });
});

test('whose quota it is: the words decide, then the kind of the subject, never its name', (t) => {
  const whose = (subject: string, description: string) => {
    const result = judged(answer(429, errorBody(429, { code: 'QUOTA_EXCEEDED', quotas: [{ subject, description }] })));
    return result.kind === 'outcome' && 'code' in result.outcome ? result.outcome.code : result.kind;
  };
  t.is(whose('project:device-farm', 'Message rate exceeded.'), 'quota');
  t.is(whose('topic:device-news', 'Message rate exceeded.'), 'TOPICS_MESSAGE_RATE_EXCEEDED');
  t.is(whose('device:topic', 'Message rate exceeded.'), 'DEVICE_MESSAGE_RATE_EXCEEDED');
  t.is(whose('project:1', 'Device message rate exceeded.'), 'DEVICE_MESSAGE_RATE_EXCEEDED');
  t.is(whose('project:1', 'Topic message rate exceeded.'), 'TOPICS_MESSAGE_RATE_EXCEEDED');
  t.is(whose('', ''), 'quota');
});

test('without Retry-After a device waits a minute at least, twice as long each time, with jitter', (t) => {
  const response = answer(429, errorBody(429, { code: 'QUOTA_EXCEEDED', quotas: [{ description: 'device' }] }));
  const delay = (attempts: number, random: number) => {
    const result = judge(response, messageOf(undefined, { attempts }), NOW, () => random);
    return result.kind === 'outcome' && 'delayMs' in result.outcome ? result.outcome.delayMs : undefined;
  };
  t.is(delay(0, 0), 60_000);
  t.is(delay(0, 0.5), 90_000);
  t.is(delay(1, 0), 120_000);
  t.is(delay(2, 0), 240_000);
  t.is(delay(50, 0.5), 720_000);
});

test('words of the service are cut to a length that fits an answer', (t) => {
  const result = judged(answer(500, errorBody(500, { message: 'x'.repeat(10_000) })));
  if (result.kind !== 'outcome' || !('because' in result.outcome)) return t.fail();
  t.true(result.outcome.because.length < 400);
  return undefined;
});

test('details of any shape do no harm', (t) => {
  for (const details of [null, 5, [null], [5], [{}], [{ '@type': 5 }], [{ '@type': 'x.FcmError', errorCode: 5 }]]) {
    t.is(judged(answer(500, JSON.stringify({ error: { details } }))).kind, 'outcome');
  }
  for (const body of ['null', '5', '[]', '{"error":null}', '{"error":[]}'])
    t.is(judged(answer(500, body)).kind, 'outcome');
  const type = 'type.googleapis.com/google.rpc.QuotaFailure';
  for (const violations of [null, 5, [null], [[]]]) {
    t.is(judged(answer(429, JSON.stringify({ error: { details: [{ '@type': type, violations }] } }))).kind, 'quota');
  }
});
