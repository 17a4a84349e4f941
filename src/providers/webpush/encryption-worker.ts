import { parentPort } from 'node:worker_threads';
import webPush from 'web-push';
import type { Batch, Encrypted } from './encryption.ts';

/** A thread that encrypts: ten times as much work as everything else that a message needs. [RFC 8291] */
const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');

port.on('message', (batch: Batch) => {
  port.postMessage(batch.map(encrypted));
});

function encrypted({ keys, body }: Batch[number]): Encrypted {
  try {
    const { cipherText } = webPush.encrypt(keys.p256dh, keys.auth, Buffer.from(body), 'aes128gcm');
    return { body: cipherText };
  } catch (error) {
    return { because: error instanceof Error ? error.message : String(error) };
  }
}
