import { createHmac, createPrivateKey, generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto';
import * as der from '../../../src/emulator/der.ts';

const ECDSA_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));

export interface ClientCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface CertificateTimes {
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A certificate for a client that signed it itself: its own authority. [RFC 5280] */
export function clientCertificate(
  { notBefore, notAfter }: CertificateTimes,
  name = 'Apple Push: test',
  namedCurve = 'P-256',
): ClientCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
  const distinguished = der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(name))));
  const body = der.sequence(
    der.integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ECDSA_SHA256,
    distinguished,
    der.sequence(der.time(new Date(notBefore)), der.time(new Date(notAfter))),
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

/** The key locked with a passphrase, PEM. */
export function encryptedKey(key: string, passphrase: string): string {
  return createPrivateKey(key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();
}

const DATA = der.oid('1.2.840.113549.1.7.1');
const SHA256 = der.sequence(der.oid('2.16.840.1.101.3.4.2.1'), der.tlv(0x05));

/** Certificate and key in a .p12 file: nothing in it is encrypted, but all of it is authenticated. [RFC 7292] */
export function pkcs12({ cert, key }: ClientCertificate, passphrase: string): Buffer {
  const certificate = Buffer.from(cert.replace(/-----[^-]+-----|\n/g, ''), 'base64');
  const keyBag = bag('1.2.840.113549.1.12.10.1.1', createPrivateKey(key).export({ type: 'pkcs8', format: 'der' }));
  const x509 = der.sequence(der.oid('1.2.840.113549.1.9.22.1'), der.explicit(0, der.octets(certificate)));
  const bags = der.sequence(bag('1.2.840.113549.1.12.10.1.3', x509), keyBag);
  const safe = der.sequence(der.sequence(DATA, der.explicit(0, der.octets(bags))));
  const salt = randomBytes(8);
  const mac = createHmac('sha256', macKey(passphrase, salt)).update(safe).digest();
  return der.sequence(
    der.integer(Buffer.of(3)),
    der.sequence(DATA, der.explicit(0, der.octets(safe))),
    der.sequence(der.sequence(SHA256, der.octets(mac)), der.octets(salt), der.integer(Buffer.of(1))),
  );
}

const bag = (type: string, value: Uint8Array): Buffer => der.sequence(der.oid(type), der.explicit(0, value));

/** [RFC 7292 §B.2] one round, for a key of one block: purpose 3, then salt and passphrase, each filled up to 64 bytes. */
function macKey(passphrase: string, salt: Buffer): Buffer {
  const text = Buffer.from(`${passphrase}\0`, 'utf16le').swap16();
  const filled = (part: Buffer) => Buffer.alloc(Math.ceil(part.length / 64) * 64, part);
  return hash('sha256', Buffer.concat([Buffer.alloc(64, 3), filled(salt), filled(text)]), 'buffer');
}
