import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/index.ts';
import { reason } from '../lib/log.ts';
import { nearest } from '../lib/nearest.ts';
import { readArgs } from './args.ts';
import { type Command, exitCodes, type Io, UsageError } from './command.ts';
import { commands } from './commands.ts';
import { commandHelp, overview } from './help.ts';
import { endSoon } from './io.ts';
import { writeText } from './output.ts';

export type { Io } from './command.ts';
export { cliTable } from './commands.ts';
export { processIo } from './io.ts';

/**
 * The whole command line.
 * @param argv without the interpreter and the program
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage or configuration
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv;
  let command: Command | undefined;
  try {
    if (first === undefined) return await say(io.stderr, overview(commands), exitCodes.usage);
    if (first === '--version' || first === '-V') return await say(io.stdout, `${version()}\n`);
    if (first === '--help' || first === '-h') return await say(io.stdout, overview(commands));
    if (first === 'help') return await say(io.stdout, rest[0] ? commandHelp(named(rest[0])) : overview(commands));
    command = named(first);
    if (wantsHelp(rest)) return await say(io.stdout, commandHelp(command));
    const code = await command.run(readArgs(command, rest), io);
    endSoon(io, code);
    return code;
  } catch (error) {
    const code = error instanceof UsageError || error instanceof ConfigError ? exitCodes.usage : exitCodes.failed;
    endSoon(io, code);
    return await say(io.stderr, `${complaint(error, command)}\n`, code);
  }
}

function named(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const names = commands.map((command) => command.name);
  const meant = nearest(name, names);
  const what = name.startsWith('-') ? 'option' : 'command';
  throw new UsageError(
    `unknown ${what} ${name}; ${meant ? `did you mean ${meant}?` : `commands: ${names.join(', ')}`}`,
  );
}

/** Help is given even beside arguments that are wrong: that is when it is needed. */
function wantsHelp(rest: readonly string[]): boolean {
  const end = rest.indexOf('--');
  return (end < 0 ? rest : rest.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

function complaint(error: unknown, command: Command | undefined): string {
  const called = command ? `pushbridge ${command.name}` : 'pushbridge';
  if (error instanceof ConfigError) return error.message;
  if (error instanceof UsageError) return `${called}: ${error.message} (see ${called} --help)`;
  // What the world does to us has a message that says so; a fault of ours needs its place.
  const ours = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return `${called}: ${ours ? (error.stack ?? error.message) : reason(error)}`;
}

/** The version in package.json, which lies above both `src` and `dist`. */
function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version: unknown }).version);
}

async function say(stream: Io['stdout'], text: string, code: number = exitCodes.ok): Promise<number> {
  await writeText(stream, text);
  return code;
}
