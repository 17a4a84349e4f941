import type { KeyObject } from 'node:crypto';
import { reason } from '../../lib/log.ts';
import { readSigningKey } from './auth.ts';
import {
  type ClientCertificate,
  CredentialProblem,
  readAuthority,
  readCertificate,
  readOption,
} from './certificate.ts';
import type { ApnsOptions } from './options.ts';

/** One of the two ways to authenticate. */
export type Credentials =
  | { readonly kind: 'token'; readonly key: KeyObject; readonly keyId: string; readonly teamId: string }
  | ({ readonly kind: 'certificate' } & ClientCertificate);

/**
 * Reads the files that the options name.
 * @throws CredentialProblem for what can not be read or does not fit
 */
export function readCredentials(options: ApnsOptions): Credentials {
  const { key: file, key_id: keyId, team_id: teamId, certificate } = options;
  if (certificate !== undefined) return { kind: 'certificate', ...readCertificate({ ...options, certificate }) };
  if (file === undefined || keyId === undefined || teamId === undefined) {
    throw new CredentialProblem('key', 'is required with key_id and team_id, or certificate in its place');
  }
  const pem = readOption('key', file).toString('latin1');
  try {
    return { kind: 'token', key: readSigningKey(pem), keyId, teamId };
  } catch (cause) {
    throw new CredentialProblem('key', reason(cause), { cause });
  }
}

/**
 * What is wrong with the files that the options name, for `check` and before a start.
 * @param now the wall clock, in milliseconds since the epoch
 */
export function* apnsProblems(
  options: ApnsOptions,
  now: number,
): Generator<{ readonly path: readonly string[]; readonly message: string }> {
  try {
    readAuthority(options);
    const credentials = readCredentials(options);
    if (credentials.kind === 'token') return;
    const { validFrom, validTo } = credentials;
    const day = (at: number) => new Date(at).toISOString();
    if (now >= validTo) yield { path: ['certificate'], message: `expired on ${day(validTo)}` };
    else if (now < validFrom) yield { path: ['certificate'], message: `is not valid before ${day(validFrom)}` };
  } catch (error) {
    if (!(error instanceof CredentialProblem)) throw error;
    yield { path: [error.option], message: error.message };
  }
}
