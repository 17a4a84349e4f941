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
  type FcmEmulatorInput,
  LOCAL_NAMES,
} from '../../src/emulator/index.ts';
import type { Json } from '../doors/bal/harness.ts';

const DAY_MS = 86_400_000;
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

/** An emulator of APNs, and a provider that knows it. */
export async function startApns(t: ExecutionContext, input: ApnsEmulatorInput = {}, given: ApnsEmulatorDeps = {}) {
  const write = folder(t);
  const now = Date.now();
  const certificate = createCertificate({
    names: LOCAL_NAMES,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + DAY_MS),
  });
  const deps = { certificate, ...given };
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
export async function startFcm(t: ExecutionContext, input: FcmEmulatorInput = {}) {
  const write = folder(t);
  const emulator = createFcmEmulator({ port: 0, ...input });
  await emulator.start();
  t.teardown(() => emulator.stop());
  const provider: Json = {
    type: 'fcm',
    url: `https://127.0.0.1:${emulator.port}`,
    ca: write('ca.pem', emulator.caPem),
    credentials: write('account.json', JSON.stringify(emulator.credentials)),
  };
  return { provider, control: emulator.control };
}
