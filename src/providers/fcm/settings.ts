import { readFile } from 'node:fs/promises';
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
  const authority = ca === undefined ? undefined : await readFile(ca, 'utf8');
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
  const text = await readFile(file, 'utf8');
  try {
    return parseServiceAccount(text);
  } catch (cause) {
    throw new Error(`credentials: ${file} ${cause instanceof Error ? cause.message : cause}`);
  }
}
