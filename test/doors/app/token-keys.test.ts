import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import test from 'ava';
import { readTokenKeys } from '../../../src/doors/app/index.ts';
import type { TokenAlgorithm } from '../../../src/doors/app/options.ts';
import { cert } from '../../client/tls-fixture.ts';
import { ec, jwk, pkcs8, rsa, spki } from './tokens.ts';

const RS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const HS: TokenAlgorithm[] = ['HS256', 'HS384', 'HS512'];
const EDDSA = ['EdDSA', 'Ed25519'];
const algorithms = (text: string, wanted?: readonly TokenAlgorithm[]) =>
  readTokenKeys(text, wanted).map((key) => key.algorithms);

const rsaKey = rsa();
const ed = generateKeyPairSync('ed25519');
const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2_048 });
const secret = (bytes: number) => randomBytes(bytes / 2).toString('hex');
const oct = (bytes: number) => JSON.stringify({ kty: 'oct', k: randomBytes(bytes).toString('base64url') });

test('what a key may check follows from its kind', (t) => {
  const cases: [string, readonly string[]][] = [
    [spki(rsaKey.publicKey), RS],
    [spki(pss.publicKey), ['PS256', 'PS384', 'PS512']],
    [spki(ec('P-256').publicKey), ['ES256']],
    [spki(ec('P-384').publicKey), ['ES384']],
    [spki(ec('P-521').publicKey), ['ES512']],
    [spki(ed.publicKey), EDDSA],
    [cert, ['ES256']],
    [`\n ${spki(ed.publicKey)}\n\n`, EDDSA],
    [JSON.stringify(jwk(rsaKey.publicKey)), RS],
    [JSON.stringify(jwk(rsaKey.publicKey, { alg: 'RS512' })), ['RS512']],
    [JSON.stringify(jwk(ec().publicKey)), ['ES256']],
    [oct(32), ['HS256']],
    [oct(64), HS],
  ];
  for (const [text, expected] of cases) t.deepEqual(algorithms(text), [expected], text);
});

test('the configuration may take less, and a shared secret only where it says so', (t) => {
  t.deepEqual(algorithms(spki(rsaKey.publicKey), ['RS256', 'ES256']), [['RS256']]);
  t.deepEqual(algorithms(`${secret(32)}\n`, ['HS256']), [['HS256']]);
  t.deepEqual(algorithms(secret(64), HS), [HS]);
  t.deepEqual(algorithms(secret(48), HS), [['HS256', 'HS384']]);
});

test('a set of keys: each with its kid, what is not for signatures or not known is passed over', (t) => {
  const [one, two] = [ec(), ec()];
  const set = {
    keys: [
      jwk(one.publicKey, { kid: '1' }),
      jwk(two.publicKey, { kid: '2', use: 'sig' }),
      jwk(rsaKey.publicKey, { use: 'enc' }),
      { kty: 'new' },
      'junk',
    ],
  };
  const keys = readTokenKeys(JSON.stringify(set));
  t.deepEqual(
    keys.map(({ kid, key, algorithms: able }) => [kid, spki(key), able]),
    [
      ['1', spki(one.publicKey), ['ES256']],
      ['2', spki(two.publicKey), ['ES256']],
    ],
  );
  const alone = { keys: [jwk(one.publicKey)] };
  t.is(readTokenKeys(JSON.stringify(alone))[0]?.kid, undefined);
});

test('what is no key that tokens can be checked with is refused, in words that hold nothing of it', (t) => {
  const pem = spki(rsaKey.publicKey);
  const set = (...keys: unknown[]) => JSON.stringify({ keys });
  const one = jwk(ec().publicKey);
  const weak = /strong enough/;
  const noKey = /^can not be parsed as a key$/;
  const cases: [string, readonly TokenAlgorithm[] | undefined, RegExp][] = [
    ['', undefined, /is no PEM, JWK or JWKS/],
    ['', ['HS256'], weak],
    [secret(64), undefined, /`algorithms` must name HS256/],
    [secret(64), ['HS256', 'RS256'], /`algorithms` must name HS256/],
    ['ssh-rsa AAAA', undefined, /is no PEM/],
    [secret(30), ['HS256'], weak],
    [secret(46), ['HS384'], /^checks HS256, none of which `algorithms` names$/],
    [pem, ['HS256'], /^checks RS256, .*none of which/],
    [pem, ['ES256'], /none of which/],
    [pkcs8(rsaKey.privateKey), undefined, /is a private key/],
    [pkcs8(ec().privateKey).replace('PRIVATE', 'EC PRIVATE'), undefined, /is a private key/],
    ['-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', undefined, noKey],
    [pem.slice(0, -60), undefined, noKey],
    [spki(rsa(1_024).publicKey), undefined, weak],
    [spki(ec('secp256k1').publicKey), undefined, weak],
    [spki(generateKeyPairSync('x25519').publicKey), undefined, weak],
    ['{', undefined, noKey],
    ['{}', undefined, /neither a JWK nor a JWKS/],
    ['{"kty":"RSA","n":5}', undefined, noKey],
    ['{"kty":"oct"}', undefined, weak],
    [oct(31), undefined, weak],
    [JSON.stringify(jwk(rsaKey.privateKey)), undefined, /holds a private key/],
    [JSON.stringify(jwk(rsaKey.publicKey, { alg: 'none' })), undefined, weak],
    [set(), undefined, /1 to 100 keys/],
    [JSON.stringify({ keys: 'x' }), undefined, /1 to 100 keys/],
    [set(...Array.from({ length: 101 }, () => one)), undefined, /1 to 100 keys/],
    [set(one, one), undefined, /`kid` of its own/],
    [set({ ...one, kid: 'a' }, { ...one, kid: 'a' }), undefined, /`kid` of its own/],
    [set({ kty: 'new' }), undefined, weak],
    [set({ ...one, kid: 'a' }, { ...one, d: 'x', kid: 'b' }), undefined, /private key/],
  ];
  for (const [text, wanted, message] of cases) {
    const error = t.throws(() => readTokenKeys(text, wanted), { message }, `${text} ${wanted}`);
    if (text.length > 50) t.false(error?.message.includes(text.slice(30, 50)));
  }
});

test('a key of a file is the key of the file', (t) => {
  const text = secret(32);
  t.true(readTokenKeys(text, ['HS256'])[0]?.key.equals(createSecretKey(Buffer.from(text))));
});
