import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import { reason } from '../../lib/log.ts';
import type { ApnsOptions } from './options.ts';

/** The options that a certificate is made of. */
export type CertificateOptions = Pick<ApnsOptions, 'certificate_key' | 'passphrase'> & { readonly certificate: string };

/** What a connection authenticates itself with. */
export interface ClientCertificate {
  readonly tls: {
    readonly cert?: Buffer;
    readonly key?: Buffer;
    readonly pfx?: Buffer;
    readonly passphrase?: string;
  };
  /** Milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
}

/** What is wrong with a file, and the option that is to blame. */
export class CredentialProblem extends Error {
  readonly option: string;

  constructor(option: keyof ApnsOptions, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CredentialProblem';
    this.option = option;
  }
}

/**
 * Reads certificate and key, and looks whether they belong together; not, whether they are still valid.
 * @throws CredentialProblem
 */
export function readCertificate(options: CertificateOptions): ClientCertificate {
  const bytes = readOption('certificate', options.certificate);
  return bytes.includes('-----BEGIN') ? readPem(bytes, options) : readPkcs12(bytes, options);
}

/**
 * The authority that signs the certificate of the server; undefined for those of the system.
 * @throws CredentialProblem
 */
export function readAuthority({ ca: file }: Pick<ApnsOptions, 'ca'>): Buffer | undefined {
  if (file === undefined) return undefined;
  const ca = readOption('ca', file);
  attempt('ca', 'has no readable certificate', () => new X509Certificate(ca));
  return ca;
}

/** @throws CredentialProblem if the file can not be read */
export function readOption(option: keyof ApnsOptions, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new CredentialProblem(option, `can not be read: ${reason(cause)}`, { cause });
  }
}

function readPem(cert: Buffer, options: CertificateOptions): ClientCertificate {
  const certificate = attempt('certificate', 'has no readable certificate', () => new X509Certificate(cert));
  const { certificate_key: file } = options;
  const where = file === undefined ? 'certificate' : 'certificate_key';
  const key = file === undefined ? cert : readOption(where, file);
  const passphrase = options.passphrase?.reveal();
  const opened = openKey(where, key, passphrase);
  if (!certificate.checkPrivateKey(opened)) throw new CredentialProblem(where, 'is not the key of the certificate');
  const tls = { cert, key, ...(passphrase !== undefined && { passphrase }) };
  // What comes behind the first certificate, and how strong everything has to be, is left to TLS to judge.
  attempt('certificate', 'can not be used for TLS', () => createSecureContext(tls));
  return { tls, ...validity(certificate) };
}

function openKey(option: 'certificate' | 'certificate_key', key: Buffer, passphrase: string | undefined): KeyObject {
  const text = key.toString('latin1');
  if (!text.includes('PRIVATE KEY-----')) throw new CredentialProblem(option, 'has no private key');
  const locked = text.includes('ENCRYPTED');
  if (locked && passphrase === undefined) throw new CredentialProblem('passphrase', 'is needed to open the key');
  try {
    return createPrivateKey({ key, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    if (locked) throw new CredentialProblem('passphrase', 'does not open the key', { cause });
    throw new CredentialProblem(option, `has no readable private key: ${reason(cause)}`, { cause });
  }
}

function readPkcs12(pfx: Buffer, options: CertificateOptions): ClientCertificate {
  if (options.certificate_key !== undefined) {
    throw new CredentialProblem('certificate_key', 'not beside a .p12 file, which has the key in it');
  }
  const passphrase = options.passphrase?.reveal();
  const tls = { pfx, ...(passphrase !== undefined && { passphrase }) };
  try {
    return { tls, ...validity(certificateOf(createSecureContext(tls))) };
  } catch (cause) {
    if (cause instanceof CredentialProblem) throw cause;
    const because = reason(cause);
    if (because === 'mac verify failure') {
      const what = passphrase === undefined ? 'is needed to open the .p12 file' : 'does not open the .p12 file';
      throw new CredentialProblem('passphrase', what, { cause });
    }
    const old = because.startsWith('Unsupported PKCS12') ? '; it may be of an old kind: export it anew, or as PEM' : '';
    throw new CredentialProblem('certificate', `is neither PEM nor a readable .p12 file: ${because}${old}`, { cause });
  }
}

/** The certificate in a context. Only a socket tells of it: one that leads nowhere. */
function certificateOf(secureContext: ReturnType<typeof createSecureContext>): X509Certificate {
  const nowhere = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(nowhere, { secureContext });
  const certificate = socket.getX509Certificate();
  socket.destroy();
  if (!certificate) throw new CredentialProblem('certificate', 'has no certificate with a key');
  return certificate;
}

function validity({ validFromDate, validToDate }: X509Certificate) {
  return { validFrom: validFromDate.getTime(), validTo: validToDate.getTime() };
}

function attempt<T>(option: keyof ApnsOptions, what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new CredentialProblem(option, `${what}: ${reason(cause)}`, { cause });
  }
}
