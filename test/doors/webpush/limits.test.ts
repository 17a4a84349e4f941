import test from 'ava';
import { PUSH_SESSION, StoreError } from '../../../src/core/index.ts';
import { FakeProvider } from '../../core/fake-provider.ts';
import { head, raw } from '../../protocols/http/raw.ts';
import { token as jwt, signer } from '../../protocols/webpush/keys.ts';
import { NO_TOKEN, PUBLIC_URL, startPush } from './bench.ts';

const few = { per_minute: 6, burst: 2 };
/** Tokens that nobody was ever given. */
const guess = (n: number) => `/push/${String(n).padStart(27, 'A')}`;

test('an endpoint has its rate; another endpoint, and another time, have their own', async (t) => {
  const { endpoint, post, clock } = await startPush(t, { door: { rate: few } });
  const [one, other] = [await endpoint(), await endpoint()];
  t.is((await post(one.path, 'x')).status, 201);
  t.is((await post(one.up, 'x')).status, 201, 'by whatever form');
  const limited = await post(one.message, 'x');
  t.like(limited, { status: 429, json: { error: 'too_many' } });
  t.is(limited.headers.get('retry-after'), '10');
  t.is((await post(other.path, 'x')).status, 201);
  await clock.advance(9_999);
  t.is((await post(one.path, 'x')).headers.get('retry-after'), '1');
  await clock.advance(1);
  t.is((await post(one.path, 'x')).status, 201);
});

test('what is refused uses up nothing', async (t) => {
  const [alice, bob] = [signer(), signer()];
  const { endpoint, post, clock } = await startPush(t, { door: { rate: { per_minute: 1, burst: 1 } } });
  const { path } = await endpoint({ vapid: alice.key });
  const signed = ({ key, privateKey }: typeof alice) => ({
    Authorization: `vapid t=${jwt({ key, privateKey }, { aud: PUBLIC_URL, exp: clock.now() / 1_000 + 60 })}, k=${key}`,
  });
  t.is((await post(path, 'x')).status, 401);
  t.is((await post(path, 'x', signed(bob))).status, 403);
  t.is((await post(path, '', signed(alice))).status, 400);
  t.is((await post(path, 'x', { ...signed(alice), TTL: 'x' })).status, 400);
  t.is((await post(path, 'x', signed(alice))).status, 201);
  t.is((await post(path, 'x', signed(alice))).status, 429);
});

test('so many endpoints are kept in mind; the one that was silent longest is forgotten', async (t) => {
  const { endpoint, post } = await startPush(t, { door: { rate: { per_minute: 1, burst: 1 }, endpoints_max: 2 } });
  const [a, b, c] = [await endpoint(), await endpoint(), await endpoint()];
  const status = async ({ path }: typeof a) => (await post(path, 'x')).status;
  t.deepEqual([await status(a), await status(b), await status(a), await status(b)], [201, 201, 429, 429]);
  t.is(await status(c), 201);
  t.is(await status(b), 429);
  t.is(await status(a), 201, 'forgotten, and begins anew');
});

test('who guesses is slowed down, and nobody behind the same address who knows', async (t) => {
  const { endpoint, post, clock } = await startPush(t, { door: { guesses: few } });
  const { path } = await endpoint();
  t.deepEqual([(await post(guess(1), 'x')).status, (await post(guess(2), 'x')).status], [404, 404]);
  const limited = await post(guess(3), 'x');
  t.like(limited, { status: 429, json: { error: 'too_many' } });
  t.is(limited.headers.get('retry-after'), '10');
  t.is((await post('/UP?token=short', 'x')).status, 429, 'of whatever form');
  for (let n = 0; n < 20; n++) t.is((await post(path, 'x')).status, 201);
  await clock.advance(10_000);
  t.is((await post(guess(4), 'x')).status, 404);
});

test('an endpoint that is no more is no guess', async (t) => {
  const { endpoint, endpoints, post } = await startPush(t, { door: { guesses: few } });
  const { path, token } = await endpoint();
  await endpoints.revoke({ token });
  for (let n = 0; n < 5; n++) t.is((await post(path, 'x')).status, 410);
  t.is((await post(guess(1), 'x')).status, 404);
});

test('every token that leads nowhere has the same answer, and what has not even the form asks no store', async (t) => {
  const { post, gated } = await startPush(t);
  const expected = await post(guess(1), 'x');
  t.is(gated.calls('registration'), 1);
  for (const path of [
    '/push/x',
    `/push/${'A'.repeat(26)}`,
    `/push/${'A'.repeat(28)}`,
    `/push/${'x'.repeat(1_000)}`,
    '/push/a%2Fb',
    `/push/${'A'.repeat(26)}%0A`,
    `/push/${'A'.repeat(26)}=`,
    "/push/'%20OR%201=1",
    '/UP',
    '/UP?token=',
    '/UP?token=eyJhbGciOiJIUzUxMiJ9.e30.AAAA',
    `/UP?token=${NO_TOKEN}&token=${NO_TOKEN}`,
    '/message',
    '/message?token=x',
  ]) {
    const { status, json } = await post(path, 'x');
    t.deepEqual([status, json], [expected.status, expected.json], path);
  }
  t.is(gated.calls('registration'), 1);
});

test('when nothing more may wait: 503, and nothing is kept', async (t) => {
  const provider = new FakeProvider('xmpp', 0);
  const { endpoint, post, settle, clock } = await startPush(t, { provider, maxPending: 1 });
  const { path } = await endpoint();
  t.is((await post(path, 'x', { TTL: '60' })).status, 201);
  const full = await post(path, 'x');
  t.like(full, { status: 503, json: { error: 'unavailable' } });
  t.is(full.headers.get('retry-after'), '30');
  await clock.advance(120_000);
  await settle();
  t.is((await post(path, 'x')).status, 201, 'the first is over');
});

test('so much waits for one endpoint; others have their own room', async (t) => {
  const provider = new FakeProvider('xmpp', 0);
  const { endpoint, post } = await startPush(t, {
    provider,
    limits: { sessions: { [PUSH_SESSION]: { maxPerTarget: 2 } } },
  });
  const [one, other] = [await endpoint(), await endpoint()];
  for (let n = 0; n < 2; n++) t.is((await post(one.path, 'x')).status, 201);
  const full = await post(one.path, 'x');
  t.like(full, { status: 429, json: { error: 'too_many' } });
  t.is(full.headers.get('retry-after'), '30');
  t.is((await post(other.path, 'x')).status, 201);
});

test('trouble of the store that passes is never the fault of who asks', async (t) => {
  for (const [call, init] of [
    ['registration', { method: 'POST', body: 'x' }],
    ['accept', { method: 'POST', body: 'x' }],
    ['replace', { method: 'POST', body: 'x', headers: { Topic: 'a' } }],
  ] as const) {
    const { endpoint, ask, gated, faults } = await startPush(t);
    // Found in memory it is, otherwise.
    const path = call === 'registration' ? `/push/${NO_TOKEN}` : (await endpoint()).path;
    const well = gated.refuse(call, new StoreError('full', 'the disk is full'));
    const got = await ask(path, init);
    t.like(got, { status: 503, json: { error: 'unavailable' } }, call);
    t.is(got.headers.get('retry-after'), '5');
    t.deepEqual(faults, []);
    well();
    t.is((await ask(path, init)).status, call === 'registration' ? 404 : 201);
  }
  for (const [call, path, method] of [
    ['cancel', `/message/${NO_TOKEN}`, 'DELETE'],
    ['outcomeOf', `/message/${NO_TOKEN}`, 'DELETE'],
    ['outcomeOf', `/receipt/${NO_TOKEN}`, 'GET'],
  ] as const) {
    const { ask, gated } = await startPush(t);
    gated.refuse(call, new StoreError('failed', 'gone'));
    t.like(await ask(path, { method }), { status: 503, json: { error: 'unavailable' } }, `${method} ${path}`);
  }
});

test('the largest push is taken, whatever other bodies may have; one byte more is not', async (t) => {
  const { endpoint, post } = await startPush(t, { http: { body_limit: 1_024 } });
  const { path, up } = await endpoint();
  for (const form of [path, up]) {
    t.is((await post(form, new Uint8Array(4_096))).status, 201);
    t.like(await post(form, new Uint8Array(4_097)), { status: 413, json: { error: 'too_large' } });
  }
});

test('a body that is too large is refused before its end, announced or in pieces', async (t) => {
  const { endpoint, port, provider } = await startPush(t);
  const { path } = await endpoint();
  const pieces = (bytes: number) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
  const chunked = head(`POST ${path}`, 'transfer-encoding: chunked');
  for (const request of [head(`POST ${path}`, 'content-length: 4097'), `${chunked}${pieces(4_000)}${pieces(97)}`]) {
    const { status, json } = await raw(port, request);
    t.deepEqual([status, json], [413, { error: 'too_large', message: 'the body is too large' }]);
  }
  t.is((await raw(port, `${chunked}${pieces(4_000)}${pieces(96)}0\r\n\r\n`)).status, 201);
  t.is((await raw(port, `${chunked}0\r\n\r\n`)).status, 400, 'empty');
  t.is((await provider.attempt(1)).message.target, path.slice(6));
  t.is(provider.attempts.length, 1);
});

test('a body that does not end in time is given up', async (t) => {
  const { endpoint, port, provider } = await startPush(t, { http: { request_timeout: '50ms' } });
  const { path } = await endpoint();
  t.is((await raw(port, `${head(`POST ${path}`, 'content-length: 100')}x`)).status, 408);
  t.deepEqual(provider.attempts, []);
});

test('a line break in a header is the end of the request, not a header of ours', async (t) => {
  const { endpoint, post, port, provider } = await startPush(t);
  const { path } = await endpoint();
  const bad = head(`POST ${path}`, 'topic: a\rset-cookie: x', 'content-length: 1');
  const { status, text } = await raw(port, `${bad}x`);
  t.is(status, 400);
  t.notRegex(text, /set-cookie/i);
  t.like(await post(path, 'x', { Topic: 'a b' }), { status: 400 });
  t.deepEqual(provider.attempts, []);
});

test('headers that come twice are refused, also those that would be joined or left out on the way', async (t) => {
  const { endpoint, port } = await startPush(t);
  const { path } = await endpoint();
  for (const [name, value, expected] of [
    ['TTL', '5', 400],
    ['Urgency', 'low', 400],
    ['Topic', 'a', 400],
    ['Content-Encoding', 'aes128gcm', 400],
    ['Content-Type', 'a/b', 400],
    ['Authorization', 'vapid t=a.b.c', 403],
    ['Prefer', 'wait=5', 201],
  ] as const) {
    const line = `${name}: ${value}`;
    const { status } = await raw(port, `${head(`POST ${path}`, line, line, 'content-length: 1')}x`);
    t.is(status, expected, name);
  }
});
