import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readAuthority, readListenerCertificate } from '../../src/lib/certificates.ts';
import { OptionProblem } from '../../src/lib/option-problem.ts';
import { cert, key } from '../client/tls-fixture.ts';
import { ec, pkcs8 } from '../doors/app/tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'pushbridge-certificates-'));
let files = 0;

test.after.always(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array): string {
  const path = join(folder, `${files++}.pem`);
  writeFileSync(path, content);
  return path;
}

/** What is wrong, as `option: words`. */
function told(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof OptionProblem ? `${error.option}: ${error.what}` : `thrown: ${String(error)}`;
  }
}

const locked = ec()
  .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'sesame' })
  .toString();
const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

test('an authority is read as it stands in its file', (t) => {
  for (const pem of [cert, `a word before it\n${cert}`, cert + cert]) {
    t.is(readAuthority('ca', file(pem)).toString(), pem);
  }
});

test('what TLS would pass over is no authority', (t) => {
  const der = new X509Certificate(cert).raw;
  for (const content of ['', 'no certificate', key, cert.slice(0, 200), broken, der]) {
    t.is(
      told(() => readAuthority('client_ca', file(content))),
      'client_ca: has no readable certificate in PEM',
    );
  }
  t.regex(told(() => readAuthority('ca', '/nowhere.pem')) ?? '', /^ca: can not be read: ENOENT.*\/nowhere\.pem/);
  t.regex(told(() => readAuthority('ca', folder)) ?? '', /^ca: can not be read: EISDIR/);
});

const rows: readonly (readonly [name: string, cert: string, key: string, problem: RegExp | undefined])[] = [
  ['a certificate and its key', cert, key, undefined],
  ['both in one file', cert + key, cert + key, undefined],
  ['no certificate', key, key, /^cert: has no readable certificate in PEM$/],
  ['no key', cert, cert, /^key: has no readable private key in PEM$/],
  ['half a key', cert, key.slice(0, 100), /^key: has no readable private key in PEM$/],
  ['the key of another', cert, pkcs8(ec().privateKey), /^key: is not the key of the certificate$/],
  ['a locked key', cert, locked, /^key: is locked with a passphrase/],
  ['a chain with a broken link', cert + broken, key, /^cert: can not be used for TLS: /],
];

for (const [name, chain, secret, problem] of rows) {
  test(`a listener: ${name}`, (t) => {
    const paths = { cert: file(chain), key: file(secret) };
    const found = told(() => readListenerCertificate(paths));
    if (problem) return t.regex(found ?? 'nothing', problem);
    t.is(found, undefined);
    const read = readListenerCertificate(paths);
    return t.deepEqual([read.cert.toString(), read.key.toString()], [chain, secret]);
  });
}

test('a listener: files that are not there', (t) => {
  const good = file(cert);
  const of = (given: { cert: string; key: string }) => told(() => readListenerCertificate(given)) ?? '';
  t.regex(of({ cert: '/nowhere.pem', key: good }), /^cert: can not be read: ENOENT/);
  t.regex(of({ cert: good, key: '/nowhere.pem' }), /^key: can not be read: ENOENT/);
});
