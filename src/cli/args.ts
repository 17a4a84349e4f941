import { parseArgs } from 'node:util';
import { nearest } from '../lib/nearest.ts';
import { type Args, type Command, type Options, UsageError } from './command.ts';

/** What every command takes. */
export const commonOptions: Options = { help: { type: 'boolean', short: 'h', help: 'show this text' } };

/**
 * Reads the arguments of a command.
 * @throws UsageError naming the option that is wrong and the one that was probably meant
 */
export function readArgs(command: Pick<Command, 'options' | 'arguments'>, argv: readonly string[]): Args {
  const options: Options = { ...command.options, ...commonOptions };
  // Not strict: its own messages run over several lines and know no near misses.
  const { tokens } = parseArgs({ args: [...argv], options: shapes(options), strict: false, tokens: true });
  const values = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const value = checkedValue(token, options);
    const before = values.get(token.name) ?? [];
    if (before.length > 0 && !options[token.name]?.multiple) throw new UsageError(`${token.rawName} is given twice`);
    values.set(token.name, [...before, value]);
  }
  const [extra] = positionals;
  if (extra !== undefined && command.arguments === undefined) throw new UsageError(`unexpected argument "${extra}"`);
  return {
    text: (name) => values.get(name)?.[0],
    list: (name) => values.get(name) ?? [],
    flag: (name) => values.has(name),
    positionals,
  };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

/** The checked value; the empty text stands for a flag that was given. */
function checkedValue({ name, rawName, value, inlineValue }: OptionToken, options: Options): string {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (!option) {
    const meant = nearest(name, Object.keys(options));
    throw new UsageError(`unknown option ${rawName}${meant ? `; did you mean --${meant}?` : ''}`);
  }
  if (option.type === 'boolean') {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    return '';
  }
  // `--config --help` is a forgotten value, not a file of that name; `--config=--help` says so if it is one.
  if (value === undefined || (!inlineValue && /^--?[a-z]/i.test(value))) {
    throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value ?? 'VALUE'}`);
  }
  return value;
}

function shapes(options: Options) {
  return Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [
      name,
      { type, multiple: true, ...(short !== undefined && { short }) },
    ]),
  );
}
