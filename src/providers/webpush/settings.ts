import { readAuthority } from '../../lib/certificates.ts';
import { reason } from '../../lib/log.ts';
import { inSection, OptionProblem, problemsIn, readOptionFile } from '../../lib/option-problem.ts';
import { readVapidKey, type VapidKey } from './vapid.ts';

/** The options that name files. */
interface Named {
  readonly vapid?: { readonly subject: string; readonly key: string } | undefined;
  readonly ca?: string | undefined;
}

/** What the files that the options name come to. */
export interface Settings {
  readonly vapid: { readonly subject: string; readonly key: VapidKey } | undefined;
  /** PEM. */
  readonly ca: Buffer | undefined;
}

/**
 * Reads the files that the options name.
 * @throws OptionProblem
 */
export function readSettings(options: Named): Settings {
  return { vapid: vapidOf(options), ca: authorityOf(options) };
}

/** What is wrong with the files that a provider names. */
export function* checkWebPushFiles(options: Named): ReturnType<typeof problemsIn> {
  const problems = problemsIn(
    () => vapidOf(options),
    () => authorityOf(options),
  );
  for (const { path, message } of problems) yield { path: path.flatMap((keys) => keys.split('.')), message };
}

function authorityOf({ ca }: Named): Buffer | undefined {
  return ca === undefined ? undefined : readAuthority('ca', ca);
}

function vapidOf({ vapid }: Named): Settings['vapid'] {
  if (!vapid) return undefined;
  const key = inSection('vapid', () => {
    const text = readOptionFile('key', vapid.key).toString('latin1');
    try {
      return readVapidKey(text);
    } catch (cause) {
      throw new OptionProblem('key', reason(cause), { cause });
    }
  });
  return { subject: vapid.subject, key };
}
