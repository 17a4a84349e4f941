import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import {
  type ApnsEmulatorDeps,
  type ApnsEmulatorInput,
  createApnsEmulator,
  createCertificate,
  createFcmEmulator,
  type FcmEmulatorDeps,
  type FcmEmulatorInput,
  generateServiceKey,
  LOCAL_NAMES,
  type ServerCertificate,
} from '../../src/emulator/index.ts';
import type { Json } from '../doors/bal/harness.ts';

const DAY_MS = 86_400_000;
/** Made once, when the first emulator of FCM starts: to find an RSA key takes long. */
let serviceKey: string | undefined;
/** The application of the stories, which the backend logs on for. */
export const APP = 'com.example.app';

/** A folder that lives as long as the test, and what writes files into it. */
function folder(t: ExecutionContext) {
  const path = mkdtempSync(join(tmpdir(), 'pushbridge-services-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return (name: string, text: string): string => {
    writeFileSync(join(path, name), text, { mode: 0o600 });
    return join(path, name);
  };
}

/** A certificate by an authority of its own. */
export function certificateOfToday(): ServerCertificate {
  const now = Date.now();
  return createCertificate({
    names: LOCAL_NAMES,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
  });
}

/** An emulator of APNs, and a provider that knows it. */
export async function startApns(t: ExecutionContext, input: ApnsEmulatorInput = {}, given: ApnsEmulatorDeps = {}) {
  const write = folder(t);
  const deps = { certificate: certificateOfToday(), ...given };
  let emulator = createApnsEmulator({ port: 0, ...input }, deps);
  await emulator.start();
  t.teardown(() => emulator.stop());
  const { key, key_id, team_id } = emulator.credentials;
  const { port } = emulator;
  const provider: Json = {
    type: 'apns',
    url: `https://127.0.0.1:${port}`,
    ca: write('ca.pem', emulator.caPem),
    topic: APP,
    key: write('key.p8', key),
    key_id,
    team_id,
  };
  return {
    provider,
    write,
    get control() {
      return emulator.control;
    },
    /** The service is gone until it comes back: nobody listens. */
    goAway: () => emulator.stop(),
    /** The same service again: same port, same certificate, same key unless it is forgetful. What it had seen is gone. */
    async comeBack({ forgetful = false } = {}) {
      const known = forgetful ? {} : { providerKey: key };
      emulator = createApnsEmulator({ ...input, port, key_id, team_id }, { ...deps, ...known });
      await emulator.start();
    },
  };
}

/** An emulator of FCM, and a provider that knows it. */
export async function startFcm(t: ExecutionContext, input: FcmEmulatorInput = {}, given: FcmEmulatorDeps = {}) {
  const write = folder(t);
  serviceKey ??= generateServiceKey();
  const deps = { certificate: certificateOfToday(), serviceKey, ...given };
  let emulator = createFcmEmulator({ port: 0, ...input }, deps);
  await emulator.start();
  t.teardown(() => emulator.stop());
  const { port } = emulator;
  const provider: Json = {
    type: 'fcm',
    url: `https://127.0.0.1:${port}`,
    ca: write('ca.pem', emulator.caPem),
    credentials: write('account.json', JSON.stringify(emulator.credentials)),
  };
  return {
    provider,
    write,
    get control() {
      return emulator.control;
    },
    /** The service is gone until it comes back: nobody listens. */
    goAway: () => emulator.stop(),
    /** The same service again: same port and keys. What it had seen is forgotten, and the tokens that it had given too. */
    async comeBack(changes: FcmEmulatorInput = {}, others: FcmEmulatorDeps = {}) {
      emulator = createFcmEmulator({ ...input, ...changes, port }, { ...deps, ...others });
      await emulator.start();
    },
  };
}
