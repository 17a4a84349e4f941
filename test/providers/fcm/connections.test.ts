import { constants } from 'node:http2';
import { createServer } from 'node:net';
import test from 'ava';
import { createCertificate, LOCAL_NAMES } from '../../../src/emulator/certificate.ts';
import type { Received } from './scripted-server.ts';
import { setStage } from './stage.ts';

const one = { connections: { min: 1, max: 1 } };

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('no more streams at once than the server allows, and as many as it allows later', async (t) => {
  const waiting: Received[] = [];
  const { provider, server, deliver } = await setStage(t, {
    streams: 3,
    options: one,
    answer: (request) => void waiting.push(request),
  });
  await until(() => provider.room() === 3);
  const first = [deliver('a'), deliver('b'), deliver('c')];
  t.is(provider.room(), 0);
  t.is((await deliver('d')).kind, 'unsent');
  await server.requests(3);
  server.sessions[0]?.settings({ maxConcurrentStreams: 5 });
  await until(() => provider.room() === 2);
  const more = [deliver('e'), deliver('f')];
  await server.requests(5);
  server.sessions[0]?.settings({ maxConcurrentStreams: 1 });
  await until(() => provider.health().facts?.size === 1);
  for (const request of waiting.splice(0, 4)) request.ok();
  await until(() => provider.health().facts?.used === 1);
  t.is(provider.room(), 0, 'one is still in flight');
  for (const request of waiting.splice(0)) request.ok();
  const outcomes = await Promise.all([...first, ...more]);
  t.true(outcomes.every(({ kind }) => kind === 'accepted'));
  await until(() => provider.room() === 1);
  t.is(server.received.length, 5);
});

test('never more streams than the option says', async (t) => {
  const { provider } = await setStage(t, { streams: 1_000, options: { connections: { min: 1, max: 1, streams: 7 } } });
  t.is(provider.room(), 7);
});

test('another connection when all are full', async (t) => {
  const waiting: Received[] = [];
  const { provider, server, deliver } = await setStage(t, {
    streams: 2,
    options: { connections: { min: 1, max: 2 } },
    answer: (request) => void waiting.push(request),
  });
  await until(() => provider.room() === 2);
  const all = [deliver('a'), deliver('b')];
  await until(() => provider.room() === 2);
  all.push(deliver('c'));
  await server.requests(3);
  t.is(server.sessions.length, 2);
  for (const request of waiting) request.ok();
  t.true((await Promise.all(all)).every(({ kind }) => kind === 'accepted'));
});

test('GOAWAY in the middle: what was refused goes again at once, what was answered does not', async (t) => {
  const { provider, server, insist } = await setStage(t, {
    options: one,
    answer: (request, number) => {
      // The fourth of ten: the server says that it looks at the first four and no more, and answers those.
      if (number === 4) {
        const { session } = request;
        session?.goaway(constants.NGHTTP2_NO_ERROR, request.stream.id ?? 0);
        for (const earlier of server.received.slice(0, 4)) earlier.ok();
      } else if (request.session === server.sessions[1]) request.ok();
    },
  });
  const results = await Promise.all(Array.from({ length: 10 }, (_, i) => insist(`device-${i}`)));
  t.true(results.every(({ outcome }) => outcome.kind === 'accepted'));
  t.deepEqual(
    results.map(({ attempts }) => attempts > 1),
    results.map((_, i) => i >= 4),
  );
  const answered = server.received.filter(({ stream }) => stream.sentHeaders?.[':status'] === 200);
  t.is(answered.length, 10);
  t.is(new Set(answered.map(({ token }) => token)).size, 10);
  t.is(provider.health().state, 'ok');
});

test('a stream that the server refuses is as good as not sent', async (t) => {
  const { provider, server, insist } = await setStage(t, {
    answer: (request, number) => (number === 1 ? request.reset(constants.NGHTTP2_REFUSED_STREAM) : request.ok()),
  });
  const { outcome, attempts } = await insist('T');
  t.is(outcome.kind, 'accepted');
  t.is(attempts, 2);
  t.is(server.received.length, 2);
  t.is(provider.health().state, 'ok');
});

test('a server that refuses every stream is left alone after three rounds', async (t) => {
  const { provider, server, deliver } = await setStage(t, {
    answer: (request) => request.reset(constants.NGHTTP2_REFUSED_STREAM),
  });
  for (let i = 0; i < 3; i++) t.is((await deliver('T', { wireId: `w-${i}` })).kind, 'unsent');
  t.is(provider.room(), 0);
  t.like(provider.health(), { state: 'down', detail: 'no answers: the server refused the stream' });
  t.is(server.received.length, 3);
});

test('a stream that is cut off is tried again later, one message only', async (t) => {
  const { provider, deliver } = await setStage(t, {
    answer: (request) => (request.token === 'bad' ? request.reset(constants.NGHTTP2_INTERNAL_ERROR) : request.ok()),
  });
  const [bad, good] = await Promise.all([deliver('bad'), deliver('good')]);
  t.like(bad, { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' });
  t.is(good?.kind, 'accepted');
  t.true(provider.room() > 0);
});

test('a connection that dies with a hundred messages is one misfortune', async (t) => {
  const { provider, server, counts, deliver, room } = await setStage(t, {
    options: one,
    answer: (_, number) => {
      if (number === 100) server.cut();
    },
  });
  const outcomes = await Promise.all(Array.from({ length: 100 }, (_, i) => deliver(`d-${i}`)));
  for (const outcome of outcomes) t.like(outcome, { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' });
  server.answer = (request) => request.ok();
  await room();
  t.true(provider.room() > 1);
  t.is((await deliver('T')).kind, 'accepted');
  t.is(counts.broken, 100);
});

test('half an answer is none', async (t) => {
  const { server, deliver } = await setStage(t, {
    answer: (request) => {
      request.half();
      setImmediate(() => server.cut());
    },
  });
  t.like(await deliver('T'), { kind: 'later', code: 'SERVICE_UNAVAILABLE' });
});

test('an answer that does not come is given up after the deadline; if that is the rule, the service is left alone', async (t) => {
  const { provider, server, counts, insist, deliver } = await setStage(t, {
    options: { ...one, deadline: '300ms' },
    answer: () => {},
  });
  const all = await Promise.all([deliver('a'), deliver('b')]);
  for (const outcome of all) {
    t.like(outcome, { kind: 'later', code: 'SERVICE_UNAVAILABLE', because: 'no complete answer within 300 ms' });
  }
  t.true((counts.late ?? 0) >= 2);
  while (provider.health().detail?.startsWith('no answers') !== true) {
    if (provider.room() > 0) await deliver('c');
    else await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.is(provider.room(), 0);
  server.answer = (request) => request.ok();
  t.is((await insist('d')).outcome.kind, 'accepted');
  t.is(provider.health().state, 'ok');
});

test('an answer that comes after the deadline is no answer any more, and does no harm', async (t) => {
  const waiting: Received[] = [];
  const { provider, server, deliver, insist } = await setStage(t, {
    options: { deadline: '300ms' },
    answer: (request) => void waiting.push(request),
  });
  t.like(await deliver('T'), { kind: 'later', because: 'no complete answer within 300 ms' });
  for (const request of waiting) request.ok();
  server.answer = (request) => request.ok();
  t.is((await insist('U')).outcome.kind, 'accepted');
  t.is(provider.health().facts?.used, 0);
});

test('half an answer that stays half is given up as well', async (t) => {
  const { deliver } = await setStage(t, { options: { deadline: '300ms' }, answer: (request) => request.half() });
  t.like(await deliver('T'), { kind: 'later', because: 'no complete answer within 300 ms' });
});

test('an answer without end is cut off', async (t) => {
  const { deliver, provider } = await setStage(t, { answer: (request) => request.reply(200, 'x'.repeat(100_000)) });
  t.like(await deliver('T'), { kind: 'later', because: 'the answer is larger than 65536 bytes' });
  t.is(provider.health().state, 'ok');
});

const unreachable: [string, () => Promise<object> | object, RegExp][] = [
  ['a host that has no address', () => ({ url: 'https://fcm.invalid' }), /ENOTFOUND|EAI_AGAIN/],
  ['a port where nobody listens', async () => ({ url: `https://localhost:${await closedPort()}` }), /ECONNREFUSED/],
];

for (const [name, options, detail] of unreachable) {
  test(`${name}: no room, and health says why`, async (t) => {
    const { provider, deliver } = await setStage(t, { cold: true, options: { ...(await options()) } });
    await until(() => detail.test(provider.health().detail ?? ''));
    t.is(provider.health().state, 'down');
    t.is(provider.room(), 0);
    t.is((await deliver('T')).kind, 'unsent');
  });
}

test('a certificate that nobody trusts: no room, and health says why', async (t) => {
  const own = createCertificate({
    names: LOCAL_NAMES,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 600_000),
  });
  const { provider, deliver, server } = await setStage(t, { cold: true, certificate: own });
  await until(() => /certificate/.test(provider.health().detail ?? ''));
  t.is(provider.health().state, 'down');
  t.is(provider.room(), 0);
  t.is((await deliver('T')).kind, 'unsent');
  t.is(server.received.length, 0);
});

test('a server that goes away and comes back is found again', async (t) => {
  const { provider, server, insist } = await setStage(t, { options: one });
  t.is((await insist('a')).outcome.kind, 'accepted');
  server.cut();
  await until(() => provider.health().state !== 'ok');
  t.is((await insist('b')).outcome.kind, 'accepted');
  t.is(provider.health().state, 'ok');
});

test('stopping lets what is in flight come home', async (t) => {
  const waiting: Received[] = [];
  const { provider, server, deliver } = await setStage(t, { answer: (request) => void waiting.push(request) });
  const outcome = deliver('T');
  await server.requests(1);
  const stopped = provider.stop(5_000);
  t.is(provider.room(), 0);
  for (const request of waiting) request.ok();
  t.is((await outcome).kind, 'accepted');
  await stopped;
});

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}
