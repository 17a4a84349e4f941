import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadSection, type Override } from '../config/index.ts';
import { type DistributorOptions, distributorOptions } from '../distributor/options.ts';
import { createLog, logLevels } from '../lib/log.ts';
import { nearest } from '../lib/nearest.ts';
import { type Args, type Command, exitCodes, type Io, UsageError } from './command.ts';
import { writeText } from './output.ts';
import { firstSignal } from './signals.ts';
import { levelOf, pairOf } from './values.ts';

/** What can be asked for beside running it. */
const VERBS = ['install'];

export const distributor: Command = {
  name: 'distributor',
  summary: 'receive UnifiedPush for the apps of a Linux desktop',
  arguments: '[install]',
  details: [
    'Runs on the session bus as org.unifiedpush.Distributor.pushbridge until SIGTERM or SIGINT. Apps ask it for endpoints, which come from the push service of an XMPP account; what is pushed there it hands to the app, which is started for it. The keys are those of the section `distributor` of the configuration; the rest of a file is not looked at.',
    'With `install` it writes a systemd user unit and a D-Bus service file that start it with the same configuration, --set and --log-level, and runs nothing.',
  ],
  options: {
    config: {
      type: 'string',
      short: 'c',
      value: 'FILE',
      help: 'the configuration (default: pushbridge/distributor.yaml in XDG_CONFIG_HOME, ~/.config)',
    },
    set: {
      type: 'string',
      multiple: true,
      value: 'KEY=VALUE',
      help: 'a key of that section, such as gateway.jid=push.example.net',
    },
    print: { type: 'boolean', help: 'with install: show the files and their paths, write nothing' },
    'log-level': { type: 'string', value: 'LEVEL', help: `${logLevels.join(', ')} (default: info)` },
  },
  examples: [
    { line: 'pushbridge distributor --config distributor.yaml', meaning: 'run in this terminal' },
    { line: 'pushbridge distributor install --print', meaning: 'what would be installed, and where' },
    { line: 'pushbridge distributor install', meaning: 'let the desktop start it from now on' },
  ],
  async run(args, io) {
    const install = wantsInstall(args);
    if (args.flag('print') && !install) throw new UsageError('--print needs install');
    const file = args.text('config') ?? defaultFile(io.env);
    const options = optionsOf(file, args, io);
    return install ? await installIt(resolve(file), options, args, io) : await runIt(options, args, io);
  },
};

function wantsInstall({ positionals: [verb, extra] }: Args): boolean {
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
  if (verb === undefined || VERBS.includes(verb)) return verb !== undefined;
  const meant = nearest(verb, VERBS);
  throw new UsageError(`unknown request "${verb}"; ${meant ? `did you mean ${meant}?` : `known: ${VERBS.join(', ')}`}`);
}

/** [XDG Base Directory Specification] */
const defaultFile = ({ XDG_CONFIG_HOME, HOME = homedir() }: Io['env']): string =>
  join(XDG_CONFIG_HOME || join(HOME, '.config'), 'pushbridge', 'distributor.yaml');

function optionsOf(file: string, args: Args, io: Io): DistributorOptions {
  const overrides = args.list('set').map((text): Override => {
    const [key, value] = pairOf('--set', text, 'KEY=VALUE');
    return { key: `distributor.${key.replace(/^distributor\./, '')}`, value, flag: '--set' };
  });
  const written = loadSection('distributor', { file }, { env: io.env, overrides });
  if (written.account === undefined) throw new UsageError(`${file} has no section "distributor"`);
  return distributorOptions.parse(written);
}

async function runIt(options: DistributorOptions, args: Args, io: Io): Promise<number> {
  const log = createLog(levelOf(args, 'info'), 'pretty');
  const { createDistributor } = await import('../distributor/index.ts');
  const signal = firstSignal(io);
  const running = createDistributor(options, { env: io.env, log });
  try {
    await running.start();
    await writeText(io.stdout, `distributor is ready: ${running.name}\n`);
    const failure = await Promise.race([signal.came.then(() => undefined), running.failed]);
    await running.stop();
    if (failure) throw failure;
    return exitCodes.ok;
  } finally {
    signal.forget();
  }
}

/** What was said on the command line beside the file: the installed one runs with it too. */
function lasting(args: Args): string[] {
  const sets = args.list('set');
  if (sets.some((text) => /^(?:distributor\.)?account\.password=/.test(text))) {
    throw new UsageError(
      'install writes no password into its files, which others may read; put it into the configuration',
    );
  }
  const level = args.text('log-level');
  if (level !== undefined) levelOf(args, 'info');
  return [...sets.flatMap((text) => ['--set', text]), ...(level !== undefined ? ['--log-level', level] : [])];
}

async function installIt(file: string, options: DistributorOptions, args: Args, io: Io): Promise<number> {
  const { installedFiles, MARK } = await import('../distributor/index.ts');
  // Beside this file, with the same ending: sources or what was built from them.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const main = fileURLToPath(new URL(`../main.${ending}`, import.meta.url));
  const command = [process.execPath, main, 'distributor', '--config', file, ...lasting(args)];
  const { unit, files } = installedFiles(options.name, command, io.env);
  if (args.flag('print')) {
    await writeText(io.stdout, files.map(({ path, text }) => `# ${path}\n${text}`).join('\n'));
    return exitCodes.ok;
  }
  const foreign = files.find(({ path }) => existsSync(path) && !readFileSync(path, 'utf8').startsWith(MARK));
  if (foreign) throw new Error(`${foreign.path} is not from pushbridge; move it away first`);
  for (const { path, text } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    await writeText(io.stdout, `written: ${path}\n`);
  }
  await writeText(io.stdout, `now: systemctl --user daemon-reload && systemctl --user enable --now ${unit}\n`);
  return exitCodes.ok;
}
