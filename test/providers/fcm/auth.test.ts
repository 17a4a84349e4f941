import { createVerify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ManualClock, systemClock } from '../../../src/lib/clock.ts';
import { createTokenSource, type TokenSource } from '../../../src/providers/fcm/auth.ts';
import { parseServiceAccount } from '../../../src/providers/fcm/service-account.ts';
import { accountJson, certificate, keys, TokenServer } from './token-server.ts';

/** Somebody waits for the token, whatever happens. */
const never = new AbortController().signal;

interface Made {
  readonly server: TokenServer;
  readonly source: TokenSource;
}

async function setUp(t: ExecutionContext, answer?: TokenServer['answer']): Promise<Made> {
  const server = new TokenServer(answer);
  await server.listen();
  t.teardown(() => server.close());
  const account = parseServiceAccount(accountJson({ token_uri: server.uri }));
  return { server, source: createTokenSource({ clock: systemClock, account, ca: certificate.ca, timeoutMs: 10_000 }) };
}

/** Why a token could not be had; checked for secrets on the way. */
async function failure(t: ExecutionContext, source: TokenSource): Promise<string> {
  const error = await t.throwsAsync(source(never));
  const text = `${error.message} ${JSON.stringify(error)} ${error.cause}`;
  t.false(/eyJ|PRIVATE|assertion/.test(text), text);
  return error.message;
}

test('a signed assertion goes to the endpoint of the service account, and a token comes back', async (t) => {
  const { server, source } = await setUp(t);
  const before = Math.floor(Date.now() / 1_000);
  const token = await source(never);
  t.deepEqual(token.headers, { authorization: 'Bearer token-1' });
  t.true(token.lifeMs > 3_590_000 && token.lifeMs <= 3_599_000, String(token.lifeMs));
  const [request] = server.requests;
  if (!request) return t.fail();
  t.is(request.method, 'POST');
  t.is(request.path, '/token');
  t.is(request.form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
  const { iat, exp, ...claims } = request.claims;
  t.deepEqual(claims, {
    iss: 'bridge@demo-project.example',
    scope: 'https://www.googleapis.com/auth/firebase.messaging',
    aud: server.uri,
  });
  t.true(Number(iat) >= before && Number(iat) <= before + 30);
  t.is(Number(exp) - Number(iat), 3_600);
  const [header = '', body = '', signature = ''] = request.assertion.split('.');
  t.is(JSON.parse(Buffer.from(header, 'base64url').toString()).alg, 'RS256');
  const verify = createVerify('RSA-SHA256').update(`${header}.${body}`);
  t.true(verify.verify(keys.publicKey, signature, 'base64url'));
  return undefined;
});

test('each call asks anew, whatever is left of the last token', async (t) => {
  const { server, source } = await setUp(t);
  t.is((await source(never)).headers.authorization, 'Bearer token-1');
  t.is((await source(never)).headers.authorization, 'Bearer token-2');
  t.is(server.requests.length, 2);
});

test('invalid_grant: the endpoint’s words', async (t) => {
  const body = { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' };
  const { server, source } = await setUp(t, () => ({ status: 400, body }));
  t.is(await failure(t, source), 'invalid_grant: Invalid JWT Signature.');
  t.is(server.requests.length, 1);
});

test('a clock that is off is told', async (t) => {
  const body = { error: 'invalid_grant', error_description: 'Invalid JWT: check your iat and exp values.' };
  const offsets = [7_200_000, -600_000, 30_000];
  const { source } = await setUp(t, (_, number) => {
    const date = new Date(Date.now() + (offsets[number - 1] ?? 0));
    return { status: 400, body, headers: { date: date.toUTCString() } };
  });
  const told = /^invalid_grant: Invalid JWT: .* \(the clock of this machine is (\d+) s (.*) the token endpoint's\)$/;
  for (const [seconds, way] of [
    [7_200, 'behind'],
    [600, 'ahead of'],
  ] as const) {
    const [, off, where] = told.exec(await failure(t, source)) ?? [];
    t.true(Math.abs(Number(off) - seconds) <= 20, off);
    t.is(where, way);
  }
  t.is(await failure(t, source), 'invalid_grant: Invalid JWT: check your iat and exp values.');
});

test('HTTP errors, with and without JSON, are not tried again here', async (t) => {
  const replies = [
    { status: 500, body: '<html>oops</html>', headers: { 'content-type': 'text/html' } },
    { status: 503, body: { error: 'backend_error', error_description: 'try later' } },
    { status: 404, body: '' },
    { status: 429, body: {} },
    { status: 302, body: '', headers: { location: 'https://localhost/' } },
    { status: 600, body: '' },
  ];
  const { server, source } = await setUp(t, (_, number) => replies[number - 1]);
  t.is(await failure(t, source), 'the token endpoint answers HTTP 500');
  t.is(await failure(t, source), 'backend_error: try later');
  t.is(await failure(t, source), 'the token endpoint answers HTTP 404');
  t.is(await failure(t, source), 'the token endpoint answers HTTP 429');
  t.is(await failure(t, source), 'the token endpoint answers HTTP 302');
  t.regex(await failure(t, source), /status/);
  t.is(server.requests.length, 6);
});

test('answers that are no tokens', async (t) => {
  const bodies: (object | string)[] = [
    {},
    'no JSON',
    [],
    'null',
    { access_token: 'x' },
    { access_token: 'x', expires_in: 0 },
    { access_token: '', expires_in: 100 },
    `{"access_token":"${'x'.repeat(70_000)}","expires_in":100}`,
  ];
  const { source } = await setUp(t, (_, number) => ({ body: bodies[number - 1] ?? '' }));
  for (const _ of bodies) t.true((await failure(t, source)).length > 5);
});

test('after a failure the next call may succeed', async (t) => {
  const { source } = await setUp(t, (_, number) =>
    number === 1 ? { status: 500, body: '' } : { body: { access_token: 'good', expires_in: 60 } },
  );
  await failure(t, source);
  t.is((await source(never)).headers.authorization, 'Bearer good');
});

test('no answer within the deadline, and the next call does not wait for the same', async (t) => {
  const clock = new ManualClock();
  const server = new TokenServer((_, number) => {
    if (number > 1) return { body: { access_token: 'good', expires_in: 60 } };
    void clock.advance(300);
    return undefined;
  });
  await server.listen();
  t.teardown(() => server.close());
  const account = parseServiceAccount(accountJson({ token_uri: server.uri }));
  const source = createTokenSource({ clock, account, ca: certificate.ca, timeoutMs: 300 });
  t.is(await failure(t, source), 'token endpoint: no result within 300 ms');
  t.is((await source(never)).headers.authorization, 'Bearer good');
  t.is(server.requests.length, 2);
});

test('when nobody waits any more it is given up', async (t) => {
  const abort = new AbortController();
  const { source } = await setUp(t, () => {
    abort.abort();
    return undefined;
  });
  await t.throwsAsync(source(abort.signal), { message: /abort/ });
});

test('given up before the request is written', async (t) => {
  const { source } = await setUp(t);
  const abort = new AbortController();
  const token = source(abort.signal);
  setImmediate(() => abort.abort());
  await t.throwsAsync(token, { message: /abort/ });
});

test('an endpoint that takes connections and says nothing', async (t) => {
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  t.teardown(() => mute.close());
  const account = parseServiceAccount(
    accountJson({ token_uri: `https://localhost:${(mute.address() as AddressInfo).port}/` }),
  );
  const source = createTokenSource({ clock: systemClock, account, ca: certificate.ca, timeoutMs: 200 });
  t.is(await failure(t, source), 'token endpoint: no result within 200 ms');
});

test('half an answer', async (t) => {
  const { source } = await setUp(t, () => ({ body: { access_token: 'x'.repeat(100), expires_in: 60 }, cut: true }));
  t.true((await failure(t, source)).length > 5);
});

test('a certificate that nobody trusts', async (t) => {
  const { server } = await setUp(t);
  const account = parseServiceAccount(accountJson({ token_uri: server.uri }));
  const source = createTokenSource({ clock: systemClock, account, ca: undefined, timeoutMs: 5_000 });
  t.regex(await failure(t, source), /certificate/);
  t.is(server.requests.length, 0);
});

test('a host that is no name, and a port where nobody listens', async (t) => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await new Promise((resolve) => closed.close(resolve));
  for (const [uri, words] of [
    ['https://token.invalid/token', /ENOTFOUND|EAI_AGAIN/],
    [`https://127.0.0.1:${port}/token`, /ECONNREFUSED/],
  ] as const) {
    const account = parseServiceAccount(accountJson({ token_uri: uri }));
    const source = createTokenSource({ clock: systemClock, account, ca: certificate.ca, timeoutMs: 10_000 });
    t.regex(await failure(t, source), words);
  }
});

// The library looks into the environment of the process: these run one after the other.
test.serial('application default credentials that are a service account', async (t) => {
  const { server } = await setUp(t);
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-adc-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'account.json');
  writeFileSync(file, accountJson({ token_uri: server.uri }));
  process.env.GOOGLE_APPLICATION_CREDENTIALS = file;
  try {
    const source = createTokenSource({ clock: systemClock, account: undefined, ca: certificate.ca, timeoutMs: 10_000 });
    t.is((await source(never)).headers.authorization, 'Bearer token-1');
    t.is(server.requests[0]?.claims.aud, server.uri);
  } finally {
    delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
  }
});

test.serial('application default credentials that are not there', async (t) => {
  process.env.GOOGLE_APPLICATION_CREDENTIALS = join(tmpdir(), 'pushbridge-no-such-file.json');
  try {
    const source = createTokenSource({ clock: systemClock, account: undefined, ca: undefined, timeoutMs: 10_000 });
    t.regex(await failure(t, source), /pushbridge-no-such-file/);
  } finally {
    delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
  }
});
