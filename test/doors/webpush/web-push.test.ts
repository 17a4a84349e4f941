import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import webpush from 'web-push';
import { cert, key } from '../../client/tls-fixture.ts';
import { accept, FakeProvider } from '../../core/fake-provider.ts';
import { WebPushDevice } from '../../stories/unifiedpush/web-push-device.ts';
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

const vapid = () => {
  const { publicKey, privateKey } = webpush.generateVAPIDKeys();
  return { publicKey, privateKey, subject: 'mailto:admin@example.net' };
};

test('an application server pushes, encrypted and signed, and the device can read it', async (t) => {
  const { endpoint, provider, agent } = await start(t);
  const vapidDetails = vapid();
  const { url } = await endpoint({ vapid: vapidDetails.publicKey });
  const phone = new WebPushDevice();
  const text = 'x'.repeat(3_993); // as much as fits
  const options = { vapidDetails, TTL: 60, urgency: 'high', topic: 'upd', agent } as const;
  const sent = await webpush.sendNotification({ endpoint: url, keys: phone.keys }, text, options);
  t.is(sent.statusCode, 201);
  t.regex(String(sent.headers.location), /^https:\/\/localhost\/message\//);
  const { body, headers } = pushed((await provider.attempt(1)).message.payload);
  t.is(body.length, 4_096);
  t.like(headers, { encoding: 'aes128gcm', urgency: 'high', ttl: 60, topic: 'upd' });
  t.is(phone.decrypt(body), text);
});

test('the encoding and the signature of the drafts are taken too', async (t) => {
  const { endpoint, provider, agent } = await start(t);
  const vapidDetails = vapid();
  const { url } = await endpoint({ vapid: vapidDetails.publicKey });
  const sent = await webpush.sendNotification({ endpoint: url, keys: new WebPushDevice().keys }, 'hello', {
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
    const sending = webpush.sendNotification({ endpoint: url, keys: new WebPushDevice().keys }, text, {
      ...signed,
      agent,
    });
    const refusal = await sending.catch((error: unknown) => error);
    t.like(refusal, { name: 'WebPushError', statusCode: status });
    t.deepEqual(provider.attempts, []);
  });
}
