import { readAuthority } from '../../lib/certificates.ts';
import { reason } from '../../lib/log.ts';
import { OptionProblem, problemsIn, readOptionFile } from '../../lib/option-problem.ts';
import { parseServiceAccount, projectProblem, type ServiceAccount } from './service-account.ts';

/** The options that name files, and what goes with them. */
interface Named {
  readonly project?: string | undefined;
  readonly credentials?: string | undefined;
  readonly ca?: string | undefined;
}

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
 * @throws OptionProblem
 */
export function readSettings(options: Named): Settings {
  return { ca: authorityOf(options), ...senderOf(options) };
}

/** What is wrong with the project and the files that a provider names. */
export function checkFcmFiles(options: Named): ReturnType<typeof problemsIn> {
  return problemsIn(
    () => authorityOf(options),
    () => senderOf(options),
  );
}

function authorityOf({ ca }: Named): string | undefined {
  return ca === undefined ? undefined : readAuthority('ca', ca).toString();
}

function senderOf({ project, credentials }: Named): Pick<Settings, 'project' | 'account'> {
  if (credentials === undefined) {
    if (project !== undefined) return { project, account: undefined };
    throw new OptionProblem('project', 'is required without a service account in credentials');
  }
  const account = accountIn(credentials);
  const mistake = projectProblem(account, project);
  if (mistake !== undefined) throw new OptionProblem('project', mistake);
  return { project: project ?? account.projectId ?? '', account };
}

function accountIn(file: string): ServiceAccount {
  const text = readOptionFile('credentials', file).toString();
  try {
    return parseServiceAccount(text);
  } catch (error) {
    throw new OptionProblem('credentials', reason(error));
  }
}
