import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createApnsEmulator, createCertificate } from '../../../src/emulator/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { until } from '../http2/raw-client.ts';
import { DEVICE, start } from './stage.ts';

const MINUTE = 60_000;

test('a provider token is good for an hour; an older one is expired', async (t) => {
  const clock = new ManualClock();
  const { open, token } = await start(t, {}, { clock });
  const { push } = open();
  const authorization = token();
  t.is((await push(DEVICE, { authorization })).status, 200);
  await clock.advance(60 * MINUTE);
  t.is((await push(DEVICE, { authorization })).status, 200);
  await clock.advance(1);
  const { status, json } = await push(DEVICE, { authorization });
  t.is(status, 403);
  t.deepEqual(json, { reason: 'ExpiredProviderToken' });
  t.is((await push(DEVICE, { authorization: token() })).status, 200);
});

test('a new token every 20 minutes at most, on one connection', async (t) => {
  const clock = new ManualClock();
  const { open, token } = await start(t, {}, { clock });
  const { push } = open();
  const first = token();
  t.is((await push(DEVICE, { authorization: first })).status, 200);
  await clock.advance(20 * MINUTE - 1_000);
  const second = token();
  const early = await push(DEVICE, { authorization: second });
  t.is(early.status, 429);
  t.deepEqual(early.json, { reason: 'TooManyProviderTokenUpdates' });
  t.is((await push(DEVICE, { authorization: first })).status, 200, 'the one before is good still');
  t.is((await open().push(DEVICE, { authorization: second })).status, 200, 'as it is elsewhere');
  await clock.advance(1_000);
  const third = token();
  t.is((await push(DEVICE, { authorization: third })).status, 200);
  const other = open();
  t.is((await other.push(DEVICE, { authorization: first })).status, 200);
  t.is((await other.push(DEVICE, { authorization: third })).status, 200, 'a young connection, but no early update');
});

test('the bound on new tokens can be lifted', async (t) => {
  const { open, token } = await start(t, { token_update_interval: 0 });
  const { push } = open();
  for (let i = 0; i < 3; i++) t.is((await push(DEVICE, { authorization: token({ n: i }) })).status, 200);
});

test('one team and one key for each connection', async (t) => {
  const { open, token, emulator, control } = await start(t, { token_update_interval: 0 });
  const sibling = control.addKey(emulator.credentials.team_id);
  const stranger = control.addKey();
  const { push } = open();
  t.is((await push()).status, 200);
  for (const [key, reason] of [
    [sibling, 'UnrelatedKeyIdInToken'],
    [stranger, 'InvalidProviderToken'],
  ] as const) {
    const { status, json } = await push(DEVICE, { authorization: token({}, key) });
    t.is(status, 403);
    t.deepEqual(json, { reason });
    t.is((await open().push(DEVICE, { authorization: token({}, key) })).status, 200, 'a connection of its own');
  }
});

test('tokens that are none of ours', async (t) => {
  const { open, token, emulator, control } = await start(t);
  const foreign = createApnsEmulator().credentials;
  const { key_id, team_id } = emulator.credentials;
  const other = control.addKey();
  const now = Math.floor(Date.now() / 1_000);
  for (const authorization of [
    'bearer nonsense',
    'bearer a.b.c',
    token().replace('bearer ', 'basic '),
    `${token().slice(0, -6)}AAAAAA`,
    token({}, foreign),
    token({}, { ...foreign, key_id, team_id }),
    token({ iss: other.team_id }),
    token({ iat: String(now) }),
    token({ iat: now + 600 }),
    token({}, undefined, { alg: 'none' }),
  ]) {
    const { status, json } = await open().push(DEVICE, { authorization });
    t.is(status, 403, authorization);
    t.deepEqual(json, { reason: 'InvalidProviderToken' }, authorization);
  }
  const missing = await open().push(DEVICE, { authorization: undefined });
  t.like(missing, { status: 403, json: { reason: 'MissingProviderToken' } });
});

test('a certificate instead of tokens: no bound on streams, and the topic is its own', async (t) => {
  const { open, emulator } = await start(t);
  const { client, push } = open({ ...emulator.credentials.certificate });
  const { status } = await push(DEVICE, { authorization: undefined, 'apns-topic': undefined });
  t.is(status, 200);
  t.deepEqual(client.limits, [1_000]);
});

test('a certificate of another authority is refused in words', async (t) => {
  const now = Date.now();
  const { cert, key } = createCertificate({
    names: ['com.example.app'],
    notBefore: new Date(now - 1_000_000),
    notAfter: new Date(now + 1_000_000),
    usage: 'client',
  });
  const { open } = await start(t);
  const { status, json } = await open({ cert, key }).push();
  t.is(status, 403);
  t.deepEqual(json, { reason: 'BadCertificate' });
});

test('with tokens there is one stream until the first push, then a thousand', async (t) => {
  const { open, control } = await start(t);
  const { client, push } = open();
  t.is((await push('BadDeviceToken')).status, 400);
  t.deepEqual(client.limits, [1]);
  t.is((await push()).status, 200);
  await until(() => client.limits.length === 2);
  t.deepEqual(client.limits, [1, 1_000]);
  t.is(control.connections()[0]?.limit, 1_000);
});

test('the key and the certificate are written where they are wanted, for the owner alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-apns-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const key_file = join(folder, 'AuthKey.p8');
  const client_certificate_file = join(folder, 'client.pem');
  const { emulator } = await start(t, {
    key_file,
    client_certificate_file,
    key_id: 'KEY1234567',
    team_id: 'TEAM123456',
  });
  const { key, key_id, team_id, certificate } = emulator.credentials;
  t.is(readFileSync(key_file, 'utf8'), key);
  t.regex(key, /^-----BEGIN PRIVATE KEY-----/);
  t.deepEqual([key_id, team_id], ['KEY1234567', 'TEAM123456']);
  t.is(readFileSync(client_certificate_file, 'utf8'), certificate.cert + certificate.key);
  t.is(statSync(key_file).mode & 0o777, 0o600);
  t.regex(createApnsEmulator().credentials.key_id, /^[A-Z0-9]{10}$/);
  t.throws(() => createApnsEmulator({ key_id: 'short' }));
});

test('an emulator that is given its key is the same one after a restart', (t) => {
  const ids = { key_id: 'KEY1234567', team_id: 'TEAM123456' };
  const { key } = createApnsEmulator(ids).credentials;
  t.like(createApnsEmulator(ids, { providerKey: key }).credentials, { ...ids, key });
  t.not(createApnsEmulator(ids).credentials.key, key);
});

test('only HTTP/2', async (t) => {
  const { emulator } = await start(t);
  const code = await fetch(`https://localhost:${emulator.port}/`).catch((error) => error.cause?.code);
  t.truthy(code);
});
