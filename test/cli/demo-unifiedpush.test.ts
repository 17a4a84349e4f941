import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const run = promisify(execFile);
const demo = (...args: string[]) => [MAIN, 'demo', '--unifiedpush', ...args];

const RIGHT = /every push has become what it should, and the sums are right\n$/;

test('without Prosody, endpoints of a backend are shown, and what the rest needs', async (t) => {
  const env = { ...process.env, PATH: dirname(process.execPath) };
  const { stdout } = await run(process.execPath, demo('-n', '40'), { env });
  t.regex(stdout, /ok {2}20 pushes, encrypted by web-push, arrive as UPSTREAM and are decrypted\n/);
  t.regex(stdout, /ok {2}20 while the backend is away: each gets 201 and waits\n/);
  t.regex(stdout, /Endpoints over XMPP: this part needs Prosody/);
  t.regex(stdout, /answers +49 × 201, 1 × 202, 1 × 401, 1 × 403, 1 × 404, 1 × 410\n/);
  t.regex(stdout, /arrived and decrypted +44\n/);
  t.regex(stdout, /replaced by their topic +4\n/);
  t.regex(stdout, /taken back +3\n/);
  t.regex(stdout, RIGHT);
  t.notRegex(stdout, / {2}no {2}/);
});

test('with Prosody, its client gets pushes in both dialects, also those that waited', async (t) => {
  const { stdout } = await run(process.execPath, demo('-n', '40'));
  t.regex(stdout, /ok {2}registered in both dialects, and again: each keeps its URL\n/);
  t.regex(stdout, /ok {2}20 while the client is away: each gets 201 and waits\n/);
  t.regex(stdout, /ok {2}it is back under another resource: what waited arrives, once\n/);
  t.regex(stdout, /ok {2}unregistered, and answered item-not-found: 410\n/);
  t.regex(stdout, /arrived and decrypted +84\n/);
  t.regex(stdout, RIGHT);
});

test('--stay leaves an endpoint that can be posted to as the line says, until a signal comes', async (t) => {
  const env = { ...process.env, PATH: dirname(process.execPath) };
  const child = execFile(process.execPath, demo('-n', '20', '--stay'), { env });
  t.teardown(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  while (!output.includes('Ctrl-C ends it.')) await once(child.stdout ?? child, 'data');
  const [, ca = '', url = ''] = /curl --cacert (\S+) -i -H 'TTL: 60' -d ding (\S+)/.exec(output) ?? [];
  const posted = request(url, { method: 'POST', ca: readFileSync(ca), headers: { ttl: '60' } }).end('ding');
  const [response] = (await once(posted, 'response')) as [IncomingMessage];
  t.is(response.resume().statusCode, 201);
  const [, login = ''] = /pushbridge listen (.*)/.exec(output) ?? [];
  const heard = await run(process.execPath, [MAIN, 'listen', ...login.split(' '), '-n', '1']);
  const { data } = JSON.parse(heard.stdout) as { data: { push: unknown } };
  t.like(data.push, { token: 'doorbell', content: Buffer.from('ding').toString('base64'), ttl: 60 });
  child.kill('SIGTERM');
  t.deepEqual(await once(child, 'exit'), [0, null]);
});

test('--provider does not go with --unifiedpush, and there is a bound for pushes', async (t) => {
  const both = await t.throwsAsync(run(process.execPath, demo('--provider', 'fcm')));
  t.like(both, { code: 2 });
  t.regex(String(both?.message), /--provider/);
  const many = await t.throwsAsync(run(process.execPath, demo('-n', '100001')));
  t.like(many, { code: 2 });
  t.regex(String(many?.message), /--messages must be a whole number from 20 to 100000/);
});
