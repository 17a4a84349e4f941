import test from 'ava';
import { cert, key } from '../client/tls-fixture.ts';
import { folder, pkcs8, rsa } from '../doors/app/tokens.ts';
import { problemsOf, smallest } from './sample.ts';

const senders = 'senders: [{ id: "1", key: any, provider: ccs }]';

for (const [name, section] of [
  ['bal.tls', (tls: string) => `bal: { tls: ${tls} }`],
  ['doors.ccs.tls', (tls: string) => `doors: { ccs: { tls: ${tls}, ${senders} } }`],
  ['http.tls', (tls: string) => `http: { tls: ${tls} }`],
] as const) {
  test(`${name}: a certificate and its key are read, and must belong together`, (t) => {
    const write = folder(t);
    const [good, own] = [write('cert.pem', cert), write('key.pem', key)];
    const problems = (chain: string, secret: string) =>
      problemsOf(`${smallest}${section(`{ cert: ${chain}, key: ${secret} }`)}\n`, { files: true }).join('\n');
    t.is(problems(good, own), '');
    const junk = problems(write('junk.pem', 'junk'), own);
    t.true(junk.endsWith(` ${name}.cert: has no readable certificate in PEM`), junk);
    const other = problems(good, write('other.pem', pkcs8(rsa().privateKey)));
    t.true(other.endsWith(` ${name}.key: is not the key of the certificate`), other);
    const missing = problems(good, `${own}x`);
    t.regex(missing, /^[^\n]*\.tls\.key: can not be read: ENOENT[^\n]*$/);
    t.true(missing.includes(` ${name}.key: `));
  });
}

test('what is trusted has to be a certificate: of backends and of CCS', (t) => {
  const write = folder(t);
  const [good, own, junk] = [write('cert.pem', cert), write('key.pem', key), write('junk.pem', 'junk')];
  const told = (text: string) => problemsOf(text, { files: true }).join('\n');
  const bal = (ca: string) => `${smallest}bal: { tls: { cert: ${good}, key: ${own}, client_ca: ${ca} } }\n`;
  t.is(told(bal(good)), '');
  t.regex(told(bal(junk)), /^\S+ bal\.tls\.client_ca: has no readable certificate in PEM$/);
  t.regex(told(bal(`${good}x`)), /^\S+ bal\.tls\.client_ca: can not be read: ENOENT[^\n]*$/);
  const ccs = (ca: string) => smallest.replace(/server_key: \S+/, `$&\n    ca: ${ca}`);
  t.is(told(ccs(good)), '');
  t.regex(told(ccs(junk)), /^\S+ providers\.\w+\.ca: has no readable certificate in PEM$/);
});
