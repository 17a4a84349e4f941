import test from 'ava';
import { problemsOf, smallest } from './sample.ts';

const open = smallest.replace('    secret: sesame\n', '');

test('session ids are unique', (t) => {
  const text = smallest.replace('providers:', '  - id: other\n  - id: com.example.app\nproviders:');
  t.deepEqual(problemsOf(text), ['5:9 sessions[2].id: is the id of an earlier session too']);
});

test('providers of a session exist, once each', (t) => {
  const text = smallest.replace('    secret: sesame\n', '    providers: [ccs, css, nothing, ccs]\n');
  t.deepEqual(problemsOf(text), [
    '3:22 sessions[0].providers[1]: no such provider; did you mean ccs?',
    '3:27 sessions[0].providers[2]: no such provider',
    '3:36 sessions[0].providers[3]: stands in this list twice',
  ]);
});

test('a provider that is wrong otherwise still exists', (t) => {
  const text = smallest.replace('    secret: sesame\n', '    providers: [ccs]\n').replace('    server_key: hush\n', '');
  t.deepEqual(problemsOf(text), ['5:3 providers.ccs.server_key: is required']);
});

test('a session without a secret is for loopback, unless it is expressly allowed', (t) => {
  const refusal =
    '2:5 sessions[0]: has no secret although bal.host is reachable from other machines; give it one, or set bal.allow_open_sessions';
  t.deepEqual(problemsOf(open), []);
  for (const host of ['0.0.0.0', '"::"', '192.168.1.5', 'bridge.example']) {
    t.deepEqual(problemsOf(`${open}bal: { host: ${host} }\n`), [refusal], host);
    t.deepEqual(problemsOf(`${open}bal: { host: ${host}, allow_open_sessions: true }\n`), []);
    t.deepEqual(problemsOf(`${smallest}bal: { host: ${host} }\n`), []);
  }
  for (const host of ['127.0.0.2', '"::1"', 'localhost'])
    t.deepEqual(problemsOf(`${open}bal: { host: ${host} }\n`), []);
});

test('lower bounds do not exceed upper ones', (t) => {
  t.deepEqual(problemsOf(`${smallest}    pool: { min: 5, max: 4 }\n`), [
    '8:18 providers.ccs.pool.min: must not be more than max',
  ]);
  t.deepEqual(problemsOf(`${smallest}retry: { base: 2m, cap: 1m }\n`), ['8:16 retry.base: must not exceed retry.cap']);
});

test('names of providers are plain', (t) => {
  t.deepEqual(problemsOf(smallest.replace('  ccs:', '  "a.b":\n    type: ccs')), [
    '5:3 providers."a.b": is no name for a provider: a letter, then at most 62 letters, digits, "_" and "-"',
  ]);
});

test('a hashed secret that can not be used is found', (t) => {
  t.regex(
    problemsOf(smallest.replace('sesame', '"scrypt:1:2"')).join(),
    /^3:13 sessions\[0\]\.secret: must read scrypt:/,
  );
  t.notRegex(problemsOf(smallest.replace('sesame', '"scrypt:1:2:sesame"')).join(), /sesame/);
});

const door = (senders: string, sessions = ''): string =>
  `${sessions || smallest.split('providers:')[0]}providers:${smallest.split('providers:')[1]}doors:
  ccs:
    tls: { cert: server.pem, key: server.key }
    senders:
${senders}`;

test('senders of the CCS door have ids, keys, providers and apps that fit', (t) => {
  const one = '      - { id: "1", key: hush, provider: ccs, apps: [com.a] }\n';
  t.deepEqual(problemsOf(door(one)), []);
  const wrong = (senders: string) => problemsOf(door(senders)).map((problem) => problem.replace(/^\d+:\d+ /, ''));
  t.deepEqual(wrong(one + one.replace('com.a', 'com.b')), [
    'doors.ccs.senders[1].id: is the id of an earlier sender too, or a session is called ccs:1',
  ]);
  t.deepEqual(wrong(one.replace('provider: ccs', 'provider: css')), [
    'doors.ccs.senders[0].provider: no such provider; did you mean ccs?',
  ]);
  t.deepEqual(wrong(one.replace('com.a', 'com.a, com.a')), [
    'doors.ccs.senders[0].apps[1]: is an app of this list or of an earlier sender too',
  ]);
  t.deepEqual(wrong(one + one.replace('"1"', '"2"')), [
    'doors.ccs.senders[1].apps[0]: is an app of this list or of an earlier sender too',
  ]);
  t.deepEqual(wrong(one.replace('com.a', 'com.example.app')), [
    'doors.ccs.senders[0].apps[0]: is the id of a session, which gets its upstream messages',
  ]);
  t.deepEqual(wrong(one.replace('hush', '"scrypt:1:2"')), [
    'doors.ccs.senders[0].key: must read scrypt:N:r:p:SALT:HASH with salt and hash in base64',
  ]);
  t.deepEqual(wrong(one.replace('"1"', '"1@gcm.googleapis.com"')), [
    'doors.ccs.senders[0].id: must be a sender id: no blanks, no "@", no "/"',
  ]);
  t.deepEqual(problemsOf(door(one, 'sessions:\n  - { id: "ccs:1", secret: sesame }\n')).length, 1);
});

test('there is no need for sessions where the CCS door has senders', (t) => {
  const one = '      - { id: "1", key: hush, provider: ccs }\n';
  t.deepEqual(problemsOf(door(one, 'sessions: []\n')), []);
  t.regex(
    problemsOf(door('', 'sessions: []\n').split('doors:')[0] ?? '').join(),
    /sessions: needs at least one session, or doors\.ccs/,
  );
});
