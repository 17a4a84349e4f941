import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { checkFcmFiles } from '../../../src/providers/fcm/index.ts';
import { parseServiceAccount } from '../../../src/providers/fcm/service-account.ts';
import { problemsOf } from '../../config/sample.ts';
import { accountJson, certificate, keys } from './token-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'pushbridge-account-'));
test.after.always(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(text: string): string {
  const file = join(folder, `${++files}.json`);
  writeFileSync(file, text);
  return file;
}

const problems = (text: string, project?: string) => [...checkFcmFiles({ credentials: fileOf(text), project })];

test('a service account as it is downloaded', (t) => {
  const account = parseServiceAccount(accountJson({ token_uri: 'https://localhost:1/token' }));
  t.is(account.email, 'bridge@demo-project.example');
  t.is(account.projectId, 'demo-project');
  t.is(account.tokenUri, 'https://localhost:1/token');
  t.is(account.key.reveal(), keys.privateKey);
  t.false(JSON.stringify(account).includes('PRIVATE'));
  t.deepEqual(problems(accountJson()), []);
  t.deepEqual(problems(accountJson(), 'demo-project'), []);
  t.deepEqual(problems(accountJson({ token_uri: undefined })), []);
});

const elliptic = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey;

const bad: [string, string, string][] = [
  ['not JSON', 'hello', 'is not JSON'],
  ['half of it', accountJson().slice(0, 500), 'is not JSON'],
  ['no object', '[]', 'is not a JSON object'],
  ['nothing', 'null', 'is not a JSON object'],
  ['too large', `${' '.repeat(65_536)}{}`, 'is larger than 65536 bytes'],
  [
    'credentials of a user',
    JSON.stringify({ type: 'authorized_user', refresh_token: 'hush' }),
    'is not the file of a service account: type must be "service_account"',
  ],
  ['no type', '{}', 'is not the file of a service account: type must be "service_account"'],
  ['no key', accountJson({ private_key: undefined }), 'private_key: missing'],
  ['key of a wrong type', accountJson({ private_key: 5 }), 'private_key: must be a text that is not empty'],
  ['key that is none', accountJson({ private_key: 'hush' }), 'private_key: is not a private key in PEM'],
  [
    'key cut off',
    accountJson({ private_key: keys.privateKey.slice(0, 300) }),
    'private_key: is not a private key in PEM',
  ],
  ['public key', accountJson({ private_key: keys.publicKey }), 'private_key: is not a private key in PEM'],
  ['key of another kind', accountJson({ private_key: elliptic }), 'private_key: must be an RSA key, is ec'],
  ['no email', accountJson({ client_email: '' }), 'client_email: must be a text that is not empty'],
  ['project of a wrong type', accountJson({ project_id: 5 }), 'project_id: must be a text that is not empty'],
  ['project that would lead elsewhere', accountJson({ project_id: '../x' }), 'project_id: is no id of a project'],
  ['endpoint without TLS', accountJson({ token_uri: 'http://localhost/' }), 'token_uri: must be an https URL'],
  ['endpoint that is none', accountJson({ token_uri: 'token' }), 'token_uri: must be an https URL'],
];

for (const [name, text, message] of bad) {
  test(`a file that does not fit: ${name}`, (t) => {
    t.deepEqual(problems(text), [{ path: ['credentials'], message }]);
  });
}

test('the project goes with the account', (t) => {
  t.deepEqual(problems(accountJson(), 'other'), [
    { path: ['project'], message: 'is other, but the service account is of demo-project' },
  ]);
  t.deepEqual(problems(accountJson({ project_id: undefined })), [
    { path: ['project'], message: 'is required: the service account names none' },
  ]);
  t.deepEqual(problems(accountJson({ project_id: undefined }), 'other'), []);
  t.deepEqual(
    [...checkFcmFiles({})],
    [{ path: ['project'], message: 'is required without a service account in credentials' }],
  );
  t.deepEqual([...checkFcmFiles({ project: 'p' })], []);
});

const config = (credentials: string, more = '') =>
  `sessions: [{ id: a, secret: s }]\nproviders:\n  main:\n    type: fcm\n    credentials: ${credentials}\n${more}`;

test('check names the place, the key and the reason', (t) => {
  const good = fileOf(accountJson());
  t.deepEqual(problemsOf(config(good), { files: true }), []);
  t.deepEqual(problemsOf(config(good, '    project: other\n'), { files: true }), [
    '6:14 providers.main.project: is other, but the service account is of demo-project',
  ]);
  t.deepEqual(problemsOf(config(fileOf('{')), { files: true }), ['5:18 providers.main.credentials: is not JSON']);
  const [missing, ...rest] = problemsOf(config(join(folder, 'none.json')), { files: true });
  t.regex(missing ?? '', /^5:18 providers\.main\.credentials: can not be read: ENOENT/);
  t.deepEqual(rest, []);
  t.deepEqual(problemsOf(config(folder), { files: true }).length, 1);
});

test('what is trusted has to be a certificate', (t) => {
  const credentials = fileOf(accountJson());
  const found = (ca: string) => [...checkFcmFiles({ credentials, ca })];
  t.deepEqual(found(fileOf(certificate.ca)), []);
  for (const text of ['', 'no certificate', keys.privateKey, certificate.ca.slice(0, 200)]) {
    t.deepEqual(found(fileOf(text)), [{ path: ['ca'], message: 'has no readable certificate in PEM' }]);
  }
  const ca = `    ca: ${folder}\n`;
  const [told, ...rest] = problemsOf(config(credentials, ca), { files: true });
  t.regex(told ?? '', /^6:9 providers\.main\.ca: can not be read: EISDIR/);
  t.deepEqual(rest, []);
});

test('a file that may not be read is told once', (t) => {
  const file = fileOf(accountJson());
  chmodSync(file, 0o000);
  const found = problemsOf(config(file), { files: true });
  // Root may read everything.
  t.true(process.getuid?.() === 0 ? found.length === 0 : found.length === 1);
});
