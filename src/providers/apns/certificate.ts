import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';
import { certificateIn, checkUse } from '../../lib/certificates.ts';
import { reason } from '../../lib/log.ts';
import { OptionProblem, readOptionFile } from '../../lib/option-problem.ts';
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

/**
 * Reads certificate and key, and looks whether they belong together; not, whether they are still valid.
 * @throws OptionProblem
 */
export function readCertificate(options: CertificateOptions): ClientCertificate {
  const bytes = readOptionFile('certificate', options.certificate);
  return bytes.includes('-----BEGIN') ? readPem(bytes, options) : readPkcs12(bytes, options);
}

function readPem(cert: Buffer, options: CertificateOptions): ClientCertificate {
  const certificate = certificateIn('certificate', cert);
  const { certificate_key: file } = options;
  const where = file === undefined ? 'certificate' : 'certificate_key';
  const key = file === undefined ? cert : readOptionFile(where, file);
  const passphrase = options.passphrase?.reveal();
  const opened = openKey(where, key, passphrase);
  if (!certificate.checkPrivateKey(opened)) throw new OptionProblem(where, 'is not the key of the certificate');
  const tls = { cert, key, ...(passphrase !== undefined && { passphrase }) };
  checkUse('certificate', tls);
  return { tls, ...validity(certificate) };
}

function openKey(option: 'certificate' | 'certificate_key', key: Buffer, passphrase: string | undefined): KeyObject {
  const text = key.toString('latin1');
  if (!text.includes('PRIVATE KEY-----')) throw new OptionProblem(option, 'has no private key');
  const locked = text.includes('ENCRYPTED');
  if (locked && passphrase === undefined) throw new OptionProblem('passphrase', 'is needed to open the key');
  try {
    return createPrivateKey({ key, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
  } catch (cause) {
    if (locked) throw new OptionProblem('passphrase', 'does not open the key', { cause });
    throw new OptionProblem(option, `has no readable private key: ${reason(cause)}`, { cause });
  }
}

function readPkcs12(pfx: Buffer, options: CertificateOptions): ClientCertificate {
  if (options.certificate_key !== undefined) {
    throw new OptionProblem('certificate_key', 'not beside a .p12 file, which has the key in it');
  }
  const passphrase = options.passphrase?.reveal();
  const tls = { pfx, ...(passphrase !== undefined && { passphrase }) };
  try {
    return { tls, ...validity(certificateOf(createSecureContext(tls))) };
  } catch (cause) {
    if (cause instanceof OptionProblem) throw cause;
    const because = reason(cause);
    if (because === 'mac verify failure') {
      const what = passphrase === undefined ? 'is needed to open the .p12 file' : 'does not open the .p12 file';
      throw new OptionProblem('passphrase', what, { cause });
    }
    const old = because.startsWith('Unsupported PKCS12') ? '; it may be of an old kind: export it anew, or as PEM' : '';
    throw new OptionProblem('certificate', `is neither PEM nor a readable .p12 file: ${because}${old}`, { cause });
  }
}

/** The certificate in a context. Only a socket tells of it: one that leads nowhere. */
function certificateOf(secureContext: ReturnType<typeof createSecureContext>): X509Certificate {
  const nowhere = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(nowhere, { secureContext });
  const certificate = socket.getX509Certificate();
  socket.destroy();
  if (!certificate) throw new OptionProblem('certificate', 'has no certificate with a key');
  return certificate;
}

function validity({ validFromDate, validToDate }: X509Certificate) {
  return { validFrom: validFromDate.getTime(), validTo: validToDate.getTime() };
}
