import { printConfig } from '../config/index.ts';
import { type Command, exitCodes } from './command.ts';
import { configFlags, readConfig } from './config-flags.ts';
import { writeText } from './output.ts';

export const check: Command = {
  name: 'check',
  summary: 'check the configuration and print what is in effect',
  details: [
    'Prints every key with its value as YAML, secrets hidden. Problems go to standard error, each with file, line, column and key.',
  ],
  options: configFlags,
  examples: [
    { line: 'pushbridge check --config pushbridge.yaml', meaning: 'is it in order, and what does it come to?' },
    { line: 'pushbridge check --set bal.port=6000 | grep port', meaning: 'what a flag would change' },
  ],
  async run(args, io) {
    await writeText(io.stdout, printConfig(readConfig(args, io)));
    return exitCodes.ok;
  },
};
