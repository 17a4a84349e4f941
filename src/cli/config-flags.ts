import { existsSync } from 'node:fs';
import { type Config, type ConfigFrom, loadConfig, type Override } from '../config/index.ts';
import { type Args, type Io, type Options, UsageError } from './command.ts';
import { pairOf } from './values.ts';

/** The file that is read when none is named. */
export const DEFAULT_FILE = 'pushbridge.yaml';

/** Flags with a key of their own: what is changed most often. */
const SHORTCUTS: Readonly<Record<string, string>> = {
  'bal-port': 'bal.port',
  'admin-port': 'admin.port',
  store: 'store.url',
  'log-level': 'log.level',
  'log-format': 'log.format',
};

/** The flags of every command that reads the configuration. They win over the file. */
export const configFlags: Options = {
  config: {
    type: 'string',
    short: 'c',
    value: 'FILE',
    help: `the configuration (default: the file that PUSHBRIDGE_CONFIG names, else ${DEFAULT_FILE})`,
  },
  set: {
    type: 'string',
    multiple: true,
    value: 'KEY=VALUE',
    help: 'a value that wins over the file, such as retry.cap=5m or sessions[0].providers=[ccs]',
  },
  'bal-port': { type: 'string', value: 'PORT', help: 'the same as --set bal.port=PORT' },
  'admin-port': { type: 'string', value: 'PORT', help: 'the same as --set admin.port=PORT' },
  store: { type: 'string', value: 'URL', help: 'the same as --set store.url=URL: sqlite:PATH or memory:' },
  'log-level': {
    type: 'string',
    value: 'LEVEL',
    help: 'the same as --set log.level=LEVEL: error, warn, info or debug',
  },
  'log-format': { type: 'string', value: 'FORMAT', help: 'the same as --set log.format=FORMAT: json or pretty' },
};

/**
 * The effective configuration of file, environment and flags; the files that it names can be read.
 * @throws UsageError if there is no configuration at all, ConfigError if it is wrong
 */
export function readConfig(args: Args, { env }: Pick<Io, 'env'>): Config {
  const overrides = overridesOf(args);
  return loadConfig(configFrom(args, env, overrides.length > 0), { env, overrides, files: true });
}

/** Values of `--set` and of the flags that stand for it, the latter last. */
export function overridesOf(args: Args): Override[] {
  const sets = args.list('set').map((text): Override => {
    const [key, value] = pairOf('--set', text, 'KEY=VALUE');
    return { key, value, flag: '--set' };
  });
  const shortcuts = Object.entries(SHORTCUTS).flatMap(([name, key]): Override[] => {
    const value = args.text(name);
    return value === undefined ? [] : [{ key, value, flag: `--${name}` }];
  });
  return [...sets, ...shortcuts];
}

function configFrom(args: Args, env: Io['env'], flagsGiven: boolean): ConfigFrom {
  const named = args.text('config') ?? env.PUSHBRIDGE_CONFIG;
  if (named) return { file: named };
  if (existsSync(DEFAULT_FILE)) return { file: DEFAULT_FILE };
  // Flags alone can be a whole configuration, for a container that mounts no file.
  if (flagsGiven) return { flags: true };
  throw new UsageError(`there is no ${DEFAULT_FILE} here; name the configuration with --config FILE`);
}
