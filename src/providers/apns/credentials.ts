import type { KeyObject } from 'node:crypto';
import { readAuthority } from '../../lib/certificates.ts';
import { reason } from '../../lib/log.ts';
import { OptionProblem, problemsIn, readOptionFile } from '../../lib/option-problem.ts';
import { readSigningKey } from './auth.ts';
import { type ClientCertificate, readCertificate } from './certificate.ts';
import type { ApnsOptions } from './options.ts';

/** One of the two ways to authenticate. */
export type Credentials =
  | { readonly kind: 'token'; readonly key: KeyObject; readonly keyId: string; readonly teamId: string }
  | ({ readonly kind: 'certificate' } & ClientCertificate);

/**
 * Reads the files that the options name.
 * @throws OptionProblem for what can not be read or does not fit
 */
export function readCredentials(options: ApnsOptions): Credentials {
  const { key: file, key_id: keyId, team_id: teamId, certificate } = options;
  if (certificate !== undefined) return { kind: 'certificate', ...readCertificate({ ...options, certificate }) };
  if (file === undefined || keyId === undefined || teamId === undefined) {
    throw new OptionProblem('key', 'is required with key_id and team_id, or certificate in its place');
  }
  const pem = readOptionFile('key', file).toString('latin1');
  try {
    return { kind: 'token', key: readSigningKey(pem), keyId, teamId };
  } catch (cause) {
    throw new OptionProblem('key', reason(cause), { cause });
  }
}

/**
 * The authority that signs the certificate of the server, PEM; undefined for those of the system.
 * @throws OptionProblem
 */
export function authorityOf({ ca }: Pick<ApnsOptions, 'ca'>): Buffer | undefined {
  return ca === undefined ? undefined : readAuthority('ca', ca);
}

/**
 * What is wrong with the files that the options name, for `check` and before a start.
 * @param now the wall clock, in milliseconds since the epoch
 */
export function apnsProblems(options: ApnsOptions, now: number): ReturnType<typeof problemsIn> {
  return problemsIn(
    () => authorityOf(options),
    () => checkValidity(readCredentials(options), now),
  );
}

function checkValidity(credentials: Credentials, now: number): void {
  if (credentials.kind === 'token') return;
  const { validFrom, validTo } = credentials;
  const day = (at: number) => new Date(at).toISOString();
  if (now >= validTo) throw new OptionProblem('certificate', `expired on ${day(validTo)}`);
  if (now < validFrom) throw new OptionProblem('certificate', `is not valid before ${day(validFrom)}`);
}
