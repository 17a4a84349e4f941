import { readFile } from 'node:fs/promises';
import { reason } from '../../lib/log.ts';
import { checkAuthority } from './authority.ts';
import type { FcmOptions } from './options.ts';
import { parseServiceAccount, projectProblem, type ServiceAccount } from './service-account.ts';

/** What the files that the options name come to. */
export interface Settings {
  readonly project: string;
  /** Absent for application default credentials. */
  readonly account: ServiceAccount | undefined;
  /** PEM. */
  readonly ca: string | undefined;
}

/**
 * Reads the files that the options name.
 * @throws Error with the key of the option that is wrong
 */
export async function readSettings({ project, credentials, ca }: FcmOptions): Promise<Settings> {
  const authority = ca === undefined ? undefined : await readAuthority(ca);
  if (credentials === undefined) {
    if (project === undefined) throw new Error('project: is required without a service account in credentials');
    return { project, account: undefined, ca: authority };
  }
  const account = await readAccount(credentials);
  const mistake = projectProblem(account, project);
  if (mistake !== undefined) throw new Error(`project: ${mistake}`);
  return { project: project ?? account.projectId ?? '', account, ca: authority };
}

async function readAccount(file: string): Promise<ServiceAccount> {
  try {
    return parseServiceAccount(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new Error(`credentials: ${file} ${reason(cause)}`);
  }
}

async function readAuthority(file: string): Promise<string> {
  try {
    const pem = await readFile(file, 'utf8');
    checkAuthority(pem);
    return pem;
  } catch (cause) {
    throw new Error(`ca: ${file} ${reason(cause)}`);
  }
}
