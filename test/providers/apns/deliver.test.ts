import test from 'ava';
import { jwtVerify } from 'jose';
import { bench, EPOCH_MS, KEY_ID, message, TEAM_ID, TOPIC } from './bench.ts';
import { reason } from './scripted-server.ts';

test('a request: path, headers, token and body; the answer is the ack of CCS', async (t) => {
  await using b = await bench();
  const sent = message({ target: 'a1b2', fcm: { collapse_key: 'news', priority: 'high', data: { k: 'v' } } });
  const outcome = await b.send(sent);
  const [seen] = b.server.seen;
  t.is(seen?.path, '/3/device/a1b2');
  const { ':method': method, authorization = '', ...headers } = seen?.headers ?? {};
  t.is(method, 'POST');
  t.like(headers, {
    'apns-topic': TOPIC,
    'apns-push-type': 'alert',
    'apns-priority': '10',
    'apns-expiration': String(EPOCH_MS / 1_000 + 3_600),
    'apns-collapse-id': 'news',
  });
  t.deepEqual(JSON.parse(seen?.body ?? ''), { k: 'v', aps: { alert: { title: 'Hello' } } });
  const { payload, protectedHeader } = await jwtVerify(authorization.replace(/^bearer /, ''), b.key.publicKey, {
    currentDate: new Date(EPOCH_MS),
  });
  t.deepEqual(
    [protectedHeader, payload],
    [
      { alg: 'ES256', kid: KEY_ID },
      { iss: TEAM_ID, iat: EPOCH_MS / 1_000 },
    ],
  );
  t.is(outcome.kind, 'accepted');
  t.deepEqual('reply' in outcome && JSON.parse(outcome.reply), {
    from: 'a1b2',
    message_id: sent.messageId,
    message_type: 'ack',
    apns_id: headers['apns-id'],
  });
});

test('the id is the same in every attempt, and another one for another message', async (t) => {
  await using b = await bench();
  const sent = message();
  await b.send(sent);
  await b.send({ ...sent, attempts: 1 });
  await b.send(message());
  const ids = b.server.seen.map(({ headers }) => headers['apns-id']);
  t.regex(String(ids[0]), /^[0-9a-f-]{36}$/);
  t.is(ids[1], ids[0]);
  t.not(ids[2], ids[0]);
});

test('expiration: what is left of its life, on the wall clock that Apple sees', async (t) => {
  await using b = await bench({ wall: { now: () => EPOCH_MS - 7_200_000 } });
  const expiration = async (changes: object) => {
    await b.send(message(changes));
    return b.server.seen.at(-1)?.headers['apns-expiration'];
  };
  const wallSeconds = EPOCH_MS / 1_000 - 7_200;
  t.is(await expiration({ ttl: 60, expiresAt: EPOCH_MS + 20_000 }), String(wallSeconds + 20));
  t.is(await expiration({ ttl: 0, expiresAt: EPOCH_MS + 1_000 }), '0');
  const { ttl: _, ...endless } = message({ expiresAt: EPOCH_MS + 2_419_200_000 });
  await b.send(endless);
  t.is(b.server.seen.at(-1)?.headers['apns-expiration'], String(wallSeconds + 2_419_200));
  const given = { notification: { title: 'T' }, apns: { headers: { 'apns-expiration': '5' } } };
  t.is(await expiration({ fcm: given }), '5');
});

test('what would be refused anyway is refused at the door, with the name of the field, and does not travel', async (t) => {
  await using b = await bench();
  const rows: readonly (readonly [fcm: object, code: string, because: RegExp])[] = [
    [{ to: '/topics/x' }, 'INVALID_MESSAGE', /^to: /],
    [{ to: undefined, condition: "'a' in topics" }, 'INVALID_MESSAGE', /^condition: /],
    [{ dry_run: true }, 'INVALID_MESSAGE', /^dry_run: /],
    [{ data: { aps: '1' } }, 'INVALID_MESSAGE', /^data\.aps: /],
    [{ data: { from: '1' } }, 'INVALID_MESSAGE', /^data\.from: /],
    [{ apns: { headers: { 'x-y': '1' } } }, 'INVALID_MESSAGE', /^apns\.headers\.x-y: /],
    [{ data: { k: 'x'.repeat(4_096) } }, 'PAYLOAD_TOO_LARGE', /^the notification has \d+ bytes, 4096 are allowed/],
  ];
  for (const [fcm, code, because] of rows) {
    const sent = message({ fcm });
    const refusal = b.provider.inspect(sent.payload);
    t.like(refusal, { code });
    t.regex(refusal?.because ?? '', because);
    t.like(await b.send(sent), { kind: 'refused', code });
  }
  t.is(b.provider.inspect({ kind: 'opaque', body: new Uint8Array(1), headers: '{}' })?.code, 'INVALID_MESSAGE');
  t.is(b.server.seen.length, 0);
});

test('sizes: at the limit and one byte past it, for VoIP and for all others', async (t) => {
  await using b = await bench();
  const padded = (bytes: number, headers: object, frame: number) =>
    message({ fcm: { notification: undefined, data: { k: 'x'.repeat(bytes - frame) }, apns: { headers } } }).payload;
  const frame = JSON.stringify({ k: '' }).length;
  const awake = JSON.stringify({ k: '', aps: { 'content-available': 1 } }).length;
  t.is(b.provider.inspect(padded(4_096, {}, awake)), undefined);
  t.is(b.provider.inspect(padded(4_097, {}, awake))?.code, 'PAYLOAD_TOO_LARGE');
  const voip = { 'apns-push-type': 'voip' };
  t.is(b.provider.inspect(padded(5_120, voip, frame)), undefined);
  t.is(b.provider.inspect(padded(5_121, voip, frame))?.code, 'PAYLOAD_TOO_LARGE');
});

test('the size is that of bytes, not of characters', async (t) => {
  await using b = await bench({ options: { max_payload_bytes: 256 } });
  const body = (text: string) => message({ fcm: { notification: { title: text } } }).payload;
  t.is(b.provider.inspect(body('x'.repeat(200))), undefined);
  t.is(b.provider.inspect(body('ü'.repeat(200)))?.code, 'PAYLOAD_TOO_LARGE');
});

const receipt = { receipt: true, fcm: { notification: { title: 'T' }, delivery_receipt_requested: true } };

test('delivery receipts: ignored and counted, and told once', async (t) => {
  await using b = await bench();
  await b.send(message(receipt));
  await b.send(message(receipt));
  await b.send(message());
  t.is(b.events.receipt_ignored, 2);
  t.is(b.log.filter(({ event }) => event.startsWith('delivery receipts')).length, 1);
  t.deepEqual(JSON.parse(b.server.seen[0]?.body ?? ''), { aps: { alert: { title: 'T' } } });
});

test('delivery receipts: refused at the door', async (t) => {
  await using b = await bench({ options: { delivery_receipts: 'refuse' } });
  t.like(b.provider.inspect(message(receipt).payload), {
    code: 'INVALID_MESSAGE',
    because: 'delivery_receipt_requested: APNs has no receipts',
  });
  t.is(b.provider.inspect(message().payload), undefined);
});

test('delivery receipts: the app is told what to report, and room for that is kept at the door', async (t) => {
  await using b = await bench({ options: { delivery_receipts: 'app' } });
  const sent = message({ ...receipt, wireId: 'prefix-1a' });
  await b.send(sent);
  await b.send(message());
  t.deepEqual(
    b.server.seen.map(({ body }) => (JSON.parse(body) as { pushbridge_receipt?: string }).pushbridge_receipt),
    ['apns/prefix-1a', undefined],
  );
  const nearly = { ...receipt, fcm: { ...receipt.fcm, data: { k: 'x'.repeat(4_000) } } };
  t.is(b.provider.inspect(message(nearly).payload)?.code, 'PAYLOAD_TOO_LARGE');
  t.is(b.events.receipt_ignored, undefined);
});

test('answers about one message leave the others alone', async (t) => {
  await using b = await bench();
  await b.send();
  const timestamp = EPOCH_MS - 1_000;
  const rows = [
    [reason(400, 'BadDeviceToken'), { kind: 'refused', code: 'BAD_REGISTRATION' }],
    [reason(400, 'BadTopic'), { kind: 'refused', code: 'INVALID_JSON' }],
    [reason(404, 'BadPath'), { kind: 'refused', code: 'INTERNAL_SERVER_ERROR' }],
    [reason(410, 'Unregistered', { timestamp }), { kind: 'gone', code: 'DEVICE_UNREGISTERED' }],
    [reason(413, 'PayloadTooLarge'), { kind: 'refused', code: 'INVALID_JSON' }],
    [reason(429, 'TooManyRequests'), { kind: 'later', scope: 'target', code: 'DEVICE_MESSAGE_RATE_EXCEEDED' }],
    [reason(500, 'InternalServerError'), { kind: 'later', scope: 'message', code: 'INTERNAL_SERVER_ERROR' }],
    [
      { ...reason(503, 'ServiceUnavailable'), headers: { 'retry-after': '7' } },
      { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE', delayMs: 7_350 },
    ],
    [
      { status: 502, body: '<html>' },
      { kind: 'later', scope: 'message', code: 'SERVICE_UNAVAILABLE' },
    ],
  ] as const;
  const room = b.provider.room();
  for (const [reply, expected] of rows) {
    b.server.answer = () => reply;
    const outcome = await b.send();
    t.like(outcome, expected);
    if (outcome.kind === 'gone') t.is((JSON.parse(outcome.reply) as { timestamp?: number }).timestamp, timestamp);
    t.is(b.provider.room(), room);
    t.is(b.provider.health().state, 'ok');
  }
});
