import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import webpush from 'web-push';
import { cert, key } from '../../client/tls-fixture.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { pushed, startPush } from './bench.ts';

const publicUrl = 'https://localhost';

/** A listener with TLS, and the way there for a sender that believes in `publicUrl`. */
async function start(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-tls-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const tls = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  writeFileSync(tls.cert, cert);
  writeFileSync(tls.key, key);
  const bench = await startPush(t, { publicUrl, http: { tls }, provider: new FakeProvider('xmpp', 100, accept) });
  // Tokens have the time of the machine.
  bench.clock.jump(Date.now() - bench.clock.now());
  const { port } = bench;
  const agent = new Agent();
  agent.createConnection = () => connect({ host: '127.0.0.1', port, ca: cert, servername: 'localhost' });
  return { ...bench, agent };
}

/** What a device has, to make of its pushes what was meant. */
function device() {
  const ecdh = createECDH('prime256v1');
  const p256dh = ecdh.generateKeys('base64url');
  const auth = randomBytes(16);
  return { ecdh, auth, keys: { p256dh, auth: auth.toString('base64url') } };
}

/** [RFC 8291 §3.4, RFC 8188 §2] One record. */
function decrypt(body: Buffer, { ecdh, auth }: ReturnType<typeof device>): string {
  const salt = body.subarray(0, 16);
  const sender = body.subarray(21, 21 + body.readUInt8(20));
  const record = body.subarray(21 + sender.length);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), ecdh.getPublicKey(), sender]);
  const secret = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(sender), auth, info, 32));
  const derive = (name: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, salt, `Content-Encoding: ${name}\0`, bytes));
  const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
  decipher.setAuthTag(record.subarray(-16));
  const clear = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
  return clear.subarray(0, clear.lastIndexOf(2)).toString();
}

const vapid = () => {
  const { publicKey, privateKey } = webpush.generateVAPIDKeys();
  return { publicKey, privateKey, subject: 'mailto:admin@example.net' };
};

test('an application server pushes, encrypted and signed, and the device can read it', async (t) => {
  const { endpoint, provider, agent } = await start(t);
  const vapidDetails = vapid();
  const { url } = await endpoint({ vapid: vapidDetails.publicKey });
  const phone = device();
  const text = 'x'.repeat(3_993); // as much as fits
  const options = { vapidDetails, TTL: 60, urgency: 'high', topic: 'upd', agent } as const;
  const sent = await webpush.sendNotification({ endpoint: url, keys: phone.keys }, text, options);
  t.is(sent.statusCode, 201);
  t.regex(String(sent.headers.location), /^https:\/\/localhost\/message\//);
  const { body, headers } = pushed((await provider.attempt(1)).message.payload);
  t.is(body.length, 4_096);
  t.like(headers, { encoding: 'aes128gcm', urgency: 'high', ttl: 60, topic: 'upd' });
  t.is(decrypt(body, phone), text);
});

test('the encoding and the signature of the drafts are taken too', async (t) => {
  const { endpoint, provider, agent } = await start(t);
  const vapidDetails = vapid();
  const { url } = await endpoint({ vapid: vapidDetails.publicKey });
  const sent = await webpush.sendNotification({ endpoint: url, keys: device().keys }, 'hello', {
    vapidDetails,
    contentEncoding: 'aesgcm',
    agent,
  });
  t.is(sent.statusCode, 201);
  const { headers } = pushed((await provider.attempt(1)).message.payload);
  t.is(headers.encoding, 'aesgcm');
  t.regex(headers.legacy?.encryption ?? '', /^salt=/);
  t.regex(headers.legacy?.crypto_key ?? '', /^dh=.*;p256ecdsa=/);
});

for (const [name, status, setup] of [
  ['not signed', 401, 'unsigned'],
  ['signed by another', 403, 'foreign'],
  ['gone', 410, 'gone'],
  ['too large', 413, 'large'],
] as const) {
  test(`an application server is told: ${name}`, async (t) => {
    const { endpoint, endpoints, agent, provider } = await start(t);
    const vapidDetails = vapid();
    const { url, token } = await endpoint({ vapid: vapidDetails.publicKey });
    if (setup === 'gone') await endpoints.revoke({ token });
    const signed = setup === 'unsigned' ? {} : { vapidDetails: setup === 'foreign' ? vapid() : vapidDetails };
    const text = 'x'.repeat(setup === 'large' ? 3_994 : 10);
    const sending = webpush.sendNotification({ endpoint: url, keys: device().keys }, text, { ...signed, agent });
    const refusal = await sending.catch((error: unknown) => error);
    t.like(refusal, { name: 'WebPushError', statusCode: status });
    t.deepEqual(provider.attempts, []);
  });
}
