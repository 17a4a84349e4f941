/**
 * The library `web-push` alone, in a process of its own: it encrypts, signs and posts the same messages to the same push
 * service over as many connections, with no bridge and no store. What a backend would do without one.
 */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import webpush from 'web-push';
import { median } from './measure.ts';
import type { RawResult } from './raw.ts';
import { subscriptionKeys } from './subscriptions.ts';

export interface RawWebPushOptions {
  readonly ca: string;
  /** The file of the key to sign with. */
  readonly key: string;
  readonly subject: string;
  /** Where the push service is. */
  readonly origin: string;
  readonly subscriptions: number;
  readonly connections: number;
  readonly messages: number;
  readonly payload: string;
  readonly runs: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as RawWebPushOptions;
const { origin, connections, messages, payload } = options;
const subscriptions = subscriptionKeys(options.subscriptions).map((keys, n) => ({
  endpoint: `${origin}/push/${String(n).padStart(8, '0')}`,
  keys,
}));
const privateKey = createPrivateKey(readFileSync(options.key));
const { x = '', y = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
const vapidDetails = {
  subject: options.subject,
  publicKey: point.toString('base64url'),
  privateKey: privateKey.export({ format: 'jwk' }).d ?? '',
};
const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: readFileSync(options.ca) });

const runs: number[] = [];
for (let run = 0; run <= options.runs; run++) {
  let sent = 0;
  const started = performance.now();
  const lanes = Array.from({ length: connections }, async () => {
    while (sent < messages) {
      const to = subscriptions[sent++ % subscriptions.length];
      if (to) await webpush.sendNotification(to, payload, { vapidDetails, TTL: 60, agent });
    }
  });
  await Promise.all(lanes);
  // The first is the warm-up.
  if (run > 0) runs.push((messages * 1000) / (performance.now() - started));
}
const result: RawResult = { perSecond: median(runs), runs };
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
