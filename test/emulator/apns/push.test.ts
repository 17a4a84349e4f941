import test from 'ava';
import { apnsReasons, nackCodes } from '../../../src/emulator/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { until } from '../http2/raw-client.ts';
import { DEVICE, PAYLOAD, start } from './stage.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const ID = '123e4567-e89b-12d3-a456-4266554400a0';

test('a push is answered by its id, or by a new one', async (t) => {
  const { open, control } = await start(t);
  const { push } = open();
  const { status, headers, body } = await push(DEVICE, { 'apns-id': ID });
  t.is(status, 200);
  t.is(headers['apns-id'], ID);
  t.is(headers['apns-unique-id'], undefined);
  t.is(body, '');
  t.regex(String((await push()).headers['apns-id']), UUID);
  t.like(control.stats(), { requests: 2, messages: 2, successes: 2, errors: {} });
  t.like(control.requests()[0], { path: `/3/device/${DEVICE}`, body: PAYLOAD, headers: { 'apns-id': ID } });
});

test('the sandbox gives a second id', async (t) => {
  const { open } = await start(t, { environment: 'sandbox' });
  const { headers } = await open().push(DEVICE, { 'apns-id': ID });
  t.is(headers['apns-id'], ID);
  t.regex(String(headers['apns-unique-id']), UUID);
});

/** [fcm.md §4] */
for (const [reason, expected] of Object.entries(apnsReasons)) {
  test(`a device token asks for ${reason}, which is ${expected}`, async (t) => {
    const { open, control } = await start(t);
    const { push } = open();
    const { status, json, headers } = await push(`${reason}:me`, { 'apns-id': ID });
    t.is(status, expected);
    t.is(json.reason, reason);
    t.is(headers['apns-id'], ID);
    t.is(typeof json.timestamp, expected === 410 ? 'number' : 'undefined');
    t.deepEqual(control.stats().errors, { [reason]: 1 });
  });
}

/** [fcm.md §4] */
const LEGACY: Readonly<Record<(typeof nackCodes)[number], string>> = {
  AUTHENTICATION_FAILED: 'InvalidProviderToken',
  BAD_ACK: 'BadMessageId',
  BAD_REGISTRATION: 'BadDeviceToken',
  CONNECTION_DRAINING: 'Shutdown',
  DEVICE_MESSAGE_RATE_EXCEEDED: 'TooManyRequests',
  DEVICE_UNREGISTERED: 'Unregistered',
  INTERNAL_SERVER_ERROR: 'InternalServerError',
  INVALID_APNS_CREDENTIAL: 'InvalidProviderToken',
  INVALID_JSON: 'PayloadEmpty',
  INVALID_TTL: 'BadExpirationDate',
  JSON_TYPE_ERROR: 'PayloadEmpty',
  QUOTA_EXCEEDED: 'TooManyRequests',
  SERVICE_UNAVAILABLE: 'ServiceUnavailable',
  TOPICS_MESSAGE_RATE_EXCEEDED: 'TooManyRequests',
};

for (const code of nackCodes) {
  test(`${code} of CCS is ${LEGACY[code]}`, async (t) => {
    const { open } = await start(t);
    t.is((await open().push(`${code}:me`)).json.reason, LEGACY[code]);
  });
}

test('Unregistered tells since when, in milliseconds', async (t) => {
  const clock = new ManualClock(1_800_000_000_000);
  const { open, control } = await start(t, {}, { clock });
  const { push } = open();
  t.deepEqual((await push('Unregistered')).json, { reason: 'Unregistered', timestamp: 1_800_000_000_000 });
  control.setFaults({ gone_for: '1h' });
  t.deepEqual((await push('ExpiredToken')).json, { reason: 'ExpiredToken', timestamp: 1_800_000_000_000 - 3_600_000 });
});

test('Shutdown ends the connection when it is answered', async (t) => {
  const { open } = await start(t);
  const { client, push } = open();
  t.is((await push('Shutdown')).status, 503);
  await until(() => client.closed);
  t.is(client.goaways.length, 1);
});

test('a device token is magic a number of times for each payload; it may be escaped', async (t) => {
  const { open, control } = await start(t);
  const { push } = open();
  const statuses = [];
  for (const device of ['TooManyRequests:2', 'TooManyRequests%3A2', 'TooManyRequests:2']) {
    statuses.push((await push(device)).status);
  }
  t.deepEqual(statuses, [429, 429, 200]);
  t.is((await push('TooManyRequests:2', {}, '{"aps":{}}')).status, 429);
  t.is(control.stats().repeated, 2);
  control.setToken(DEVICE, 'BadDeviceToken');
  t.is((await push()).json.reason, 'BadDeviceToken');
});

const long = (bytes: number): string => {
  const frame = JSON.stringify({ aps: {}, pad: '' });
  return frame.replace('""', `"${'x'.repeat(bytes - frame.length)}"`);
};
const VOIP = { 'apns-push-type': 'voip', 'apns-topic': 'com.example.app.voip' };

/** Headers and payload that are refused, and those beside them that are not. */
const rows: readonly (readonly [
  reason: string | undefined,
  headers: Record<string, string | undefined>,
  payload?: string,
])[] = [
  ['BadMessageId', { 'apns-id': 'no-uuid' }],
  [undefined, { 'apns-id': ID.toUpperCase() }],
  ['BadExpirationDate', { 'apns-expiration': 'soon' }],
  ['BadExpirationDate', { 'apns-expiration': '-1' }],
  [undefined, { 'apns-expiration': '0' }],
  [undefined, { 'apns-expiration': '1900000000' }],
  ['BadPriority', { 'apns-priority': '7' }],
  ['BadPriority', { 'apns-priority': 'high' }],
  ['BadPriority', { 'apns-push-type': 'background' }],
  ['BadPriority', { 'apns-push-type': 'background', 'apns-priority': '10' }],
  [undefined, { 'apns-push-type': 'background', 'apns-priority': '5' }],
  [undefined, { 'apns-priority': '1' }],
  [undefined, { 'apns-priority': '10' }],
  ['InvalidPushType', { 'apns-push-type': 'silent' }],
  ...['alert', 'location', 'voip', 'complication', 'fileprovider', 'mdm', 'liveactivity', 'pushtotalk'].map(
    (type) => [undefined, { 'apns-push-type': type }] as const,
  ),
  ['BadCollapseId', { 'apns-collapse-id': 'x'.repeat(65) }],
  [undefined, { 'apns-collapse-id': 'x'.repeat(64) }],
  ['MissingTopic', { 'apns-topic': undefined }],
  ['BadTopic', { 'apns-topic': 'no topic' }],
  ['TopicDisallowed', { 'apns-topic': 'com.example.other' }],
  ...['.voip', '.complication', '.pushkit.fileprovider', '.location-query', '.push-type.liveactivity', '.voip-ptt'].map(
    (suffix) => [undefined, { 'apns-topic': `com.example.app${suffix}` }] as const,
  ),
  ['PayloadEmpty', {}, ''],
  ['PayloadEmpty', {}, '{'],
  ['PayloadEmpty', {}, '[]'],
  ['PayloadTooLarge', {}, long(4_097)],
  [undefined, {}, long(4_096)],
  ['PayloadTooLarge', VOIP, long(5_121)],
  [undefined, VOIP, long(5_120)],
];

for (const [index, [reason, headers, payload = PAYLOAD]] of rows.entries()) {
  const what = `${JSON.stringify(headers).slice(0, 80)} with ${payload.length} bytes`;
  test(`${index}: ${what}: ${reason ?? 'taken'}`, async (t) => {
    const { open } = await start(t, { topics: ['com.example.app'] });
    const { status, json } = await open().push(DEVICE, headers, payload);
    t.is(json.reason, reason);
    t.is(status, reason === undefined ? 200 : reason === 'PayloadTooLarge' ? 413 : 400);
  });
}

test('a header that stands twice', async (t) => {
  const { open } = await start(t);
  const { push } = open();
  const twice = ['com.example.app', 'com.example.app'];
  const { status, json } = await push(DEVICE, { 'apns-topic': twice });
  t.is(status, 400);
  t.deepEqual(json, { reason: 'DuplicateHeaders' });
  t.is((await push(DEVICE, { 'apns-collapse-id': 'a, b' })).status, 200, 'a comma is no second header');
});

test('device tokens: missing, hexadecimal if that is asked for', async (t) => {
  const { open } = await start(t, { hex_tokens: true });
  const { push } = open();
  t.deepEqual((await push('')).json, { reason: 'MissingDeviceToken' });
  t.deepEqual((await push('device-1')).json, { reason: 'BadDeviceToken' });
  t.deepEqual((await push('abc')).json, { reason: 'BadDeviceToken' });
  t.is((await push(DEVICE.toUpperCase())).status, 200);
  t.is((await push('BadTopic')).json.reason, 'BadTopic', 'magic goes first');
});

test('other paths and methods', async (t) => {
  const { open } = await start(t);
  const { push } = open();
  for (const path of ['/', '/2/device/abc', '/3/device/a/b', '/3/device/%E0%A4%A']) {
    const { status, json } = await push(DEVICE, { ':path': path });
    t.is(status, 404);
    t.deepEqual(json, { reason: 'BadPath' });
  }
  const { status, json } = await push(DEVICE, { ':method': 'GET' });
  t.is(status, 405);
  t.deepEqual(json, { reason: 'MethodNotAllowed' });
});

test('faults of requests and of all are the same as those of FCM', async (t) => {
  const { open, control } = await start(t, { error_rate: 1, retry_after: '5' });
  const { push, fails } = open();
  const { status, json, headers } = await push();
  t.is(status, 503);
  t.is(json.reason, 'ServiceUnavailable');
  t.is(headers['retry-after'], '5');
  control.setFaults({ error_rate: 0, instead: 'html_502' });
  t.is((await push()).status, 502);
  control.resetFaults();
  t.is(control.faults().error_rate, 1);
  control.setFaults({ error_rate: 0 });
  t.is((await fails('fault:refused')).rst, 7);
  t.is((await push('canonical:x')).status, 200);
});
