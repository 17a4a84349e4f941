import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { reason } from './log.ts';
import { OptionProblem, readOptionFile } from './option-problem.ts';

/**
 * The authorities that the file of an option holds: TLS would pass over anything else without a word, and trust nobody.
 * @returns PEM
 * @throws OptionProblem
 */
export function readAuthority(option: string, file: string): Buffer {
  const pem = readOptionFile(option, file);
  certificateIn(option, pem);
  return pem;
}

/**
 * Certificate chain and private key of a listener, PEM, from the files of its options `cert` and `key`.
 * @throws OptionProblem if they can't be read, are none, or do not belong together
 */
export function readListenerCertificate(files: { readonly cert: string; readonly key: string }): {
  readonly cert: Buffer;
  readonly key: Buffer;
} {
  const cert = readOptionFile('cert', files.cert);
  const certificate = certificateIn('cert', cert);
  const key = readOptionFile('key', files.key);
  if (!certificate.checkPrivateKey(privateKeyIn('key', key))) {
    throw new OptionProblem('key', 'is not the key of the certificate');
  }
  checkUse('cert', { cert, key });
  return { cert, key };
}

/**
 * The first certificate in PEM.
 * @throws OptionProblem if there is none
 */
export function certificateIn(option: string, pem: Buffer): X509Certificate {
  try {
    if (pem.includes('-----BEGIN ')) return new X509Certificate(pem);
  } catch {
    // What the library says is about its parser.
  }
  throw new OptionProblem(option, 'has no readable certificate in PEM');
}

/**
 * What comes behind the first certificate, and how strong everything has to be, is left to TLS to judge.
 * @throws OptionProblem
 */
export function checkUse(option: string, tls: Parameters<typeof createSecureContext>[0]): void {
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw new OptionProblem(option, `can not be used for TLS: ${reason(cause)}`, { cause });
  }
}

function privateKeyIn(option: string, pem: Buffer): KeyObject {
  if (pem.includes('ENCRYPTED')) throw new OptionProblem(option, 'is locked with a passphrase, which nobody can give');
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    throw new OptionProblem(option, 'has no readable private key in PEM');
  }
}
