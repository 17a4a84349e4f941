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
    t.true(junk.includes(` ${name}.cert: does not go with ${name}.key: `) && junk.includes('no start line'), junk);
    t.regex(problems(good, write('other.pem', pkcs8(rsa().privateKey))), /\.cert: [^\n]*not that of the certificate$/);
    const missing = problems(good, `${own}x`);
    t.regex(missing, /^[^\n]*\.tls\.key: can not be read: ENOENT[^\n]*$/);
    t.true(missing.includes(` ${name}.key: `));
  });
}
