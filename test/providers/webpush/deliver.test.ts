import { createHash } from 'node:crypto';
import test from 'ava';
import { exportJWK, importJWK, jwtVerify } from 'jose';
import { ManualClock } from '../../../src/lib/clock.ts';
import { decrypt } from './decrypt.ts';
import { receiver, SUBJECT, stage } from './stage.ts';

const base64url = (text: string) => Buffer.from(text, 'base64url');

test('[RFC 8291 §5] the message of the RFC is read: what judges the others works', (t) => {
  const body = [
    'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml',
    'mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT',
    'pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
  ];
  const userAgent = {
    privateKey: 'q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94',
    p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  };
  const text = 'When I grow up, I want to be a watermelon';
  t.is(decrypt(base64url(body.join('')), userAgent).toString(), text);
  t.throws(() => decrypt(base64url(body.join('')), { ...userAgent, auth: 'AAAAAAAAAAAAAAAAAAAAAA' }));
});

test('data arrives encrypted, as JSON, with the headers of Web Push', async (t) => {
  const { service, deliver, to, someone } = await stage(t);
  service.onRequest = ({ answer }) => answer.writeHead(201, { location: '/m/17' }).end();
  const data = { text: 'Grüße', count: 3, nested: { a: [1, null] } };
  const sent = to(service.url('/push/abc?x=1'), { data, priority: 'high', collapse_key: 'news' });
  const outcome = await deliver(sent);
  t.is(outcome.kind, 'accepted');
  t.deepEqual(outcome.kind === 'accepted' && JSON.parse(outcome.reply), {
    from: sent.target,
    message_id: sent.messageId,
    message_type: 'ack',
    location: '/m/17',
  });
  const { request, body = Buffer.alloc(0) } = service.asked[0] ?? {};
  t.like(request, { method: 'POST', url: '/push/abc?x=1' });
  t.like(request?.headers, {
    ttl: '3600',
    urgency: 'high',
    topic: 'news',
    'content-encoding': 'aes128gcm',
    'content-type': 'application/octet-stream',
  });
  t.deepEqual(JSON.parse(decrypt(body, someone).toString()), data);
  t.false(body.includes('Gr'));
});

test('content arrives as the bytes that it is', async (t) => {
  const { service, deliver, to, someone } = await stage(t);
  const bytes = Buffer.from([0, 255, 254, 2, 0, 0]);
  const sent = to(service.url(), { data: undefined, content: bytes.toString('base64') });
  t.is((await deliver(sent)).kind, 'accepted');
  t.deepEqual(decrypt(service.asked[0]?.body ?? Buffer.alloc(0), someone), bytes);
});

test('the largest payload makes a message of no more than 4,096 bytes, in one record', async (t) => {
  const { service, provider, deliver, to, someone } = await stage(t);
  const bytes = Buffer.alloc(3_993, 'x');
  const fits = to(service.url(), { data: undefined, content: bytes.toString('base64') });
  t.is(provider.inspect(fits.payload), undefined);
  t.is((await deliver(fits)).kind, 'accepted');
  const { body = Buffer.alloc(0) } = service.asked[0] ?? {};
  t.is(body.length, 4_096);
  t.deepEqual(decrypt(body, someone), bytes);
  const more = to(service.url(), { data: undefined, content: Buffer.alloc(3_994).toString('base64') });
  t.like(provider.inspect(more.payload), { code: 'PAYLOAD_TOO_LARGE' });
  t.like(await deliver(more), { kind: 'refused', code: 'PAYLOAD_TOO_LARGE' });
  t.is(service.asked.length, 1);
});

test('every message has its own key and salt', async (t) => {
  const { service, deliver, to } = await stage(t);
  const sent = to(service.url());
  await Promise.all([deliver(sent), deliver(sent), deliver(sent)]);
  const heads = service.asked.map(({ body }) => body.subarray(0, 86).toString('hex'));
  t.is(new Set(heads.map((head) => head.slice(0, 32))).size, 3);
  t.is(new Set(heads.map((head) => head.slice(42))).size, 3);
});

const ttls: readonly (readonly [what: string, changes: object, header: string])[] = [
  ['as it was given', { ttl: 60, expiresAt: Date.now() + 60_000_000 }, '60'],
  ['0', { ttl: 0 }, '0'],
  ['what is left of it', { ttl: 60, expiresAt: 0 }, '0'],
  ['the longest if none was given', { ttl: undefined, expiresAt: Number.MAX_SAFE_INTEGER }, '2419200'],
];
for (const [what, changes, header] of ttls) {
  test(`TTL: ${what}`, async (t) => {
    const { service, deliver, to } = await stage(t);
    t.is((await deliver(to(service.url(), {}, changes))).kind, 'accepted');
    t.is(service.asked[0]?.request.headers.ttl, header);
  });
}

const headers: readonly (readonly [fcm: object, urgency: string | undefined, topic: string | undefined])[] = [
  [{}, undefined, undefined],
  [{ priority: 'normal' }, 'normal', undefined],
  [{ priority: 'HIGH' }, 'high', undefined],
  [{ collapse_key: 'aZ09-_' }, undefined, 'aZ09-_'],
  [{ collapse_key: 'x'.repeat(32) }, undefined, 'x'.repeat(32)],
];
for (const [fcm, urgency, topic] of headers) {
  test(`${JSON.stringify(fcm)}: urgency ${urgency}, topic ${topic}`, async (t) => {
    const { service, deliver, to } = await stage(t);
    t.is((await deliver(to(service.url(), fcm))).kind, 'accepted');
    t.is(service.asked[0]?.request.headers.urgency, urgency);
    t.is(service.asked[0]?.request.headers.topic, topic);
  });
}

test('a collapse key that is no topic becomes one by its digest, so that equal ones are equal', async (t) => {
  const { service, deliver, to } = await stage(t);
  for (const key of ['x'.repeat(33), 'new mail', 'new\r\nmail', '']) {
    await deliver(to(service.url(), { collapse_key: key }));
    const digest = createHash('sha256').update(key).digest('base64url').slice(0, 32);
    t.is(service.asked.at(-1)?.request.headers.topic, digest);
  }
});

test('[RFC 8292] messages are signed for the origin of their endpoint, by the key that was given', async (t) => {
  const { service, deliver, to, vapidKey } = await stage(t);
  await deliver(to(service.url('/a')));
  await deliver(to(service.url('/b', 'push.example')));
  const key = await importJWK(await exportJWK(vapidKey), 'ES256');
  const { x = '', y = '' } = await exportJWK(vapidKey);
  const point = Buffer.concat([Buffer.of(4), base64url(x), base64url(y)]).toString('base64url');
  for (const [n, origin] of [service.url(''), service.url('', 'push.example')].entries()) {
    const [, token = '', k] =
      /^vapid t=([^ ,]+), k=([^ ,]+)$/.exec(service.asked[n]?.request.headers.authorization ?? '') ?? [];
    t.is(k, point);
    const { payload, protectedHeader } = await jwtVerify(token, key, { audience: origin, algorithms: ['ES256'] });
    t.deepEqual(protectedHeader, { typ: 'JWT', alg: 'ES256' });
    t.is(payload.sub, SUBJECT);
    const hours = ((payload.exp ?? 0) - Date.now() / 1_000) / 3_600;
    t.true(hours > 11.9 && hours <= 12, `${hours}`);
  }
});

test('a signature is made once for each origin, and again when it gets old or was not liked', async (t) => {
  const wall = new ManualClock();
  const { service, deliver, to } = await stage(t, { deps: { wall } });
  const signature = async (path: string): Promise<string> => {
    await deliver(to(service.url(path)));
    return String(service.asked.at(-1)?.request.headers.authorization);
  };
  const first = await signature('/a');
  t.is(await signature('/b'), first);
  wall.jump(10.9 * 3_600_000);
  t.is(await signature('/a'), first);
  wall.jump(0.2 * 3_600_000);
  const second = await signature('/a');
  t.not(second, first);
  wall.jump(-3_600_000); // it would seem to be good for more than it was made for
  const third = await signature('/a');
  t.not(third, second);
  service.onRequest = ({ answer }) => answer.writeHead(403).end();
  t.is(await signature('/a'), third);
  service.onRequest = ({ answer }) => answer.writeHead(201).end();
  t.not(await signature('/a'), third);
});

test('without a key nothing is signed', async (t) => {
  const { service, deliver, to } = await stage(t, { options: { vapid: undefined } });
  t.is((await deliver(to(service.url()))).kind, 'accepted');
  t.is(service.asked[0]?.request.headers.authorization, undefined);
});

test('what the sender has encrypted itself goes out as it is', async (t) => {
  const { service, provider, deliver, to } = await stage(t);
  const content = Buffer.alloc(4_096, 7);
  const fcm = { keys: undefined, data: undefined, content_encoding: 'aes128gcm' };
  const sent = to(service.url(), { ...fcm, content: content.toString('base64') });
  t.is((await deliver(sent)).kind, 'accepted');
  t.deepEqual(service.asked[0]?.body, content);
  t.is(service.asked[0]?.request.headers['content-encoding'], 'aes128gcm');
  const more = to(service.url(), { ...fcm, content: Buffer.alloc(4_097).toString('base64') });
  t.like(provider.inspect(more.payload), { code: 'PAYLOAD_TOO_LARGE' });
});

test('without keys nothing goes out in clear, unless the configuration says so', async (t) => {
  const strict = await stage(t);
  const sent = strict.to(strict.service.url(), { keys: undefined, data: { a: 1 } });
  t.like(strict.provider.inspect(sent.payload), { code: 'INVALID_MESSAGE' });
  t.like(await strict.deliver(sent), { kind: 'refused', code: 'INVALID_MESSAGE' });
  t.is(strict.service.asked.length, 0);
  const open = await stage(t, { options: { allow_unencrypted: true } });
  t.is((await open.deliver(open.to(open.service.url(), { keys: undefined, data: { a: 1 } }))).kind, 'accepted');
  t.is(open.service.asked[0]?.body.toString(), '{"a":1}');
  t.is(open.service.asked[0]?.request.headers['content-encoding'], undefined);
});

test('a key that is no point of the curve is refused, and harms nobody else in its batch', async (t) => {
  const { service, deliver, to, someone } = await stage(t);
  const wrong = Buffer.alloc(65, 1);
  wrong[0] = 4;
  const keys = { p256dh: wrong.toString('base64url'), auth: receiver().auth };
  const [bad, good] = await Promise.all([deliver(to(service.url(), { keys })), deliver(to(service.url()))]);
  t.like(bad, { kind: 'refused', code: 'INVALID_MESSAGE' });
  t.regex(bad.kind === 'refused' ? bad.because : '', /^keys: /);
  t.is(good.kind, 'accepted');
  t.is(service.asked.length, 1);
  t.notThrows(() => decrypt(service.asked[0]?.body ?? Buffer.alloc(0), someone));
});
