import { commonOptions } from './args.ts';
import type { Command, Option } from './command.ts';

const EXIT_CODES = 'Exit codes: 0 all went well, 1 the work failed, 2 the command line or the configuration is wrong.';

/** The text of `pushbridge --help`. */
export function overview(commands: readonly Command[]): string {
  return [
    'pushbridge: a durable bridge between backends that send pushes and the services that deliver them',
    '',
    'Usage: pushbridge COMMAND [OPTIONS]',
    '',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    ...columns([
      ['COMMAND --help', 'options and examples of a command'],
      ['--version', 'the version of pushbridge'],
    ]),
    '',
    'Examples:',
    ...commands.flatMap(({ examples }) => examples.slice(0, 1).map(({ line }) => `  ${line}`)),
    '',
    EXIT_CODES,
    '',
  ].join('\n');
}

/** The text of `pushbridge COMMAND --help`. */
export function commandHelp(command: Command): string {
  const { name, summary, details = [], options, examples } = command;
  return [
    `Usage: pushbridge ${name} [OPTIONS]${command.arguments ? ` ${command.arguments}` : ''}`,
    '',
    sentence(summary),
    ...details.flatMap((paragraph) => ['', ...wrap(paragraph, 100)]),
    '',
    'Options:',
    ...columns(
      Object.entries({ ...options, ...commonOptions }).map(([key, option]) => [spelling(key, option), option.help]),
    ),
    '',
    'Examples:',
    ...examples.flatMap(({ line, meaning }) => [`  ${line}`, `      ${meaning}`]),
    '',
    EXIT_CODES,
    '',
  ].join('\n');
}

/** An option as the help shows it: `-c, --config FILE`. */
export function spelling(name: string, { short, value, multiple }: Option): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}${multiple ? ' …' : ''}`;
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrap(right, 100 - width).map((text, index) => `  ${(index === 0 ? left : '').padEnd(width)}${text}`),
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line && line.length + word.length >= width) {
      lines.push(line);
      line = '';
    }
    line += line ? ` ${word}` : word;
  }
  return [...lines, line];
}
