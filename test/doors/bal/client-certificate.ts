import { generateKeyPairSync, sign } from 'node:crypto';
import * as der from '../../../src/emulator/der.ts';

const ECDSA_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));
const DAY_MS = 86_400_000;

/** A certificate that a client signed itself, good for a day: its own authority. */
export function clientCertificate(name: string): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const distinguished = der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(name))));
  const body = der.sequence(
    der.integer(Buffer.of(1)),
    ECDSA_SHA256,
    distinguished,
    der.sequence(der.time(new Date(Date.now() - DAY_MS)), der.time(new Date(Date.now() + DAY_MS))),
    distinguished,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', body, { key: privateKey, dsaEncoding: 'der' });
  const base64 = der.sequence(body, ECDSA_SHA256, der.bits(signature)).toString('base64');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
