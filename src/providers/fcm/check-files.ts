import { readFileSync } from 'node:fs';
import { reason } from '../../lib/log.ts';
import { checkAuthority } from './authority.ts';
import { parseServiceAccount, projectProblem } from './service-account.ts';

/** What is wrong, and the option that is to blame. */
export interface FileProblem {
  readonly path: readonly string[];
  readonly message: string;
}

interface Where {
  readonly credentials?: string | undefined;
  readonly project?: string | undefined;
  readonly ca?: string | undefined;
}

/** What is wrong with the project and the files that a provider names. */
export function* checkFcmFiles({ credentials, project, ca }: Where): Generator<FileProblem> {
  if (ca !== undefined) {
    const { problem } = reading(ca, checkAuthority);
    if (problem !== undefined) yield { path: ['ca'], message: problem };
  }
  if (credentials === undefined) {
    if (project === undefined) {
      yield { path: ['project'], message: 'is required without a service account in credentials' };
    }
    return;
  }
  const { value: account, problem } = reading(credentials, parseServiceAccount);
  if (problem !== undefined) yield { path: ['credentials'], message: problem };
  const mistake = account && projectProblem(account, project);
  if (mistake !== undefined) yield { path: ['project'], message: mistake };
}

/** What `read` makes of a file, or why it can not. */
function reading<T>(file: string, read: (text: string) => T): { readonly value?: T; readonly problem?: string } {
  try {
    return { value: read(readFileSync(file, 'utf8')) };
  } catch (error) {
    const unreadable = error instanceof Error && 'syscall' in error;
    return { problem: unreadable ? `can not be read: ${reason(error)}` : reason(error) };
  }
}
