import { table } from '../config/index.ts';
import { check } from './check.ts';
import type { Command } from './command.ts';
import { demo } from './demo.ts';
import { distributor } from './distributor.ts';
import { emulate } from './emulate.ts';
import { spelling } from './help.ts';
import { listen } from './listen.ts';
import { pool } from './pool.ts';
import { send } from './send.ts';
import { serve } from './serve.ts';

/** Every command, in the order of the help. The README's table is made from this list. */
export const commands: readonly Command[] = [serve, emulate, send, listen, check, pool, demo, distributor];

/** Commands and their options as Markdown. */
export function cliTable(): string {
  const code = (text: string): string => `\`${text}\``;
  return [
    table(
      ['command', 'what it does', 'example'],
      commands.map(({ name, summary, examples }) => [code(name), summary, examples[0] ? code(examples[0].line) : '']),
    ),
    '',
    table(
      ['command', 'option', 'meaning'],
      commands.flatMap(({ name, options }) =>
        Object.entries(options).map(([key, option]) => [code(name), code(spelling(key, option)), option.help]),
      ),
    ),
  ].join('\n');
}
