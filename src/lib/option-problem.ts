import { readFileSync } from 'node:fs';
import { reason } from './log.ts';

/** An option that says or names what can not be used. The message begins with its key. */
export class OptionProblem extends Error {
  /** Its key, as far as whoever found out knows where it stands. */
  readonly option: string;
  /** What is wrong, without the key. */
  readonly what: string;

  constructor(option: string, what: string, options?: ErrorOptions) {
    super(`${option}: ${what}`, options);
    this.name = 'OptionProblem';
    this.option = option;
    this.what = what;
  }
}

/**
 * The result of `work`.
 * @throws OptionProblem whose key begins with that of the section
 */
export function inSection<T>(section: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof OptionProblem)) throw cause;
    throw new OptionProblem(`${section}.${cause.option}`, cause.what, { cause });
  }
}

/** What is wrong with options: the first problem that each of `works` comes upon. */
export function* problemsIn(
  ...works: readonly (() => unknown)[]
): Generator<{ readonly path: readonly string[]; readonly message: string }> {
  for (const work of works) {
    try {
      work();
    } catch (error) {
      if (!(error instanceof OptionProblem)) throw error;
      yield { path: [error.option], message: error.what };
    }
  }
}

/**
 * The file that an option names.
 * @throws OptionProblem if it can not be read
 */
export function readOptionFile(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new OptionProblem(option, `can not be read: ${reason(cause)}`, { cause });
  }
}
