import test from 'ava';
import { apnsOptions } from '../../../src/providers/apns/index.ts';

const token = { key: 'key.p8', key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ', topic: 'com.example.app' };
const certificate = { certificate: 'cert.pem' };

/** Wrong keys with what is said about them; empty if all is well. */
function wrong(given: object): Record<string, string> {
  const { error } = apnsOptions.safeParse(given);
  return Object.fromEntries((error?.issues ?? []).map(({ path, message }) => [path.join('.'), message]));
}

test('defaults', (t) => {
  t.deepEqual(apnsOptions.parse(token), {
    ...token,
    environment: 'production',
    token_age: 3_000_000,
    connections: { min: 1, max: 10, streams: 1_000, idle: 300_000, max_age: 43_200_000 },
    connect_timeout: 10_000,
    deadline: 15_000,
    ping_interval: 60_000,
    delivery_receipts: 'ignore',
    max_payload_bytes: 4_096,
    max_voip_bytes: 5_120,
  });
});

test('exactly one way to authenticate, and complete', (t) => {
  t.deepEqual(wrong(token), {});
  t.deepEqual(wrong(certificate), {});
  t.deepEqual(wrong({ ...certificate, certificate_key: 'k.pem', passphrase: 'p', topic: 'a' }), {});
  t.deepEqual(wrong({}), { key: 'is required, or certificate in its place' });
  t.deepEqual(wrong({ ...token, ...certificate }), { certificate: 'not beside key: one of the two' });
  t.deepEqual(wrong({ key: 'key.p8' }), {
    topic: 'is required with key',
    key_id: 'is required with key',
    team_id: 'is required with key',
  });
  t.deepEqual(wrong({ ...certificate, key_id: 'ABC123DEFG', team_id: 'ABC123DEFG' }), {
    key_id: 'only beside key',
    team_id: 'only beside key',
  });
  t.deepEqual(wrong({ ...token, certificate_key: 'k', passphrase: 'p' }), {
    certificate_key: 'only beside certificate',
    passphrase: 'only beside certificate',
  });
});

test('bounds: at the limit and one past it', (t) => {
  const ok = (more: object) => Object.keys(wrong({ ...token, ...more })).length === 0;
  t.true(ok({ token_age: '20m' }));
  t.true(ok({ token_age: '55m' }));
  t.false(ok({ token_age: '1199s' }));
  t.false(ok({ token_age: '3301s' }));
  t.false(ok({ key_id: 'ABC123DEF' }));
  t.false(ok({ key_id: 'ABC123DEFGH' }));
  t.false(ok({ key_id: 'abc123defg' }));
  t.false(ok({ team_id: 'ABC 23DEFG' }));
  t.true(ok({ topic: 'x'.repeat(255) }));
  t.false(ok({ topic: 'x'.repeat(256) }));
  t.false(ok({ topic: 'a b' }));
  t.true(ok({ connections: { min: 100, max: 100, streams: 10_000 } }));
  t.false(ok({ connections: { max: 101 } }));
  t.false(ok({ connections: { streams: 10_001 } }));
  t.false(ok({ connections: { min: 0 } }));
  t.deepEqual(wrong({ ...token, connections: { min: 3, max: 2 } }), { 'connections.min': 'must not be more than max' });
  t.false(ok({ environment: 'staging' }));
  t.false(ok({ delivery_receipts: 'yes' }));
  t.false(ok({ unknown: 1 }));
});

test('url: an origin, with TLS', (t) => {
  const ok = (url: string) => Object.keys(wrong({ ...token, url })).length === 0;
  for (const url of ['https://api.push.apple.com', 'https://127.0.0.1:2197', 'https://[::1]:443']) t.true(ok(url), url);
  for (const url of [
    'http://a',
    'https://a/',
    'https://a/b',
    'https://a?b',
    'https://u@a',
    'https://',
    'a:1',
    'https://a:x',
  ]) {
    t.false(ok(url), url);
  }
});

test('every option says what it is for', (t) => {
  for (const [name, field] of Object.entries(apnsOptions.shape)) t.truthy(field.description, name);
});
