import test from 'ava';
import { messageOf } from './messages.ts';
import { setStage } from './stage.ts';

test('a message goes out as FCM wants it, and the ack comes back in the words of CCS', async (t) => {
  const { provider, server } = await setStage(t);
  const outcome = await provider.deliver(
    messageOf({ to: 'device-7', data: { n: 5 }, notification: { title: 'Hello' } }, { ttl: 60 }),
    Date.now(),
  );
  const [request] = server.received;
  if (!request || outcome.kind !== 'accepted') return t.fail(JSON.stringify(outcome));
  t.is(request.method, 'POST');
  t.is(request.path, '/v1/projects/demo-project/messages:send');
  t.is(request.authorization, 'Bearer token-1');
  t.is(request.headers['content-type'], 'application/json');
  t.is(request.headers['content-length'], String(Buffer.byteLength(request.text)));
  t.like(request.message, { token: 'device-7', data: { n: '5' }, notification: { title: 'Hello' } });
  t.deepEqual(JSON.parse(outcome.reply), {
    name: 'projects/demo-project/messages/device-7',
    from: 'device-7',
    message_id: 'm-1',
    message_type: 'ack',
  });
  return undefined;
});

test('what is left of the time to live goes out', async (t) => {
  const { provider, server } = await setStage(t);
  const message = messageOf({ to: 'T' }, { ttl: 60, acceptedAt: 1_000_000, expiresAt: 1_060_000 });
  await provider.deliver(message, 1_029_500);
  t.like(server.received[0]?.message, {
    android: { ttl: '31s' },
    apns: { headers: { 'apns-expiration': '1060' } },
    webpush: { headers: { TTL: '31' } },
  });
});

test('what would be refused anyway does not travel', async (t) => {
  const { provider, server } = await setStage(t);
  const outcome = await provider.deliver(messageOf({ to: 'T', data: { 'gcm.x': '1' } }), Date.now());
  t.deepEqual(outcome, {
    kind: 'refused',
    code: 'INVALID_MESSAGE',
    because: 'data.gcm.x: is a key that FCM keeps for itself',
    reply: '{"message_id":"m-1","to":"T"}',
  });
  const opaque = { kind: 'opaque', body: Buffer.from('x'), headers: '' } as const;
  t.is((await provider.deliver(messageOf({ to: 'T' }, { payload: opaque }), Date.now())).kind, 'refused');
  t.is(server.received.length, 0);
});

test('no room before the first token, nor after the end', async (t) => {
  const { provider, deliver } = await setStage(t, { cold: true, tokenAnswer: () => undefined });
  t.is(provider.room(), 0);
  t.is((await deliver('T')).kind, 'unsent');
  t.like(provider.health(), { state: 'down', detail: 'waits for an access token' });
  await provider.stop(0);
  t.is(provider.room(), 0);
  t.is((await deliver('T')).kind, 'unsent');
  t.like(provider.health(), { state: 'down', detail: 'not running' });
});

test('health tells what is there', async (t) => {
  const { provider, deliver } = await setStage(t);
  await deliver('T');
  const { state, detail, facts } = provider.health();
  t.is(state, 'ok');
  t.is(detail, undefined);
  const { burst_left: left, token_expires_s: seconds, ...rest } = facts ?? {};
  t.deepEqual(rest, { project: 'demo-project', open: 1, connecting: 0, draining: 0, used: 0, size: 100 });
  t.true(Number(left) > 2_000 && Number(left) <= 2_500, String(left));
  t.true(Number(seconds) > 3_500 && Number(seconds) <= 3_599, String(seconds));
});

test('a receipt that nobody gives is ignored, counted, and told once', async (t) => {
  const { provider, server, counts, lines } = await setStage(t);
  for (let i = 0; i < 3; i++) {
    const outcome = await provider.deliver(messageOf({ to: 'T', delivery_receipt_requested: true }), Date.now());
    t.is(outcome.kind, 'accepted');
  }
  t.is(counts.receipt_ignored, 3);
  t.is(lines.filter(({ event }) => event.startsWith('delivery_receipt_requested')).length, 1);
  t.is(server.received[0]?.message.data, undefined);
});

test('or left to the app, which is told where it belongs', async (t) => {
  const { provider, server, counts } = await setStage(t, { options: { delivery_receipts: 'app' } });
  const fcm = { to: 'T', data: { a: '1' }, android: { data: { b: '2' } }, delivery_receipt_requested: true };
  await provider.deliver(messageOf(fcm, { wireId: 'w-9' }), Date.now());
  await provider.deliver(messageOf({ to: 'T', data: { a: '1' } }), Date.now());
  t.deepEqual(server.received[0]?.message.data, { a: '1', pushbridge_receipt: 'fcm/w-9' });
  t.like(server.received[0]?.message, { android: { data: { b: '2', pushbridge_receipt: 'fcm/w-9' } } });
  t.deepEqual(server.received[1]?.message.data, { a: '1' });
  t.is(counts.receipt_ignored, undefined);
});

test('or refused', async (t) => {
  const { provider } = await setStage(t, { options: { delivery_receipts: 'refuse' } });
  const payload = messageOf({ to: 'T', delivery_receipt_requested: true }).payload;
  t.like(provider.inspect(payload), { code: 'INVALID_MESSAGE' });
});

test('a project of one’s own choice', async (t) => {
  const { server, deliver } = await setStage(t, { options: { project: 'demo-project' } });
  await deliver('T');
  t.is(server.received[0]?.path, '/v1/projects/demo-project/messages:send');
});

test('the start fails for files that do not fit, with the option’s name', async (t) => {
  await t.throwsAsync(setStage(t, { options: { project: 'other' } }), {
    message: 'providers.fcm.project: is other, but the service account is of demo-project',
  });
  await t.throwsAsync(setStage(t, { options: { credentials: undefined } }), {
    message: 'providers.fcm.project: is required without a service account in credentials',
  });
  await t.throwsAsync(setStage(t, { options: { credentials: '/nowhere.json' } }), {
    message: /^providers\.fcm\.credentials: can not be read: ENOENT/,
  });
  await t.throwsAsync(setStage(t, { options: { ca: '/nowhere.pem' } }), {
    message: /^providers\.fcm\.ca: can not be read: ENOENT/,
  });
  await t.throwsAsync(setStage(t, { options: { ca: import.meta.filename } }), {
    message: 'providers.fcm.ca: has no readable certificate in PEM',
  });
  await t.throwsAsync(setStage(t, { options: { credentials: import.meta.filename } }), {
    message: 'providers.fcm.credentials: is not JSON',
  });
});

test('the quota bounds what goes out, and room comes back by itself', async (t) => {
  // A burst of 10, and 40 more each second.
  const { provider, server, deliver, insist } = await setStage(t, {
    options: { quota: { per_minute: 2_400, ramp_up: 0 } },
  });
  t.is(provider.room(), 10);
  const before = performance.now();
  const first = await Promise.all(Array.from({ length: 11 }, (_, i) => deliver(`d-${i}`)));
  t.true(first.filter(({ kind }) => kind === 'accepted').length >= 10);
  for (let i = 0; i < 10; i++) t.is((await insist(`e-${i}`)).outcome.kind, 'accepted');
  const seconds = (performance.now() - before) / 1_000;
  t.true(server.received.length <= 10 + Math.ceil(40 * seconds), `${server.received.length} in ${seconds} s`);
});
