import type { Readable, Writable } from 'node:stream';

/** A flag of a command. */
export interface Option {
  readonly type: 'string' | 'boolean';
  /** One letter, for `-x`. */
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  /** What stands for the value in the help: `FILE`. */
  readonly value?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What the user wrote, checked against the command's options. */
export interface Args {
  /** The value of a string option, or undefined. */
  text(name: string): string | undefined;
  /** All values of an option that may be repeated. */
  list(name: string): readonly string[];
  flag(name: string): boolean;
  readonly positionals: readonly string[];
}

/** The process as commands see it: results go to `stdout`, everything else to `stderr`. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `listener` for SIGTERM and SIGINT until the returned function is called. */
  onSignal(listener: (signal: 'SIGTERM' | 'SIGINT') => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** What a command's exit code says. */
export const exitCodes = {
  ok: 0,
  /** The work failed, or part of it. */
  failed: 1,
  /** The command line or the configuration is wrong: nothing was begun. */
  usage: 2,
} as const;

export interface Example {
  readonly line: string;
  readonly meaning: string;
}

export interface Command {
  readonly name: string;
  /** One line for the overview. */
  readonly summary: string;
  /** What stands behind the options in the usage line; a command without it takes no arguments. */
  readonly arguments?: string;
  /** Paragraphs for its own help. */
  readonly details?: readonly string[];
  readonly options: Options;
  readonly examples: readonly Example[];
  /** Does the work; resolves with the exit code. */
  run(args: Args, io: Io): Promise<number>;
}

/** The command line is wrong. The message is one line; the caller adds the way to the help. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}
