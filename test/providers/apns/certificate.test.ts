import { execFileSync } from 'node:child_process';
import test from 'ava';
import { ConfigError, loadConfig } from '../../../src/config/index.ts';
import { noTelemetry } from '../../../src/core/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { apnsOptions, apnsProblems, createApnsProvider } from '../../../src/providers/apns/index.ts';
import { clientCertificate, encryptedKey, pkcs12 } from './client-certificate.ts';
import { file, signingKey } from './credentials-fixture.ts';

const DAY_MS = 86_400_000;
const now = Date.now();
const mine = clientCertificate({ notBefore: now - DAY_MS, notAfter: now + DAY_MS });
const other = clientCertificate({ notBefore: now - DAY_MS, notAfter: now + DAY_MS });
const token = { key_id: 'ABC123DEFG', team_id: 'DEF123GHIJ', topic: 'com.example.app' };

/** What `check` says, as `option: words`. */
function problems(given: object, at = now): string[] {
  return [...apnsProblems(apnsOptions.parse(given), at)].map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('a certificate and its key, in one file or in two, with a passphrase or without', (t) => {
  const locked = encryptedKey(mine.key, 'sesame');
  t.deepEqual(problems({ certificate: file(mine.cert), certificate_key: file(mine.key) }), []);
  t.deepEqual(problems({ certificate: file(mine.cert + mine.key) }), []);
  t.deepEqual(problems({ certificate: file(mine.key + mine.cert) }), []);
  t.deepEqual(problems({ certificate: file(mine.cert + locked), passphrase: 'sesame' }), []);
});

test('a .p12 file with the right passphrase', (t) => {
  t.deepEqual(problems({ certificate: file(pkcs12(mine, 'sesame')), passphrase: 'sesame' }), []);
});

test('a .p12 file as openssl makes it', (t) => {
  let made: Buffer;
  try {
    const args = ['pkcs12', '-export', '-in', file(mine.cert + mine.key), '-passout', 'pass:sesame'];
    made = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    t.pass('no openssl here; the file of the test above is made by hand');
    return;
  }
  t.deepEqual(problems({ certificate: file(made), passphrase: 'sesame' }), []);
  t.deepEqual(problems({ certificate: file(made), passphrase: 'wrong' }), ['passphrase: does not open the .p12 file']);
});

const locked = encryptedKey(mine.key, 'sesame');
const p12 = file(pkcs12(mine, 'sesame'));
const old = clientCertificate({ notBefore: now - 3 * DAY_MS, notAfter: now - DAY_MS });
const young = clientCertificate({ notBefore: now + DAY_MS, notAfter: now + 2 * DAY_MS });
const weak = clientCertificate({ notBefore: now - DAY_MS, notAfter: now + DAY_MS }, 'weak', 'P-192');
const day = (offset: number) => new Date(Math.floor((now + offset) / 1_000) * 1_000).toISOString();

const rows: readonly (readonly [name: string, options: object, problem: RegExp | string])[] = [
  ['no such file', { certificate: '/nonexistent/cert.pem' }, /^certificate: can not be read: ENOENT/],
  [
    'no such key',
    { certificate: file(mine.cert), certificate_key: '/nonexistent' },
    /^certificate_key: can not be read/,
  ],
  ['no key at all', { certificate: file(mine.cert) }, 'certificate: has no private key'],
  [
    'the key of another',
    { certificate: file(mine.cert), certificate_key: file(other.key) },
    'certificate_key: is not the key of the certificate',
  ],
  [
    'the key of another in the same file',
    { certificate: file(mine.cert + other.key) },
    'certificate: is not the key of the certificate',
  ],
  ['no certificate', { certificate: file(mine.key) }, 'certificate: has no readable certificate in PEM'],
  [
    'half a key',
    {
      certificate: file(mine.cert),
      certificate_key: file('-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n'),
    },
    /^certificate_key: has no readable private key: /,
  ],
  [
    'a key that is no key',
    { certificate: file(mine.cert), certificate_key: file('hello') },
    'certificate_key: has no private key',
  ],
  ['a locked key', { certificate: file(mine.cert + locked) }, 'passphrase: is needed to open the key'],
  [
    'a wrong passphrase',
    { certificate: file(mine.cert + locked), passphrase: 'wrong' },
    'passphrase: does not open the key',
  ],
  ['a locked .p12 file', { certificate: p12 }, 'passphrase: is needed to open the .p12 file'],
  ['a wrong passphrase for it', { certificate: p12, passphrase: 'wrong' }, 'passphrase: does not open the .p12 file'],
  [
    'a key beside it',
    { certificate: p12, certificate_key: file(mine.key), passphrase: 'sesame' },
    /^certificate_key: not beside a \.p12 file/,
  ],
  [
    'no certificate of any kind',
    { certificate: file('hello') },
    /^certificate: is neither PEM nor a readable \.p12 file: /,
  ],
  [
    'a broken certificate after the first',
    { certificate: file(`${mine.cert}${mine.key}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`) },
    /^certificate: can not be used for TLS: /,
  ],
  [
    'a key that TLS finds too weak',
    { certificate: file(weak.cert + weak.key) },
    /^certificate: can not be used for TLS: /,
  ],
  ['an empty file', { certificate: file('') }, /^certificate: is neither PEM nor a readable \.p12 file: /],
  ['expired', { certificate: file(old.cert + old.key) }, `certificate: expired on ${day(-DAY_MS)}`],
  ['not yet valid', { certificate: file(young.cert + young.key) }, `certificate: is not valid before ${day(DAY_MS)}`],
  ['a signing key that is none', { ...token, key: file('hello') }, 'key: is no PKCS#8 key in PEM, as .p8 files are'],
  [
    'an authority that is none',
    { certificate: p12, passphrase: 'sesame', ca: file('hello') },
    'ca: has no readable certificate in PEM',
  ],
  ['no authority', { certificate: p12, passphrase: 'sesame', ca: '/nonexistent' }, /^ca: can not be read: ENOENT/],
  ['no signing key', { ...token, key: '/nonexistent' }, /^key: can not be read: ENOENT/],
];

for (const [name, options, problem] of rows) {
  test(`check: ${name}`, (t) => {
    const found = problems(options);
    t.is(found.length, 1);
    if (typeof problem === 'string') t.is(found[0], problem);
    else t.regex(found[0] ?? '', problem);
    t.notRegex(found.join(), /sesame|wrong'/);
  });
}

test('check: a signing key', (t) => {
  t.deepEqual(problems({ ...token, key: signingKey().path }), []);
});

test('a certificate is valid until its last moment', (t) => {
  const certificate = file(old.cert + old.key);
  const end = Date.parse(day(-DAY_MS));
  t.deepEqual(problems({ certificate }, end - 1), []);
  t.is(problems({ certificate }, end).length, 1);
});

test('the configuration names key and place of what is wrong', (t) => {
  const text = `sessions:
  - id: com.example.app
    secret: sesame
providers:
  apple:
    type: apns
    topic: com.example.app
    key_id: ABC123DEFG
    team_id: DEF123GHIJ
    key: ${file('hello')}
`;
  t.notThrows(() => loadConfig({ text, name: 'f' }));
  const error = t.throws(() => loadConfig({ text, name: 'f' }, { files: true }), { instanceOf: ConfigError });
  t.is(error?.message, 'f:10:10 providers.apple.key: is no PKCS#8 key in PEM, as .p8 files are');
});

test('a start with such a file fails, and says which', async (t) => {
  const options = apnsOptions.parse({ ...token, key: file('hello') });
  const provider = createApnsProvider({
    name: 'apple',
    options,
    clock: systemClock,
    wall: systemClock,
    random: Math.random,
    log: silentLog,
    telemetry: noTelemetry,
  });
  await t.throwsAsync(provider.start({ upstream: async () => {}, receipt: async () => {} }), {
    message: 'providers.apple.key: is no PKCS#8 key in PEM, as .p8 files are',
  });
  t.is(provider.room(), 0);
  t.is(provider.health().state, 'down');
  await provider.stop(0);
});
