import { Worker } from 'node:worker_threads';
import test from 'ava';
import { silentLog } from '../../../src/lib/log.ts';
import { Encryptor, encryptionThread } from '../../../src/providers/webpush/encryption.ts';
import { decrypt } from './decrypt.ts';
import { keysOf, receiver } from './stage.ts';

test('every message gets its own answer, whichever thread and batch it was in', async (t) => {
  const encryptor = new Encryptor(3, silentLog);
  t.teardown(() => encryptor.close());
  const receivers = Array.from({ length: 150 }, receiver);
  const results = await Promise.all(
    receivers.map((one, n) => encryptor.encrypt(keysOf(one), Buffer.from(`message ${n}`))),
  );
  for (const [n, result] of results.entries()) {
    const one = receivers[n];
    if (!one || !('body' in result)) return t.fail(JSON.stringify(result));
    t.is(decrypt(Buffer.from(result.body), one).toString(), `message ${n}`);
  }
});

test('what was asked for when the threads end has failed, and so has what comes later', async (t) => {
  const encryptor = new Encryptor(1, silentLog);
  const someone = keysOf(receiver());
  const first = encryptor.encrypt(someone, Buffer.from('a'));
  await encryptor.close();
  t.deepEqual(await first, { failed: 'stopping' });
  t.deepEqual(await encryptor.encrypt(someone, Buffer.from('b')), { failed: 'stopping' });
});

test('keys that can not be used are an answer like others', async (t) => {
  const encryptor = new Encryptor(1, silentLog);
  t.teardown(() => encryptor.close());
  const someone = receiver();
  const [bad, good] = await Promise.all([
    encryptor.encrypt({ ...keysOf(someone), p256dh: 'AAAA' }, Buffer.from('a')),
    encryptor.encrypt(keysOf(someone), Buffer.from('b')),
  ]);
  t.true('because' in bad);
  t.true('body' in good && decrypt(Buffer.from(good.body), someone).toString() === 'b');
});

test('a thread that dies takes only its own work along: another one is started for the next', async (t) => {
  const dying = "require('node:worker_threads').parentPort.once('message', () => process.exit(1))";
  let started = 0;
  const start = () => (started++ === 0 ? new Worker(dying, { eval: true }) : encryptionThread());
  const encryptor = new Encryptor(1, silentLog, start);
  t.teardown(() => encryptor.close());
  const someone = receiver();
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, n) => encryptor.encrypt(keysOf(someone), Buffer.from(`${n}`))),
  );
  t.is(results.filter((result) => 'failed' in result).length, 32, 'one batch');
  t.is(results.filter((result) => 'body' in result).length, 8);
  t.is(started, 2);
});
