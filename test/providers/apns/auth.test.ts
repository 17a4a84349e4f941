import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import test from 'ava';
import { jwtVerify } from 'jose';
import { ManualClock } from '../../../src/lib/clock.ts';
import { ProviderToken, readSigningKey } from '../../../src/providers/apns/auth.ts';

const MINUTE_MS = 60_000;
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function setUp(ageMs = 50 * MINUTE_MS) {
  const clock = new ManualClock();
  const token = new ProviderToken({
    clock,
    wall: clock,
    key: privateKey,
    keyId: 'ABC123DEFG',
    teamId: 'DEF123GHIJ',
    ageMs,
  });
  return { clock, token };
}

const issuedAt = (text: string): number => {
  const claims: unknown = JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());
  return (claims as { iat: number }).iat;
};

test('the token is what Apple asks for, and others can verify it', async (t) => {
  const { clock, token } = setUp();
  const text = token.current();
  const { payload, protectedHeader } = await jwtVerify(text, publicKey, { currentDate: new Date(clock.now()) });
  t.deepEqual(protectedHeader, { alg: 'ES256', kid: 'ABC123DEFG' });
  t.deepEqual(payload, { iss: 'DEF123GHIJ', iat: Math.floor(clock.now() / 1_000) });
  const [header = '', claims = '', signature = ''] = text.split('.');
  const bytes = Buffer.from(signature, 'base64url');
  t.is(bytes.length, 64);
  t.true(verify('sha256', Buffer.from(`${header}.${claims}`), { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes));
});

test('one token for everybody until it is old enough; then another', async (t) => {
  const { clock, token } = setUp();
  t.is(token.ageMs, undefined);
  const first = token.current();
  await clock.advance(50 * MINUTE_MS - 1);
  t.is(token.current(), first);
  t.is(token.ageMs, 50 * MINUTE_MS - 1);
  await clock.advance(1);
  const second = token.current();
  t.not(second, first);
  t.is(issuedAt(second) - issuedAt(first), 50 * 60);
  t.is(token.ageMs, 0);
});

test('refused as expired: a new one after 20 minutes, none before', async (t) => {
  const { clock, token } = setUp();
  const first = token.current();
  await clock.advance(20 * MINUTE_MS - 1);
  t.false(token.refused(first));
  t.is(token.current(), first);
  await clock.advance(1);
  t.true(token.refused(first));
  const second = token.current();
  t.not(second, first);
  t.false(token.refused(second));
});

test('many that were refused with one token make one new token', async (t) => {
  const { clock, token } = setUp();
  const first = token.current();
  await clock.advance(30 * MINUTE_MS);
  t.true(token.refused(first));
  const second = token.current();
  for (let n = 0; n < 10; n++) t.true(token.refused(first));
  t.is(token.current(), second);
});

test('a clock that was set since makes a new one before its time, once', (t) => {
  for (const ms of [-3_600_000, -60_000, 60_000]) {
    const { clock, token } = setUp();
    const first = token.current();
    clock.jump(ms);
    t.true(token.refused(first), String(ms));
    t.is(issuedAt(token.current()), issuedAt(first) + ms / 1_000);
    t.false(token.refused(token.current()));
  }
  const { clock, token } = setUp();
  const first = token.current();
  clock.jump(59_000);
  t.false(token.refused(first));
});

test('time that only the wall clock saw, because the machine slept, counts', (t) => {
  const { clock, token } = setUp();
  const first = token.current();
  clock.jump(51 * MINUTE_MS);
  t.not(token.current(), first);
});

const pem = (key: KeyObject, type: 'pkcs8' | 'sec1' | 'pkcs1') =>
  key.export({ type: type as 'pkcs8', format: 'pem' }).toString();

test('the key file: P-256 in PKCS#8, nothing else', (t) => {
  t.is(readSigningKey(pem(privateKey, 'pkcs8')).asymmetricKeyType, 'ec');
  const refused = (text: string) => t.throws(() => readSigningKey(text))?.message ?? '';
  t.is(refused(''), 'is no PKCS#8 key in PEM, as .p8 files are');
  t.is(refused(pem(privateKey, 'sec1')), 'is no PKCS#8 key in PEM, as .p8 files are');
  t.regex(refused('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'), /^is no readable key: /);
  t.is(
    refused(pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'pkcs8')),
    'must be an EC key on the curve P-256, not secp384r1',
  );
  t.is(
    refused(pem(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey, 'pkcs8')),
    'must be an EC key on the curve P-256, not rsa',
  );
});
