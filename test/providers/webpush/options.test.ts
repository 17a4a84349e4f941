import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { OptionProblem } from '../../../src/lib/option-problem.ts';
import { checkWebPushFiles, webpushOptions } from '../../../src/providers/webpush/index.ts';
import { readVapidKey } from '../../../src/providers/webpush/vapid.ts';
import { stage } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'pushbridge-webpush-options-'));
test.after.always(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string): string {
  const path = join(folder, `${files++}`);
  writeFileSync(path, text);
  return path;
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const subject = 'mailto:operator@push.example';

test('everything has a default', (t) => {
  t.like(webpushOptions.parse({}), {
    allow: [],
    allow_http: false,
    allow_unencrypted: false,
    connections: { per_origin: 100, max: 1_000, idle: 30_000 },
    connect_timeout: 10_000,
    deadline: 15_000,
    encryption_threads: 2,
    max_payload_bytes: 3_993,
  });
});

const wrong: readonly (readonly [options: object, path: string])[] = [
  [{ vapid: { subject: 'operator@push.example', key: 'a' } }, 'vapid.subject'],
  [{ vapid: { subject: 'mailto:nobody', key: 'a' } }, 'vapid.subject'],
  [{ vapid: { subject: 'http://push.example', key: 'a' } }, 'vapid.subject'],
  [{ vapid: { subject: 'https://push example', key: 'a' } }, 'vapid.subject'],
  [{ vapid: { subject } }, 'vapid.key'],
  [{ allow: ['https://push.example'] }, 'allow.0'],
  [{ allow: ['10.0.0.0/33'] }, 'allow.0'],
  [{ connections: { per_origin: 11, max: 10 } }, 'connections.per_origin'],
  [{ max_payload_bytes: 3_994 }, 'max_payload_bytes'],
  [{ encryption_threads: 0 }, 'encryption_threads'],
  [{ proxy: 'x' }, ''],
];
for (const [options, path] of wrong) {
  test(`not taken: ${JSON.stringify(options)}`, (t) => {
    const { error } = webpushOptions.safeParse(options);
    t.deepEqual(
      error?.issues.map((issue) => issue.path.join('.')),
      [path],
    );
  });
}

test('the subject may be an address or a page', (t) => {
  for (const good of [subject, 'https://push.example/contact']) {
    t.true(webpushOptions.safeParse({ vapid: { subject: good, key: 'a' } }).success);
  }
});

test('a key may be PEM, old or new, or JWK; its public half is what browsers want', (t) => {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const point = `04${Buffer.from(x, 'base64url').toString('hex')}${Buffer.from(y, 'base64url').toString('hex')}`;
  const jwk = JSON.stringify(privateKey.export({ format: 'jwk' }));
  for (const text of [pkcs8, privateKey.export({ type: 'sec1', format: 'pem' }).toString(), jwk, `\n${jwk}\n`]) {
    const read = readVapidKey(text);
    t.is(Buffer.from(read.publicKey, 'base64url').toString('hex'), point);
    t.is(read.publicKey.length, 87);
  }
});

const p384 = generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
const ed = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
const unfit: readonly (readonly [what: string, text: string, because: string])[] = [
  ['nothing', '', 'is no readable private key, neither PEM nor JWK'],
  [
    'a public key',
    publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    'is no readable private key, neither PEM nor JWK',
  ],
  [
    'a public JWK',
    JSON.stringify(publicKey.export({ format: 'jwk' })),
    'is no readable private key, neither PEM nor JWK',
  ],
  ['half a JWK', '{"kty":"EC"', 'is no readable private key, neither PEM nor JWK'],
  ['a key of another curve', p384.toString(), 'must be an EC key on the curve P-256, not secp384r1'],
  ['a key of another kind', ed.toString(), 'must be an EC key on the curve P-256, not ed25519'],
];
for (const [what, text, because] of unfit) {
  test(`${what} is no key: check says so, and nothing starts`, async (t) => {
    const vapid = { subject, key: file(text) };
    t.deepEqual([...checkWebPushFiles({ vapid })], [{ path: ['vapid', 'key'], message: because }]);
    const { provider } = await stage(t, { options: { vapid }, start: false });
    await t.throwsAsync(provider.start({ upstream: async () => {}, receipt: async () => {} }), {
      instanceOf: OptionProblem,
      message: `providers.webpush.vapid.key: ${because}`,
    });
  });
}

test('files that are not there or hold no certificate are found', (t) => {
  t.deepEqual([...checkWebPushFiles({ vapid: { subject, key: file(pkcs8) } })], []);
  const problems = [...checkWebPushFiles({ vapid: { subject, key: join(folder, 'none') }, ca: file('no') })];
  t.deepEqual(
    problems.map(({ path }) => path.join('.')),
    ['vapid.key', 'ca'],
  );
});

test('every option says what it is for', (t) => {
  const { shape } = webpushOptions;
  for (const [name, field] of Object.entries(shape)) t.truthy(field.description, name);
});
