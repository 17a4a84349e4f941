import { createHmac } from 'node:crypto';
import test from 'ava';
import { ManualClock } from '../../../src/lib/clock.ts';
import { cryptoKey, isVapidKey, readAuthorization, VapidVerifier } from '../../../src/protocols/webpush/index.ts';
import { signer, token } from './keys.ts';

const audience = 'https://push.example.net';
const alice = signer();
const bob = signer();
const JWT = 'aaa.bbb.ccc';

const read = (authorization: string | readonly string[], crypto: readonly string[] = []) =>
  readAuthorization((name) =>
    name === 'crypto-key' ? crypto : name === 'authorization' ? [authorization].flat() : [],
  );

test('the scheme of RFC 8292, with whatever else is said', (t) => {
  const good = { token: JWT, key: alice.key };
  for (const value of [
    `vapid t=${JWT}, k=${alice.key}`,
    `vapid k=${alice.key},t=${JWT}`,
    `VAPID  T=${JWT} , K=${alice.key}`,
    `vapid t="${JWT}", k="${alice.key}"`,
    `vapid t=${JWT}, k=${alice.key}=`,
    `vapid t=${JWT}, x=1, k=${alice.key}, y="z"`,
  ]) {
    t.deepEqual(read(value), good, value);
  }
});

test('the scheme of the drafts, with the key in Crypto-Key', (t) => {
  const good = { token: JWT, key: alice.key };
  for (const crypto of [
    `p256ecdsa=${alice.key}`,
    `dh=${bob.key};p256ecdsa=${alice.key}`,
    `keyid=p256dh;dh=${bob.key},p256ecdsa="${alice.key}"`,
  ]) {
    t.deepEqual(read(`WebPush ${JWT}`, [crypto]), good, crypto);
  }
  t.is(read(`WebPush ${JWT}`), 'malformed');
  t.is(read(`WebPush ${JWT}`, [`dh=${bob.key}`]), 'malformed');
  t.is(cryptoKey([`dh=${bob.key};p256ecdsa=${alice.key}`], 'dh'), bob.key);
  t.is(cryptoKey(['dh=a', 'dh=b'], 'dh'), undefined);
});

test('who does not mean to sign has not signed', (t) => {
  t.is(read([]), undefined);
  for (const value of ['', 'Basic abc', 'Bearer x.y.z', 'key=legacy']) t.is(read(value), undefined, value);
});

test('a signature that lacks something, or has it twice, is malformed', (t) => {
  const { key } = alice;
  for (const value of [
    'vapid',
    `vapid t=${JWT}`,
    `vapid k=${key}`,
    `vapid t=${JWT}, t=${JWT}, k=${key}`,
    `vapid t=${JWT} k=${key}`,
    `vapid t=${JWT}, k=${key}, `,
    `vapid t=aaa.bbb, k=${key}`,
    `vapid t=a.b.c.d, k=${key}`,
    `vapid t=${JWT}, k=${key.slice(1)}`,
    `vapid t=${JWT}, k=${key}A`,
    `vapid t=${JWT}, k=`,
  ]) {
    t.is(read(value), 'malformed', value);
  }
  t.is(read([`vapid t=${JWT}, k=${key}`, `vapid t=${JWT}, k=${key}`]), 'malformed');
});

test('a key is a point of P-256 in its one spelling', (t) => {
  t.true(isVapidKey(alice.key));
  const point = Buffer.from(alice.key, 'base64url');
  const changed = (at: number, by: number) => {
    const copy = Buffer.from(point);
    copy[at] = (copy[at] ?? 0) ^ by;
    return copy.toString('base64url');
  };
  const last = alice.key.at(-1) ?? '';
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = alphabet[alphabet.indexOf(last) ^ 1] ?? '';
  for (const [name, key] of Object.entries({
    empty: '',
    compressed: Buffer.concat([Buffer.of(2), point.subarray(1, 33)]).toString('base64url'),
    'not a point': changed(64, 1),
    'another form': changed(0, 1),
    'unused bits': `${alice.key.slice(0, -1)}${other}`,
    padded: `${alice.key}=`,
    'standard base64': `${alice.key.slice(0, 86)}+`,
  })) {
    t.false(isVapidKey(key), name);
  }
});

/** A verifier whose time is the test's, in seconds. */
function bench() {
  const clock = new ManualClock();
  const now = clock.now() / 1_000;
  return { clock, now, verifier: new VapidVerifier({ audience, clock }) };
}

test('a good signature is good, again and again, until it ends', async (t) => {
  const { clock, now, verifier } = bench();
  const jwt = token(alice, { aud: audience, exp: now + 3_600, sub: 'mailto:a@example.net' });
  const shown = { token: jwt, key: alice.key };
  t.is(await verifier.problem(shown), undefined);
  t.is(await verifier.problem(shown), undefined);
  await clock.advance(3_600_000 + 299_000);
  t.is(await verifier.problem(shown), undefined, 'clocks differ');
  await clock.advance(1_000);
  t.is(await verifier.problem(shown), 'exp is over');
});

test('what was good for one key is not for another', async (t) => {
  const { now, verifier } = bench();
  const jwt = token(alice, { aud: audience, exp: now + 3_600 });
  t.is(await verifier.problem({ token: jwt, key: alice.key }), undefined);
  t.is(await verifier.problem({ token: jwt, key: bob.key }), 'it is not signed with the key k');
});

test('claims and signatures, one by one', async (t) => {
  const { now, verifier } = bench();
  const claims = { aud: audience, exp: now + 60 };
  const header = { typ: 'JWT', alg: 'ES256' };
  const hs256 = (() => {
    const [head, body] = token(alice, claims, { alg: 'HS256' }).split('.');
    const mac = createHmac('sha256', Buffer.from(alice.key, 'base64url')).update(`${head}.${body}`);
    return `${head}.${body}.${mac.digest('base64url')}`;
  })();
  const good = token(alice, claims);
  const cases: readonly [string, string, string | undefined][] = [
    ['no sub', good, undefined],
    ['no typ', token(alice, claims, { alg: 'ES256' }), undefined],
    ['24 hours', token(alice, { ...claims, exp: now + 86_400 }), undefined],
    ['24 hours by a clock ahead', token(alice, { ...claims, exp: now + 86_400 + 300 }), undefined],
    ['more', token(alice, { ...claims, exp: now + 86_400 + 301 }), 'exp is more than 24 hours away'],
    ['over', token(alice, { ...claims, exp: now - 301 }), 'exp is over'],
    ['no exp', token(alice, { aud: audience }), 'exp is not good'],
    ['a text', token(alice, { ...claims, exp: String(now + 60) }), 'exp is not good'],
    ['no aud', token(alice, { exp: now + 60 }), `aud must be ${audience}`],
    ['another aud', token(alice, { ...claims, aud: 'https://push.example.org' }), `aud must be ${audience}`],
    ['an endpoint', token(alice, { ...claims, aud: `${audience}/push/x` }), `aud must be ${audience}`],
    ['not yet', token(alice, { ...claims, nbf: now + 600 }), 'nbf is not good'],
    ['by another', token(bob, claims), 'it is not signed with the key k'],
    ['changed', `${good.slice(0, -4)}AAAA`, 'it is not signed with the key k'],
    [
      'none',
      `${token(alice, claims, { alg: 'none' }).split('.').slice(0, 2).join('.')}.AA`,
      'it is no JWT signed with ES256',
    ],
    ['HS256 with the public key', hs256, 'it is no JWT signed with ES256'],
    ['ES384', token(alice, claims, { ...header, alg: 'ES384' }), 'it is no JWT signed with ES256'],
    ['critical', token(alice, claims, { ...header, crit: ['x'], x: 1 }), 'it is no JWT signed with ES256'],
    ['no JSON', 'aaa.bbb.ccc', 'it is no JWT signed with ES256'],
  ];
  for (const [name, jwt, expected] of cases) {
    t.is(await verifier.problem({ token: jwt, key: alice.key }), expected, name);
  }
  t.is(await verifier.problem({ token: good, key: 'BAAA' }), 'k is no key of P-256');
});
