import type { KeyObject } from 'node:crypto';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import * as der from './der.ts';

/** What a certificate shall say; tests ask for bad ones. */
export interface CertificateRequest {
  /** Host names and addresses that it is for. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whose it is; default: a server's. */
  readonly usage?: 'server' | 'client';
}

export interface ServerCertificate {
  /** Certificate and key of its holder, PEM. */
  readonly cert: string;
  readonly key: string;
  /** The authority that signed it, PEM: what the other side has to trust. */
  readonly ca: string;
}

interface Holder {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const DAY_MS = 86_400_000;
/** Names that a server on this machine is reached by. */
export const LOCAL_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/** Extended key usages. [RFC 5280 §4.2.1.12] */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ECDSA_SHA256 = der.sequence(der.oid('1.2.840.10045.4.3.2'));

/** A fresh authority, and a certificate by it; both ECDSA on P-256. [RFC 5280] */
export function createCertificate(request: CertificateRequest): ServerCertificate {
  const ca = holder('pushbridge emulator CA');
  const server = holder(request.names[0] ?? 'nobody');
  const caExtensions = [
    extension('2.5.29.19', true, der.sequence(der.boolean(true))),
    // keyCertSign and cRLSign: bits 5 and 6.
    extension('2.5.29.15', true, der.bits(Buffer.of(0b0000_0110), 1)),
    extension('2.5.29.14', false, der.octets(keyId(ca))),
  ];
  const serverExtensions = [
    extension('2.5.29.19', true, der.sequence()),
    // digitalSignature: bit 0.
    extension('2.5.29.15', true, der.bits(Buffer.of(0b1000_0000), 7)),
    extension('2.5.29.37', false, der.sequence(der.oid(request.usage === 'client' ? CLIENT_AUTH : SERVER_AUTH))),
    extension('2.5.29.17', false, der.sequence(...request.names.map(generalName))),
    extension('2.5.29.14', false, der.octets(keyId(server))),
    extension('2.5.29.35', false, der.sequence(der.implicit(0, keyId(ca)))),
  ];
  // The authority outlives a certificate that is meant to be expired: only one thing shall be wrong with it.
  const now = Date.now();
  const notBefore = new Date(Math.min(now, request.notBefore.getTime()) - DAY_MS);
  const notAfter = new Date(Math.max(now, request.notAfter.getTime()) + DAY_MS);
  return {
    cert: issue(server, ca, request.notBefore, request.notAfter, serverExtensions),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    ca: issue(ca, ca, notBefore, notAfter, caExtensions),
  };
}

function holder(name: string): Holder {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

function issue(subject: Holder, issuer: Holder, notBefore: Date, notAfter: Date, extensions: Buffer[]): string {
  const serial = randomBytes(16);
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.of(2))),
    // [RFC 5280 §4.1.2.2] positive, and never all zeros.
    der.integer(Buffer.concat([Buffer.of(1), serial])),
    ECDSA_SHA256,
    distinguishedName(issuer.name),
    der.sequence(der.time(notBefore), der.time(notAfter)),
    distinguishedName(subject.name),
    spki(subject),
    der.explicit(3, der.sequence(...extensions)),
  );
  const signature = sign('sha256', body, { key: issuer.privateKey, dsaEncoding: 'der' });
  return pem(der.sequence(body, ECDSA_SHA256, der.bits(signature)));
}

const spki = ({ publicKey }: Holder): Buffer => publicKey.export({ type: 'spki', format: 'der' });

/** [RFC 5280 §4.2.1.2] any stable digest of the key will do. */
const keyId = (of: Holder): Buffer => createHash('sha1').update(spki(of)).digest();

function distinguishedName(commonName: string): Buffer {
  return der.sequence(der.set(der.sequence(der.oid('2.5.4.3'), der.utf8(commonName))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.oid(id), ...(critical ? [der.boolean(true)] : []), der.octets(value));
}

/** [RFC 5280 §4.2.1.6] */
function generalName(name: string): Buffer {
  const family = isIP(name);
  if (family === 0) return der.implicit(2, Buffer.from(name));
  return der.implicit(7, family === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6(name));
}

function ipv6(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((g) => Number.parseInt(g, 16)));
  const before = groups(head);
  const after = groups(tail ?? '');
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function pem(body: Buffer): string {
  const lines = body.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
