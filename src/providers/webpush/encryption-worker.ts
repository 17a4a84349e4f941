import { parentPort } from 'node:worker_threads';
import { encryptMessage } from '../../protocols/webpush/index.ts';
import { packEncrypted, unpackClear } from './batches.ts';

/** A thread that encrypts: as much work as everything else that a message needs. */
const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');

port.on('message', (batch: Uint8Array) => {
  const results = packEncrypted(unpackClear(batch).map(({ to, body }) => encryptMessage(to, body)));
  port.postMessage(results, [results.buffer]);
});
