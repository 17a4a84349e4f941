import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'apns-'));
let files = 0;

/** Writes a file that lives as long as the machine's temporary folder; its path. */
export function file(content: string | Uint8Array): string {
  const path = join(folder, `${++files}`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

export interface SigningKey {
  /** Path of the .p8 file. */
  readonly path: string;
  readonly publicKey: KeyObject;
}

/** A fresh signing key as Apple gives them out. */
export function signingKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { path: file(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()), publicKey };
}
