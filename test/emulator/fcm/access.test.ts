import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request as https } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { JWT } from 'google-auth-library';
import { generateServiceKey } from '../../../src/emulator/index.ts';
import { ManualClock } from '../../../src/lib/clock.ts';
import { GRANT, SCOPE, SEND, start, to } from './stage.ts';

test('a token for a signed assertion; it lets in until it is too old [fcm.md §3.1]', async (t) => {
  const clock = new ManualClock();
  const { open, grant, assertion, control } = await start(t, {}, { clock });
  const client = open();
  const { status, json } = await grant(client, assertion());
  t.is(status, 200);
  t.like(json, { expires_in: 3_599, token_type: 'Bearer' });
  const headers = { ':path': SEND, authorization: `Bearer ${json.access_token}` };
  const send = () => client.post(headers, JSON.stringify(to('d')));
  t.is((await send()).status, 200);
  await clock.advance(3_598_999);
  t.is((await send()).status, 200);
  await clock.advance(1);
  t.is((await send()).status, 401);
  t.like(control.stats(), { tokenRequests: 1, tokensIssued: 1, successes: 2, errors: { UNAUTHENTICATED: 1 } });
});

test('Google names its own address as audience, and every client of its library does', async (t) => {
  const { open, grant, assertion } = await start(t, { token_lifetime: '10m' });
  const { json } = await grant(open(), assertion({ aud: 'https://oauth2.googleapis.com/token' }));
  t.is(json.expires_in, 600);
});

const now = Math.floor(Date.now() / 1_000);
for (const [name, claims, error] of [
  ['another issuer', { iss: 'who@example.com' }, 'invalid_grant'],
  ['another audience', { aud: 'https://example.com/token' }, 'invalid_grant'],
  ['an end in the past', { iat: now - 7_200, exp: now - 3_600 }, 'invalid_grant'],
  ['a start in the future', { iat: now + 3_600, exp: now + 7_200 }, 'invalid_grant'],
  ['more than an hour', { iat: now, exp: now + 3_601 }, 'invalid_grant'],
  ['no end', { exp: undefined }, 'invalid_grant'],
  ['no scope', { scope: undefined }, 'invalid_scope'],
  ['another scope', { scope: 'https://www.googleapis.com/auth/drive' }, 'invalid_scope'],
] as const) {
  test(`no token for an assertion with ${name}`, async (t) => {
    const { open, grant, assertion, control } = await start(t);
    const { status, json } = await grant(open(), assertion(claims));
    t.is(status, 400);
    t.is(json.error, error);
    t.is(typeof json.error_description, 'string');
    t.like(control.stats(), { tokenRequests: 1, tokensIssued: 0, errors: { [error]: 1 } });
  });
}

test('no token for an assertion that another key signed, that is none, or of another grant', async (t) => {
  const { open, grant, assertion } = await start(t);
  const client = open();
  const forged = await grant(client, assertion({}, generateServiceKey()));
  t.like(forged, { status: 400, json: { error: 'invalid_grant' } });
  const [head, body] = assertion().split('.');
  t.like(await grant(client, `${head}.${body}.AAAA`), { status: 400, json: { error: 'invalid_grant' } });
  t.like(await grant(client, 'no.jwt'), { status: 400, json: { error: 'invalid_request' } });
  t.like(await grant(client, `${head}.bm8.AAAA`), { status: 400, json: { error: 'invalid_request' } });
  t.like(await grant(client, assertion(), 'refresh_token'), { json: { error: 'unsupported_grant_type' } });
});

test('the token endpoint speaks HTTP/1.1 too, and so does the rest', async (t) => {
  const { emulator, assertion } = await start(t);
  const post = (path: string, headers: object, body: string): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const call = https(
        { host: 'localhost', port: emulator.port, ca: emulator.caPem, method: 'POST', path, headers: { ...headers } },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  const form = new URLSearchParams({ grant_type: GRANT, assertion: assertion() }).toString();
  const token = await post('/token', {}, form);
  t.is(token.status, 200);
  const authorization = `Bearer ${JSON.parse(token.body).access_token}`;
  const sent = await post(SEND, { authorization }, JSON.stringify(to('d')));
  t.is(sent.status, 200);
  t.regex(sent.body, /"projects\/emulated-project\/messages\/0:\d+"/);
  const silent = post(SEND, { authorization }, JSON.stringify(to('fault:reset')));
  await t.throwsAsync(silent, { code: 'ECONNRESET' });
  await t.throwsAsync(post(SEND, { authorization }, JSON.stringify(to('fault:drop'))), { code: 'ECONNRESET' });
});

test('the client of Google reads the credentials and gets its token', async (t) => {
  const { emulator, login } = await start(t);
  const { client_email: email, private_key: key, token_uri } = emulator.credentials;
  const { client } = await login();
  const google = new JWT({ email, key, scopes: [SCOPE] });
  // Its address is fixed: what it would send there is sent here.
  google.transporter.request = async (options) => {
    t.is(String(options?.url), 'https://oauth2.googleapis.com/token');
    const { json } = await client.post({ ':path': new URL(token_uri).pathname }, String(options?.data));
    return Object.assign(new Response(), {
      config: { headers: new Headers(), url: new URL(token_uri) },
      data: json as never,
    });
  };
  const { access_token } = await google.authorize();
  const headers = { ':path': SEND, authorization: `Bearer ${access_token}` };
  t.is((await client.post(headers, JSON.stringify(to('d')))).status, 200);
});

test('credentials are written where they are wanted, for the owner alone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-fcm-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'account.json');
  const { emulator } = await start(t, { credentials_file: file, ca_file: join(folder, 'ca.pem'), project: 'mine' });
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), emulator.credentials);
  t.like(emulator.credentials, {
    type: 'service_account',
    project_id: 'mine',
    token_uri: `https://127.0.0.1:${emulator.port}/token`,
  });
  t.is(statSync(file).mode & 0o777, 0o600);
  t.is(readFileSync(join(folder, 'ca.pem'), 'utf8'), emulator.caPem);
});

test('without a token 401 and for another project 403, both without FcmError [fcm.md §3.3]', async (t) => {
  const { open, login } = await start(t);
  const client = open();
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'Basic eDp5' }]) {
    const { status, json } = await client.post({ ':path': SEND, ...headers }, JSON.stringify(to('d')));
    t.is(status, 401);
    t.like(json, { error: { code: 401, status: 'UNAUTHENTICATED' } });
    t.notRegex(JSON.stringify(json), /details/);
  }
  const { send } = await login();
  const other = await send(to('d'), { ':path': '/v1/projects/other/messages:send' });
  t.is(other.status, 403);
  t.like(other.json, { error: { code: 403, status: 'PERMISSION_DENIED' } });
  t.notRegex(other.body, /FcmError/);
});

test('what is no address of the service gets a page', async (t) => {
  const { login } = await start(t);
  const { client } = await login();
  for (const [method, path] of [
    ['POST', '/v1/projects/emulated-project/messages'],
    ['POST', '/batch'],
    ['POST', '/fcm/send'],
    ['GET', SEND],
    ['GET', '/token'],
  ]) {
    const { status, headers, body } = await client.post({ ':method': method, ':path': path });
    t.is(status, 404, path);
    t.regex(String(headers['content-type']), /^text\/html/);
    t.regex(body, /^<!DOCTYPE html>/);
  }
});

test('all tokens end when they are told to', async (t) => {
  const { login, control } = await start(t);
  const { send } = await login();
  t.is((await send(to('d'))).status, 200);
  control.expireTokens();
  t.is((await send(to('d'))).status, 401);
  const again = await login();
  t.is((await again.send(to('d'))).status, 200);
});
