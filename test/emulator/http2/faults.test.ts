import { constants } from 'node:http2';
import test from 'ava';
import { createFcmEmulator } from '../../../src/emulator/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { start, to } from '../fcm/stage.ts';
import { RawClient, until } from './raw-client.ts';

test('latency by a clock and a chance of our own: fixed part and spread', async (t) => {
  const clock = new ManualClock();
  const chances = [1, 0, 0.5];
  const { login, control } = await start(t, {}, { clock, random: () => chances.shift() ?? 0 });
  const { stream } = await login();
  control.setFaults({ latency: '100ms', latency_spread: '1s' });
  for (const [index, token] of ['a', 'b', 'c'].entries()) {
    stream(to(token));
    await until(() => control.stats().messages === index + 1);
  }
  for (const [ms, successes] of [
    [99, 0],
    [1, 1],
    [499, 1],
    [1, 2],
    [499, 2],
    [1, 3],
  ] as const) {
    await clock.advance(ms);
    t.is(control.stats().successes, successes, `at ${clock.monotonic()}`);
  }
});

test('errors by rate, with their code', async (t) => {
  const chances = [0.29, 0.3, 0.99, 0];
  const { login } = await start(
    t,
    { error_rate: 0.3, error_code: 'DEVICE_UNREGISTERED' },
    { random: () => chances.shift() ?? 1 },
  );
  const { send } = await login();
  const statuses = [];
  for (let i = 0; i < 4; i++) statuses.push((await send(to('d'))).status);
  t.deepEqual(statuses, [404, 200, 200, 404]);
});

test('Retry-After stands in 429 and 503, in seconds or as a date, and nowhere else', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  t.is((await send(to('UNAVAILABLE'))).headers['retry-after'], undefined);
  for (const retry_after of ['30', 'Wed, 21 Oct 2026 07:28:00 GMT']) {
    control.setFaults({ retry_after });
    t.is((await send(to('UNAVAILABLE'))).headers['retry-after'], retry_after);
    t.is((await send(to('QUOTA_EXCEEDED'))).headers['retry-after'], retry_after);
    t.is((await send(to('INTERNAL'))).headers['retry-after'], undefined);
    t.is((await send(to('d'))).headers['retry-after'], undefined);
  }
  control.setFaults({ retry_after: '' });
  t.is((await send(to('UNAVAILABLE'))).headers['retry-after'], undefined);
  t.throws(() => control.setFaults({ retry_after: 'soon' }), { message: /HTTP date/ });
});

test('answers are kept back until they may go, and then go in their order', async (t) => {
  const order: string[] = [];
  const answered = (target: string): void => void order.push(target);
  const { login, control } = await start(t, {}, { watch: { answered } });
  const { send } = await login();
  control.setFaults({ hold_answers: true });
  const replies = ['a', 'UNAVAILABLE', 'b'].map((token) => send(to(token)));
  await until(() => control.stats().messages === 3);
  t.like(control.stats(), { successes: 0, errors: {}, unanswered: 0 });
  t.deepEqual(order, []);
  control.setFaults({ hold_answers: false });
  t.deepEqual(
    (await Promise.all(replies)).map(({ status }) => status),
    [200, 503, 200],
  );
  t.deepEqual(order, ['a', 'UNAVAILABLE', 'b']);
  t.is((await send(to('c'))).status, 200);
});

for (const [instead, status, type] of [
  ['html_502', 502, 'text/html; charset=UTF-8'],
  ['bare_401', 401, undefined],
  ['bare_403', 403, undefined],
  ['bare_404', 404, undefined],
] as const) {
  test(`instead of every answer: ${instead}`, async (t) => {
    const { login, control } = await start(t);
    const { send } = await login();
    control.setFaults({ instead });
    const reply = await send(to('d'));
    t.is(reply.status, status);
    t.is(reply.headers['content-type'], type);
    if (status === 502) t.regex(reply.body, /^<!DOCTYPE html>.*30 seconds/s);
    else t.is(reply.body, '');
    t.like(control.stats(), { messages: 0, errors: { [instead]: 1 } });
    control.resetFaults();
    t.is((await send(to('d'))).status, 200);
  });
}

test('stall: no request is answered until that is over', async (t) => {
  const { login, control } = await start(t);
  const { stream, send } = await login();
  control.setFaults({ stall: true });
  let answered = false;
  stream(to('d')).on('response', () => {
    answered = true;
  });
  await until(() => control.stats().unanswered === 1);
  control.setFaults({ stall: false });
  t.is((await send(to('d'))).status, 200);
  t.false(answered);
});

test('a success in two DATA frames, errors in one', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  t.is((await send(to('d'))).frames.length, 1);
  control.setFaults({ two_frames: true });
  const { frames, json } = await send(to('d'));
  t.is(frames.length, 2);
  t.regex(String(json.name), /^projects\//);
  t.is((await send(to('UNREGISTERED'))).frames.length, 1);
});

test('refuse_tls: connections are reset before their handshake; those that are open stay', async (t) => {
  const { login, open, control } = await start(t);
  const { send } = await login();
  control.setFaults({ refuse_tls: true });
  const refused = open();
  await until(() => refused.closed);
  t.is(refused.error?.code, 'ECONNRESET');
  t.is((await send(to('d'))).status, 200);
  t.like(control.stats(), { accepted: 1, refused: 1, connections: 1 });
});

test('more connections than allowed are refused', async (t) => {
  const { login, open, control } = await start(t, { max_connections: 1 });
  await login();
  const second = open();
  await until(() => second.closed);
  t.is(control.stats().refused, 1);
});

test('a connection may have 100 streams [fcm.md §3.4]; a change is told to those that are open', async (t) => {
  const { login, control } = await start(t);
  const { client, send } = await login();
  t.deepEqual(client.limits, [100]);
  control.setFaults({ max_streams: 7 });
  await until(() => client.limits.length === 2);
  t.is(client.limits[1], 7);
  control.setFaults({ latency: '50ms' });
  await Promise.all(Array.from({ length: 20 }, (_, n) => send(to(`d${n}`))));
  t.is(control.stats().maxStreams, 7);
  t.like(control.connections()[0], { maxStreams: 7, limit: 7, streams: 0, goneAway: false });
  t.is(control.stats().breaches, 0);
});

test('late SETTINGS: few streams until the first success', async (t) => {
  const { login, control } = await start(t, { initial_streams: 1 });
  const { client, send } = await login();
  t.deepEqual(client.limits, [1]);
  await send(to('UNREGISTERED'));
  t.is(control.connections()[0]?.limit, 1);
  await send(to('d'));
  await until(() => client.limits.length === 2);
  t.deepEqual(client.limits, [1, 100]);
});

test('late SETTINGS: few streams until their time has come', async (t) => {
  const clock = new ManualClock();
  const { login } = await start(t, { initial_streams: 2, raise_after: '10s', max_streams: 50 }, { clock });
  const { client, send } = await login();
  await send(to('d'));
  await clock.advance(9_999);
  await send(to('d'));
  t.deepEqual(client.limits, [2]);
  await clock.advance(1);
  await until(() => client.limits.length === 2);
  t.is(client.limits[1], 50);
});

test('GOAWAY after so many requests: they are answered, and the connection ends', async (t) => {
  const { login, control } = await start(t, { latency: '50ms' });
  const { client, send } = await login();
  control.setFaults({ goaway_after: 4 });
  const replies = await Promise.all([send(to('a')), send(to('b')), send(to('c'))]);
  t.deepEqual(
    replies.map(({ status }) => status),
    [200, 200, 200],
  );
  await until(() => client.closed);
  t.like(client.goaways[0], { code: 0, debug: '' });
  t.is(client.error, undefined);
  t.is(control.stats().goaways, 1);
});

test('GOAWAY max_age, also for a connection that is older when that begins', async (t) => {
  const clock = new ManualClock();
  const { login, control } = await start(t, { max_age: '1h', token_lifetime: '1d' }, { clock });
  const { client, send } = await login();
  await clock.advance(3_599_999);
  t.is((await send(to('d'))).status, 200);
  t.deepEqual(client.goaways, []);
  await clock.advance(1);
  await until(() => client.closed);
  t.like(client.goaways[0], { code: 0, debug: 'max_age' });
  const second = await login();
  control.setFaults({ max_age: '1s' });
  await clock.advance(1_000);
  await until(() => second.client.closed);
  t.is(second.client.goaways[0]?.debug, 'max_age');
  await clock.advance(1_000);
  t.is(clock.waiting, 0, 'no timer is left behind');
});

test('GOAWAY session_timeout on a connection that is idle; a stream keeps it', async (t) => {
  const clock = new ManualClock();
  const { login, control } = await start(t, { session_timeout: '4m' }, { clock });
  const { client, send, stream } = await login();
  await clock.advance(200_000);
  t.is((await send(to('d'))).status, 200);
  await until(() => control.connections()[0]?.streams === 0);
  await clock.advance(200_000);
  const open = stream(to('fault:silent'));
  await until(() => control.connections()[0]?.streams === 1);
  await clock.advance(1_000_000);
  t.deepEqual(client.goaways, []);
  open.close(constants.NGHTTP2_CANCEL);
  await until(() => control.connections()[0]?.streams === 0);
  await clock.advance(480_000);
  await until(() => client.closed);
  t.like(client.goaways[0], { code: 0, debug: 'session_timeout' });
});

test('GOAWAY too_many_pings at the third ping without a request [fcm.md §3.4]', async (t) => {
  const { login } = await start(t);
  const { client, send } = await login();
  const ping = () => new Promise((resolve) => client.session.ping((error) => resolve(error)));
  await ping();
  await ping();
  await send(to('d'));
  await ping();
  await ping();
  t.deepEqual(client.goaways, []);
  await ping();
  await until(() => client.closed);
  t.like(client.goaways[0], { code: constants.NGHTTP2_ENHANCE_YOUR_CALM, debug: 'too_many_pings' });
});

for (const [drop_how, code] of [
  ['rst', 'ECONNRESET'],
  ['fin', undefined],
] as const) {
  test(`drop after so many requests, by ${drop_how}`, async (t) => {
    const { login, control } = await start(t, { drop_after: 3, drop_how });
    const { client, send, fails } = await login();
    await send(to('d'));
    await fails(to('d'));
    await until(() => client.closed);
    t.is(client.error?.code, code);
    t.is(control.stats().drops, 1);
  });
}

test('on demand: GOAWAY and drop, to one or all; a number that is none is refused', async (t) => {
  const { login, control } = await start(t);
  const first = await login();
  const second = await login();
  const third = await login();
  t.is(control.goaway('one', 'max_age'), 1);
  await until(() => first.client.closed);
  t.is(first.client.goaways[0]?.debug, 'max_age');
  t.throws(() => control.goaway(99), { message: 'there is no connection 99' });
  t.is(control.drop(2, 'rst'), 1);
  await until(() => second.client.closed);
  t.is((await third.send(to('d'))).status, 200);
  await until(() => control.stats().connections === 1);
  t.is(control.goaway('all', '', constants.NGHTTP2_ENHANCE_YOUR_CALM), 1);
  await until(() => third.client.closed);
});

test('the quota of the project: 429 beyond it, all of it again after a minute', async (t) => {
  const clock = new ManualClock();
  const { login, control } = await start(t, { quota_per_minute: 2, retry_after: '17' }, { clock });
  const { send } = await login();
  const statuses = async () => [(await send(to('a'))).status, (await send(to('UNREGISTERED'))).status];
  t.deepEqual(await statuses(), [200, 404]);
  const { status, headers, json } = await send(to('c'));
  t.is(status, 429);
  t.is(headers['retry-after'], '17');
  const { details } = json.error as { details: unknown[] };
  t.like(details[0], { errorCode: 'QUOTA_EXCEEDED' });
  t.like(details[1], { violations: [{ subject: 'project:emulated-project' }] });
  await clock.advance(59_999);
  t.is((await send(to('a'))).status, 429);
  await clock.advance(1);
  t.deepEqual(await statuses(), [200, 404]);
  control.setFaults({ quota_per_minute: 0 });
  t.deepEqual(await statuses(), [200, 404]);
});

for (const certificate of ['expired', 'not_yet_valid', 'wrong_host'] as const) {
  test(`a certificate that must be refused: ${certificate}`, async (t) => {
    const { open } = await start(t, { certificate });
    const client = open();
    await until(() => client.closed);
    t.is(
      client.error?.code,
      { expired: 'CERT_HAS_EXPIRED', not_yet_valid: 'CERT_NOT_YET_VALID', wrong_host: 'ERR_TLS_CERT_ALTNAME_INVALID' }[
        certificate
      ],
    );
  });
}

test('options and patches that make no sense are refused', (t) => {
  t.throws(() => createFcmEmulator({ error_code: 'NONSENSE' }));
  t.throws(() => createFcmEmulator({ max_streams: 0 }));
  t.throws(() => createFcmEmulator({ project: 'No Project' }));
});

test('an emulator that stops ends its connections, and can not be reached any more', async (t) => {
  const { emulator, login } = await start(t);
  const { client, stream } = await login();
  stream(to('fault:silent'));
  await emulator.stop();
  await until(() => client.closed);
  const late = new RawClient(emulator);
  await until(() => late.closed);
  t.truthy(late.error);
});
