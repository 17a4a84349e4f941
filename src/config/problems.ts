/** Where a value stands: keys and list positions from the root. */
export type Path = readonly (string | number)[];

/** A path as people write it: `sessions[0].id`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    // Keys come from a file: what is no plain word is quoted, so that it can't disturb a terminal.
    const word = /^[\w-]+$/.test(part) ? part : JSON.stringify(part);
    return text ? `${text}.${word}` : word;
  }, '');
}

/** One thing that is wrong with a configuration. It never carries a value, which might be a secret. */
export interface Problem {
  /** `FILE:LINE:COLUMN`, or the flag that the value came from. */
  readonly at: string;
  /** The key that is concerned; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

/** A configuration that can't be used. The message has one line per problem; commands exit with 2. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map(problemText).join('\n'), options);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `FILE:LINE:COLUMN path.to.key: what is wrong`. */
export function problemText({ at, key, message }: Problem): string {
  return key ? `${at} ${key}: ${message}` : `${at}: ${message}`;
}
