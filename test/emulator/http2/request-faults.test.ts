import { constants } from 'node:http2';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { SEND, start, to } from '../fcm/stage.ts';
import { until } from './raw-client.ts';

test('silent: the request is never answered, others are', async (t) => {
  const { login, control } = await start(t);
  const { stream, send } = await login();
  const silent = stream(to('fault:silent'));
  let answered = false;
  silent.on('response', () => {
    answered = true;
  });
  for (let i = 0; i < 3; i++) t.is((await send(to('d'))).status, 200);
  t.false(answered);
  t.is(control.connections()[0]?.streams, 1);
  t.is(control.stats().unanswered, 1);
  silent.close(constants.NGHTTP2_CANCEL);
  await until(() => control.connections()[0]?.streams === 0);
});

test('reset and refused: RST_STREAM with their codes, the connection lives', async (t) => {
  const { login, control } = await start(t);
  const { fails, send } = await login();
  t.is((await fails(to('fault:reset'))).rst, constants.NGHTTP2_INTERNAL_ERROR);
  t.is((await fails(to('fault:refused:1'))).rst, constants.NGHTTP2_REFUSED_STREAM);
  t.is((await send(to('fault:refused:1'))).status, 200, 'once only');
  t.is(control.stats().resets, 2);
});

test('drop: the connection is reset under all its streams', async (t) => {
  const { login, control } = await start(t);
  const { client, fails, stream } = await login();
  const other = stream(to('fault:silent'));
  let lost = false;
  other.on('close', () => {
    lost = true;
  });
  await fails(to('fault:drop'));
  await until(() => client.closed && lost);
  t.is(client.error?.code, 'ECONNRESET');
  t.is(control.stats().drops, 1);
  await until(() => control.stats().connections === 0);
});

test('goaway: this stream was not worked on, those before it are [RFC 9113 §6.8]', async (t) => {
  const { login, control } = await start(t);
  control.setFaults({ latency: '100ms' });
  const { client, send, stream } = await login();
  const before = send(to('d'));
  const refused = stream(to('fault:goaway'));
  t.is((await before).status, 200);
  await until(() => client.closed);
  t.true((client.goaways[0]?.last ?? 0) < (refused.id ?? 0), JSON.stringify(client.goaways));
  t.is(client.goaways[0]?.code, 0);
  t.is(refused.rstCode, constants.NGHTTP2_REFUSED_STREAM);
  t.is(control.stats().goaways, 1);
  t.is(control.stats().successes, 1);
});

test('goaway: also the first stream of a connection was not worked on', async (t) => {
  const { login, open, control } = await start(t);
  const { headers } = await login();
  const { rst } = await open().fails(headers, JSON.stringify(to('fault:goaway')));
  t.is(rst, constants.NGHTTP2_REFUSED_STREAM);
  t.is(control.stats().goaways, 1);
});

test('CONNECTION_DRAINING of CCS is that GOAWAY; after its times the message is taken', async (t) => {
  const { login } = await start(t);
  const body = to('CONNECTION_DRAINING:1');
  const first = await login();
  await first.fails(body);
  await until(() => first.client.closed);
  t.is((await (await login()).send(body)).status, 200);
});

test('drain: an answer, then no more requests', async (t) => {
  const { login } = await start(t);
  const { client, send } = await login();
  t.is((await send(to('fault:drain'))).status, 200);
  await until(() => client.closed);
  t.is(client.goaways[0]?.code, 0);
});

test('poison: the whole connection fails', async (t) => {
  const { login } = await start(t);
  const { client, fails } = await login();
  await fails(to('fault:poison'));
  await until(() => client.closed);
  t.is(client.goaways[0]?.code, constants.NGHTTP2_PROTOCOL_ERROR);
});

test('half: headers and half of the body, then nothing', async (t) => {
  const { login } = await start(t);
  const { stream, send } = await login();
  const half = stream(to('fault:half'));
  let length = 0;
  let body = '';
  let ended = false;
  half.on('response', (headers) => {
    length = Number(headers['content-length']);
  });
  half.on('data', (chunk: string) => {
    body += chunk;
  });
  half.on('end', () => {
    ended = true;
  });
  await until(() => body !== '');
  t.is((await send(to('d'))).status, 200);
  t.is(body.length, Math.ceil(length / 2));
  t.false(ended);
});

test('slow: the answer comes after its time, by the clock', async (t) => {
  const clock = new ManualClock();
  const { login, control } = await start(t, { slow: '16s' }, { clock });
  const { send } = await login();
  let answered = false;
  const slow = send(to('fault:slow')).then((reply) => {
    answered = true;
    return reply;
  });
  await until(() => control.stats().messages === 1);
  await clock.advance(15_999);
  t.is(control.stats().successes, 0);
  t.false(answered);
  await clock.advance(1);
  t.is((await slow).status, 200);
});

test('black-hole: nothing is answered on that connection any more', async (t) => {
  const { login, control } = await start(t);
  const { stream } = await login();
  stream(to('fault:black-hole'));
  stream(to('d'));
  await until(() => control.stats().unanswered === 2);
  t.is((await (await login()).send(to('d'))).status, 200, 'on others it is');
});

test('a message is told to the watcher before it is answered, and remembered', async (t) => {
  const told: unknown[][] = [];
  const watch = {
    received: (target: string, body: string) => told.push(['received', target, JSON.parse(body).message.data]),
    answered: (target: string, _: string, code: string | undefined) => told.push(['answered', target, code]),
  };
  const { login, control } = await start(t, { remember: 3 }, { watch });
  const { send, headers } = await login();
  await send(to('d'));
  await send(to('UNREGISTERED:x'));
  await send(to('d'));
  t.deepEqual(told, [
    ['received', 'd', { a: 'b' }],
    ['answered', 'd', undefined],
    ['received', 'UNREGISTERED:x', { a: 'b' }],
    ['answered', 'UNREGISTERED:x', 'UNREGISTERED'],
    ['received', 'd', { a: 'b' }],
    ['answered', 'd', undefined],
  ]);
  t.like(control.stats(), { requests: 4, messages: 3, repeated: 1, successes: 2, errors: { UNREGISTERED: 1 } });
  const seen = control.requests();
  t.is(seen.length, 3, 'the request for a token is forgotten');
  t.deepEqual(
    seen.map(({ body }) => JSON.parse(body).message.token),
    ['d', 'UNREGISTERED:x', 'd'],
  );
  t.like(seen[0], { connection: 1, method: 'POST', path: SEND });
  t.is(seen[0]?.headers.authorization, headers.authorization);
  t.is(control.requests(1).length, 1);
  control.resetStats();
  t.deepEqual(control.requests(), []);
  t.like(control.stats(), { requests: 0, messages: 0, targets: { token: 0 } });
  await send(to('d'));
  t.is(control.stats().repeated, 0);
});

test('what is not tracked is not remembered', async (t) => {
  const { login, control } = await start(t, { track: false });
  const { send } = await login();
  await send(to('d'));
  await send(to('d'));
  t.like(control.stats(), { messages: 2, repeated: 0 });
  t.deepEqual(control.requests(), []);
});

test('a request whose client goes away in its middle is none', async (t) => {
  const { login, control } = await start(t);
  const { client, headers } = await login();
  const before = control.stats().requests;
  const stream = client.session.request({ ...headers, ':method': 'POST' });
  stream.on('error', () => {});
  stream.write('{"message":');
  await until(() => control.connections()[0]?.streams === 1);
  client.session.destroy();
  await until(() => control.stats().connections === 0);
  t.is((await (await login()).send(to('d'))).status, 200);
  t.is(control.stats().requests, before + 2, 'a token and a message');
  t.deepEqual(control.stats().errors, {});
});
