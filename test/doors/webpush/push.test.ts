import test from 'ava';
import { StoreError } from '../../../src/core/index.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { head, raw } from '../../protocols/http/raw.ts';
import { NO_TOKEN, PUBLIC_URL, pathIn, pushed, startPush } from './bench.ts';

test('[promise 1] the answer comes after the commit', async (t) => {
  const { endpoint, post, gated } = await startPush(t);
  const { path } = await endpoint();
  const release = gated.hold('accept');
  let answered = false;
  const answer = post(path, 'x').then((got) => {
    answered = true;
    return got;
  });
  await gated.called('accept', 1);
  t.false(answered);
  release();
  t.is((await answer).status, 201);
});

test('a push goes to the provider of its endpoint as it came, every byte', async (t) => {
  const { endpoint, post, provider, clock } = await startPush(t);
  const { path, token } = await endpoint();
  const body = Uint8Array.from({ length: 4_096 }, (_, index) => index % 256);
  const answer = await post(path, body, {
    TTL: '60',
    Urgency: 'low',
    Topic: 'upd',
    'Content-Encoding': 'aes128gcm',
    'Content-Type': 'application/octet-stream',
  });
  t.is(answer.status, 201);
  t.is(answer.text, '');
  t.is(answer.headers.get('ttl'), '60');
  t.regex(answer.headers.get('location') ?? '', /^https:\/\/push\.example\.net\/message\/[\w-]{27}$/);
  t.is(answer.headers.get('link'), null);
  const { message } = await provider.attempt(1);
  t.like(message, { target: token, ttl: 60, collapseKey: 'upd', priority: 'normal', expiresAt: clock.now() + 60_000 });
  t.deepEqual(pushed(message.payload), {
    body: Buffer.from(body),
    headers: {
      encoding: 'aes128gcm',
      type: 'application/octet-stream',
      urgency: 'low',
      ttl: 60,
      topic: 'upd',
    },
  });
});

test('a body is not decoded, whatever its headers say of it', async (t) => {
  const { endpoint, port, provider } = await startPush(t);
  const { path } = await endpoint();
  let count = 0;
  for (const line of [
    'content-encoding: gzip',
    'content-encoding: aesgcm',
    'content-encoding: none-such',
    'content-type: application/json',
    'content-type: text/plain; charset=utf-16',
    'content-type: x',
    'content-type: ;;',
    'x-nothing: 1',
  ]) {
    const { status } = await raw(port, `${head(`POST ${path}`, line, 'content-length: 4')}{"a:`);
    t.is(status, 201, line);
    const { body, headers } = pushed((await provider.attempt(++count)).message.payload);
    t.is(body.toString(), '{"a:');
    const [name, value] = line.split(': ');
    t.is(name === 'content-type' ? headers.type : headers.encoding, name === 'x-nothing' ? undefined : value);
  }
});

test('all three forms of an endpoint lead to it', async (t) => {
  const { endpoint, post, provider } = await startPush(t);
  const { path, up, message, token } = await endpoint();
  let count = 0;
  for (const form of [path, up, message]) {
    t.is((await post(form, form)).status, 201, form);
    const { message: got } = await provider.attempt(++count);
    t.is(got.target, token);
    t.is(pushed(got.payload).body.toString(), form);
  }
});

test('the host of a request is not believed', async (t) => {
  const { endpoint, port } = await startPush(t);
  const { path } = await endpoint();
  const lines = ['x-forwarded-host: evil.example', 'forwarded: host=evil.example', 'content-length: 1'];
  const { text } = await raw(port, `${head(`POST ${path}`, ...lines).replace('localhost', 'evil.example')}x`);
  t.regex(text, /location: https:\/\/push\.example\.net\/message\//);
  t.notRegex(text, /evil/);
});

test('TTL: what is kept is told, and never more than the bridge keeps', async (t) => {
  const { endpoint, post, provider } = await startPush(t, { door: { ttl_max: '1h', ttl_default: '2m' } });
  const { path } = await endpoint();
  let count = 0;
  for (const [asked, kept] of [
    ['0', '0'],
    ['1', '1'],
    ['3600', '3600'],
    ['3601', '3600'],
    [undefined, '120'],
  ] as const) {
    const answer = await post(path, 'x', asked === undefined ? {} : { TTL: asked });
    t.deepEqual([answer.status, answer.headers.get('ttl')], [201, kept]);
    const { ttl, payload } = (await provider.attempt(++count)).message;
    t.is(String(ttl), kept);
    t.is(String(pushed(payload).headers.ttl), kept);
  }
});

test('a topic replaces what waits under it, at the same endpoint alone', async (t) => {
  const provider = new FakeProvider('xmpp', 0);
  const { endpoint, post, settle } = await startPush(t, { provider });
  const [one, other] = [await endpoint(), await endpoint()];
  await post(one.path, 'old', { Topic: 'a' });
  await post(one.path, 'another topic', { Topic: 'b' });
  await post(other.path, 'another endpoint', { Topic: 'a' });
  await post(one.path, 'new', { Topic: 'a' });
  provider.window = 10;
  await settle();
  const bodies = provider.attempts.map(({ message }) => pushed(message.payload).body.toString());
  t.deepEqual(bodies.sort(), ['another endpoint', 'another topic', 'new']);
});

test('what is not on its way can be taken back, once', async (t) => {
  const provider = new FakeProvider('xmpp', 0, accept);
  const { endpoint, post, ask, settle } = await startPush(t, { provider });
  const { path } = await endpoint();
  const [first, second] = [await post(path, '1'), await post(path, '2')];
  const cancel = (answer: typeof first) => ask(pathIn(answer.headers.get('location')), { method: 'DELETE' });
  t.is((await cancel(first)).status, 204);
  t.like(await cancel(first), { status: 404, json: { error: 'not_found' } });
  provider.window = 10;
  await settle();
  t.deepEqual(
    provider.attempts.map(({ message }) => pushed(message.payload).body.toString()),
    ['2'],
  );
  t.is((await cancel(second)).status, 404);
});

test('what is on its way can not be taken back now; when it comes back, it can', async (t) => {
  const { endpoint, post, ask, provider, settle } = await startPush(t);
  const { path } = await endpoint();
  const location = pathIn((await post(path, 'x')).headers.get('location'));
  const { answer } = await provider.attempt(1);
  const refused = await ask(location, { method: 'DELETE' });
  t.like(refused, { status: 409, json: { error: 'on_its_way' } });
  t.is(refused.headers.get('retry-after'), '1');
  answer({ kind: 'later', scope: 'target', code: 'AWAY', because: 'away', reply: '{}', delayMs: 60_000 });
  await settle();
  t.is((await ask(location, { method: 'DELETE' })).status, 204);
});

test('GET and HEAD answer the discovery document, whatever the token is', async (t) => {
  const { ask, gated } = await startPush(t);
  for (const path of [
    `/push/${NO_TOKEN}`,
    `/push/${'x'.repeat(900)}`,
    '/UP?token=x',
    '/UP',
    '/message',
    '/message?token=y',
  ]) {
    const got = await ask(path);
    t.deepEqual([got.status, got.json], [200, { unifiedpush: { version: 1 } }], path);
    t.regex(got.headers.get('content-type') ?? '', /^application\/json/);
    const { status, text } = await ask(path, { method: 'HEAD' });
    t.deepEqual([status, text], [200, '']);
  }
  t.is(gated.calls('registration'), 0);
});

test('scripts of other sites may push, and read the answers', async (t) => {
  const { endpoint, ask, post } = await startPush(t);
  const { path, up, message } = await endpoint();
  for (const form of [path, up, message, `/push/${NO_TOKEN}`]) {
    const asked = await ask(form, {
      method: 'OPTIONS',
      headers: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'POST' },
    });
    t.is(asked.status, 204);
    t.is(asked.headers.get('access-control-allow-origin'), '*');
    t.is(asked.headers.get('access-control-allow-methods'), 'GET, POST');
    const allowed = asked.headers.get('access-control-allow-headers')?.toLowerCase().split(', ') ?? [];
    for (const name of ['ttl', 'urgency', 'topic', 'content-encoding', 'authorization', 'prefer']) {
      t.true(allowed.includes(name), name);
    }
  }
  for (const answer of [
    await post(path, 'x'),
    await post(path, 'x', { TTL: 'x' }),
    await post(path, new Uint8Array(4_097)),
    await post(`/push/${NO_TOKEN}`, 'x'),
    await ask(path),
    await ask(`/message/${NO_TOKEN}`, { method: 'DELETE' }),
    await ask(`/receipt/${NO_TOKEN}`),
  ]) {
    t.is(answer.headers.get('access-control-allow-origin'), '*', String(answer.status));
    t.is(answer.headers.get('access-control-expose-headers'), 'Location, TTL, Link, Retry-After');
  }
});

test('neither the token nor the body is told to the listener', async (t) => {
  const { endpoint, post, routes, faults, gated } = await startPush(t);
  const { path, up, token } = await endpoint();
  await post(path, 'a secret');
  await post(up, 'a secret');
  await post(`/push/${NO_TOKEN}`, 'a secret');
  gated.refuse('accept', new StoreError('fault', 'a fault'));
  t.like(await post(path, 'a secret'), { status: 500, json: { error: 'internal' } });
  t.deepEqual(routes, ['/push/:token 201', '/UP 201', '/push/:token 404', '/push/:token 500']);
  t.notRegex(`${JSON.stringify(routes)} ${String(faults)}`, new RegExp(`${token}|secret`));
});

test('an endpoint has at least 160 random bits and a short URL', async (t) => {
  const { endpoint } = await startPush(t);
  const { url, token } = await endpoint();
  t.is(url, `${PUBLIC_URL}/push/${token}`);
  t.true(Buffer.from(token, 'base64url').length >= 20);
  t.true(url.length <= 1_000);
});
