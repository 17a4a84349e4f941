/**
 * The bare loop for services over HTTP/2, in a process of its own: node:http2 sessions that post the same messages to the
 * same emulator with as many streams as it allows, with no bridge and no store. What a backend would do without one.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { median } from './measure.ts';
import type { RawResult } from './raw.ts';

export interface RawH2Options {
  readonly service: 'fcm' | 'apns';
  readonly port: number;
  readonly ca: string;
  /** The file of the service account or of the key. */
  readonly credentials: string;
  readonly keyId: string;
  readonly teamId: string;
  readonly topic: string;
  readonly connections: number;
  readonly streams: number;
  readonly messages: number;
  readonly payload: number;
  readonly runs: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as RawH2Options;
const origin = `https://localhost:${options.port}`;
const ca = readFileSync(options.ca);
const text = 'x'.repeat(Math.max(0, options.payload - 10));
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

interface Account {
  readonly project_id: string;
  readonly private_key: string;
  readonly private_key_id: string;
  readonly client_email: string;
  readonly token_uri: string;
}

interface Request {
  readonly path: string;
  readonly body: string;
}

interface Speaker {
  readonly headers: Readonly<Record<string, string>>;
  request(n: number): Request;
}

const now = () => Math.floor(Date.now() / 1000);

/** A service account's token, and messages of HTTP v1. [fcm.md §3.1] */
async function fcm(): Promise<Speaker> {
  const account = JSON.parse(readFileSync(options.credentials, 'utf8')) as Account;
  const head = base64url({ alg: 'RS256', typ: 'JWT', kid: account.private_key_id });
  const scope = 'https://www.googleapis.com/auth/firebase.messaging';
  const claims = { iss: account.client_email, scope, aud: account.token_uri, iat: now(), exp: now() + 3_600 };
  const unsigned = `${head}.${base64url(claims)}`;
  const signature = sign('sha256', Buffer.from(unsigned), account.private_key).toString('base64url');
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const session = await open();
  const body = new URLSearchParams({ grant_type: grant, assertion: `${unsigned}.${signature}` }).toString();
  const answer = await post(
    session,
    { path: new URL(account.token_uri).pathname, body },
    {
      'content-type': 'application/x-www-form-urlencoded',
    },
  );
  session.close();
  const { access_token } = JSON.parse(answer) as { access_token: string };
  return {
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    request: (n) => ({
      path: `/v1/projects/${account.project_id}/messages:send`,
      body: JSON.stringify({ message: { token: `token-${n}`, data: { text } } }),
    }),
  };
}

/** A provider token, and background notifications. [fcm.md §4] */
function apns(): Speaker {
  const unsigned = `${base64url({ alg: 'ES256', kid: options.keyId })}.${base64url({ iss: options.teamId, iat: now() })}`;
  const key = { key: createPrivateKey(readFileSync(options.credentials)), dsaEncoding: 'ieee-p1363' as const };
  const token = `${unsigned}.${sign('sha256', Buffer.from(unsigned), key).toString('base64url')}`;
  return {
    headers: {
      authorization: `bearer ${token}`,
      'apns-topic': options.topic,
      'apns-push-type': 'background',
      'apns-priority': '5',
    },
    request: (n) => ({
      path: `/3/device/token-${n}`,
      body: JSON.stringify({ aps: { 'content-available': 1 }, text }),
    }),
  };
}

function open(): Promise<ClientHttp2Session> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientHttp2Session>();
  const session = connect(origin, { ca });
  session.on('error', reject);
  session.on('remoteSettings', () => resolve(session));
  return promise;
}

function post(session: ClientHttp2Session, { path, body }: Request, headers: Speaker['headers']): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ...headers, ':method': 'POST', ':path': path });
    const chunks: Buffer[] = [];
    let status = 0;
    stream.on('response', (received) => {
      status = Number(received[':status']);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('close', () => {
      const answer = Buffer.concat(chunks).toString();
      if (status === 200) resolve(answer);
      else reject(new Error(`${status}: ${answer}`));
    });
    stream.end(body);
  });
}

const speaker = options.service === 'fcm' ? await fcm() : apns();
const sessions = await Promise.all(Array.from({ length: options.connections }, open));
// The first request of a connection goes alone: a newcomer may have no more streams.
for (const session of sessions) await post(session, speaker.request(0), speaker.headers);
const runs: number[] = [];
for (let run = 0; run <= options.runs; run++) {
  let sent = 0;
  const started = performance.now();
  const lanes = sessions.flatMap((session) =>
    Array.from({ length: options.streams }, async () => {
      while (sent < options.messages) await post(session, speaker.request(sent++), speaker.headers);
    }),
  );
  await Promise.all(lanes);
  // The first is the warm-up.
  if (run > 0) runs.push((options.messages * 1000) / (performance.now() - started));
}
const result: RawResult = { perSecond: median(runs), runs };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
