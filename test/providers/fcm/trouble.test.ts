import test from 'ava';
import { setStage } from './stage.ts';

const problems: [string, number, string, RegExp][] = [
  ['a redirection: the address is wrong', 302, 'redirected', /^sent elsewhere, .* \(HTTP 302: words\)$/],
  [
    '404 without a code: the project or the address is wrong',
    404,
    'not_found',
    /^no such project, or url is not that of FCM \(HTTP 404: words\)$/,
  ],
  [
    '403 without a code: the interface is switched off',
    403,
    'forbidden',
    /^this account may not send .* \(HTTP 403: words\)$/,
  ],
  [
    '401 without a code, and a new token does not help',
    401,
    'unauthorized',
    /^no access token .* \(HTTP 401: words\)$/,
  ],
];

for (const [name, status, event, detail] of problems) {
  test(`${name}: the queue is held, nothing is lost, one probe finds out when it is over`, async (t) => {
    let broken = true;
    const { provider, server, counts, lines, insist } = await setStage(t, {
      answer: (request) => (broken ? request.error(status) : request.ok()),
    });
    const all = Array.from({ length: 20 }, (_, i) => insist(`device-${i}`));
    while (counts[event] === undefined) await new Promise((resolve) => setImmediate(resolve));
    t.is(provider.room(), 0);
    t.is(provider.health().state, 'down');
    t.regex(provider.health().detail ?? '', detail);
    // The first probe is refused too: still nothing else is sent.
    const twenty = status === 401 ? 40 : 20;
    await server.requests(twenty + 1);
    broken = false;
    const outcomes = await Promise.all(all);
    t.true(outcomes.every(({ outcome }) => outcome.kind === 'accepted'));
    const accepted = server.received.slice(-20).map(({ token }) => token);
    t.is(new Set(accepted).size, 20);
    t.is(provider.health().state, 'ok');
    t.is(lines.filter(({ level }) => level === 'error').length, 1);
    t.is(lines.filter(({ event: told }) => told === 'service works again').length, 1);
  });
}

test('while the service refuses everything, one message at a time asks, after pauses', async (t) => {
  const { server, counts, deliver, room, provider } = await setStage(t, { answer: (request) => request.error(404) });
  t.is((await deliver('a')).kind, 'unsent');
  t.is(provider.room(), 0);
  const before = performance.now();
  await room();
  t.true(performance.now() - before >= 450, 'half of a second at least');
  t.is(provider.room(), 1);
  const outcomes = await Promise.all([deliver('b'), deliver('c'), deliver('d')]);
  t.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['unsent', 'unsent', 'unsent'],
  );
  t.is(server.received.length, 2);
  t.is(counts.not_found, 2);
});

test('a token that is over is replaced once for all, and every message goes again', async (t) => {
  const { server, tokens, counts, deliver, provider } = await setStage(t, {
    answer: (request) => (request.authorization === 'Bearer token-1' ? request.error(401) : request.ok()),
  });
  const outcomes = await Promise.all(Array.from({ length: 30 }, (_, i) => deliver(`device-${i}`)));
  t.true(outcomes.every(({ kind }) => kind === 'accepted'));
  t.is(tokens.requests.length, 2);
  t.is(server.received.length, 60);
  t.is(counts.unauthenticated, 30);
  t.is(provider.health().state, 'ok');
});

test('a 401 with a code is about the message', async (t) => {
  const { tokens, deliver, provider } = await setStage(t, {
    answer: (request) => request.error(401, 'THIRD_PARTY_AUTH_ERROR'),
  });
  t.like(await deliver('T'), { kind: 'refused', code: 'INVALID_APNS_CREDENTIAL' });
  t.is(tokens.requests.length, 1);
  t.is(provider.health().state, 'ok');
});

test('no new token after a 401: the queue is held until there is one', async (t) => {
  const { server, provider, tokens, lines, insist, deliver } = await setStage(t, {
    answer: (request) => (request.authorization === 'Bearer token-3' ? request.ok() : request.error(401)),
    tokenAnswer: (_, number) =>
      number === 2
        ? { status: 400, body: { error: 'invalid_grant', error_description: 'Invalid grant: account not found' } }
        : { body: { access_token: `token-${number}`, expires_in: 3_600 } },
  });
  t.is((await deliver('a')).kind, 'unsent');
  t.is(provider.room(), 0);
  t.like(provider.health(), {
    state: 'down',
    detail: 'no access token: invalid_grant: Invalid grant: account not found',
  });
  t.is((await insist('a')).outcome.kind, 'accepted');
  t.is(server.received.length, 2);
  t.is(tokens.requests.length, 3);
  t.is(provider.health().state, 'ok');
  t.deepEqual(
    lines.filter(({ level }) => level === 'error').map(({ event }) => event),
    ['no access token'],
  );
});

test('the token endpoint is in trouble at the start: health says why, and it gets better by itself', async (t) => {
  const { provider, insist } = await setStage(t, {
    cold: true,
    tokenAnswer: (_, number) =>
      number === 1 ? { status: 500, body: '<html>' } : { body: { access_token: 'x', expires_in: 3_600 } },
  });
  while (provider.health().detail === 'waits for an access token') await new Promise((r) => setTimeout(r, 5));
  t.like(provider.health(), {
    state: 'down',
    detail: 'no access token: the token endpoint answers HTTP 500',
    facts: { token_expires_s: 0 },
  });
  t.is(provider.room(), 0);
  t.is((await insist('T')).outcome.kind, 'accepted');
});

test('no secret in the log or in health', async (t) => {
  const { provider, lines, deliver } = await setStage(t, {
    answer: (request) => request.error(401),
    tokenAnswer: (_, number) => ({ body: { access_token: `hush-${number}`, expires_in: 3_600 } }),
  });
  await deliver('T');
  const all = JSON.stringify([lines, provider.health()]);
  t.true(lines.length > 0);
  t.false(/hush|PRIVATE|eyJ/.test(all), all);
});

test('the quota of the project holds everything for as long as the service asks', async (t) => {
  const { provider, server, counts, lines, deliver, room } = await setStage(t, {
    answer: (request, number) =>
      number <= 5 ? request.error(429, 'QUOTA_EXCEEDED', { 'retry-after': '1' }) : request.ok(),
  });
  const before = performance.now();
  const outcomes = await Promise.all(Array.from({ length: 8 }, (_, i) => deliver(`d-${i}`)));
  t.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['later', 'later', 'later', 'later', 'later', 'accepted', 'accepted', 'accepted'],
  );
  const [first] = outcomes;
  if (first?.kind !== 'later') return t.fail();
  t.like(first, { scope: 'message', code: 'SERVICE_UNAVAILABLE', because: 'QUOTA_EXCEEDED: words' });
  t.true((first.delayMs ?? 0) >= 1_000 && (first.delayMs ?? 0) <= 1_100);
  // Others that were answered well do not end the pause.
  t.is(provider.room(), 0);
  t.is((await deliver('x')).kind, 'unsent');
  t.like(provider.health(), {
    state: 'degraded',
    detail: 'over the quota of the project, pausing: QUOTA_EXCEEDED: words',
  });
  await room();
  t.true(performance.now() - before >= 990);
  t.is((await deliver('y')).kind, 'accepted');
  t.is(server.received.length, 9);
  t.is(provider.health().state, 'ok');
  t.is(counts.quota, 5);
  t.is(lines.filter(({ level }) => level === 'warn').length, 1);
  return undefined;
});

test('one device over its rate is slow alone', async (t) => {
  const { provider, deliver } = await setStage(t, {
    answer: (request) =>
      request.reply(
        429,
        {
          error: {
            details: [
              { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode: 'QUOTA_EXCEEDED' },
              {
                '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
                violations: [{ subject: 'device', description: 'Device message rate exceeded.' }],
              },
            ],
          },
        },
        { 'retry-after': '20' },
      ),
  });
  t.like(await deliver('T'), { kind: 'later', scope: 'target', code: 'DEVICE_MESSAGE_RATE_EXCEEDED', delayMs: 20_000 });
  t.true(provider.room() > 50);
  t.is(provider.health().state, 'ok');
});

test('a service that is overloaded is no trouble by itself: each message waits for its own time', async (t) => {
  const { provider, deliver } = await setStage(t, { answer: (request) => request.reply(503, '<html>') });
  for (let i = 0; i < 9; i++) t.like(await deliver(`d-${i}`), { kind: 'later', code: 'SERVICE_UNAVAILABLE' });
  t.is(provider.health().state, 'ok');
  t.like(await deliver('d-9'), { kind: 'later', code: 'SERVICE_UNAVAILABLE' });
  t.like(provider.health(), { state: 'degraded', detail: 'nothing but errors from the service: HTTP 503' });
  t.true(provider.room() > 0);
});

test('but a probe that meets it ends no trouble', async (t) => {
  const { provider, deliver, room } = await setStage(t, {
    answer: (request, number) => (number === 1 ? request.error(403) : request.reply(503, '')),
  });
  await deliver('a');
  await room();
  t.is((await deliver('b')).kind, 'later');
  t.is(provider.room(), 0);
  t.like(provider.health(), { state: 'down', detail: 'HTTP 503' });
});
