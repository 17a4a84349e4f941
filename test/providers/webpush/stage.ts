import { createECDH, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Message, noTelemetry, type Outcome, type Provider, type Telemetry } from '../../../src/core/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import {
  createWebPushProvider,
  type WebPushDeps,
  type WebPushOptions,
  webpushOptions,
} from '../../../src/providers/webpush/index.ts';
import { certificate, TestServer } from '../../protocols/http/https-server.ts';
import { message } from '../contract.ts';
import type { Receiver } from './decrypt.ts';

/** A fresh subscription: what the user agent keeps. */
export function receiver(): Receiver {
  const ecdh = createECDH('prime256v1');
  ecdh.generateKeys();
  return {
    privateKey: ecdh.getPrivateKey('base64url'),
    p256dh: ecdh.getPublicKey('base64url'),
    auth: randomBytes(16).toString('base64url'),
  };
}

/** What an application server is told of it. */
export const keysOf = ({ p256dh, auth }: Receiver) => ({ p256dh, auth });

export interface Stage {
  readonly provider: Provider;
  readonly service: TestServer;
  /** The public half of the key that messages are signed with. */
  readonly vapidKey: KeyObject;
  readonly someone: Receiver;
  /** Counted events, one entry each. */
  readonly events: string[];
  /** A message to an endpoint; `fcm` goes over what it holds. */
  to(endpoint: string, fcm?: object, changes?: Partial<Message>): Message;
  deliver(given: Message): Promise<Outcome>;
}

export const SUBJECT = 'mailto:operator@push.example';

/** A provider that runs, in front of a push service on this machine. */
export async function stage(
  t: ExecutionContext,
  { options = {}, deps = {}, start = true }: { options?: object; deps?: Partial<WebPushDeps>; start?: boolean } = {},
): Promise<Stage> {
  const service = await new TestServer().start();
  const folder = mkdtempSync(join(tmpdir(), 'pushbridge-webpush-'));
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const file = (name: string, text: string | Buffer): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const events: string[] = [];
  const telemetry: Telemetry = {
    ...noTelemetry,
    add: (_, labels: { event?: string }) => labels.event !== undefined && events.push(labels.event),
  };
  const read: WebPushOptions = webpushOptions.parse({
    vapid: { subject: SUBJECT, key: file('vapid.pem', privateKey.export({ type: 'pkcs8', format: 'pem' })) },
    ca: file('ca.pem', certificate.ca),
    allow: ['127.0.0.1', 'push.example', 'other.example'],
    encryption_threads: 1,
    ...options,
  });
  const provider = createWebPushProvider({
    name: 'webpush',
    options: read,
    clock: systemClock,
    wall: systemClock,
    random: Math.random,
    log: silentLog,
    telemetry,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...deps,
  });
  t.teardown(async () => {
    await provider.stop(0);
    await service.stop();
    rmSync(folder, { recursive: true });
  });
  if (start) await provider.start({ upstream: async () => {}, receipt: async () => {} });
  const someone = receiver();
  const to: Stage['to'] = (endpoint, fcm = {}, changes = {}) =>
    message(endpoint, { fcm: { keys: keysOf(someone), ...fcm }, ...changes });
  const deliver = (given: Message) => provider.deliver(given, Date.now());
  return { provider, service, vapidKey: publicKey, someone, events, to, deliver };
}
