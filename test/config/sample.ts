import { type Config, ConfigError, type LoadOptions, loadConfig, type ProviderConfig } from '../../src/config/index.ts';

/** The smallest configuration that is in order. */
export const smallest = `sessions:
  - id: com.example.app
    secret: sesame
providers:
  ccs:
    sender_id: "1234"
    server_key: hush
`;

/** The problems of a text, as `LINE:COLUMN key: message`; empty if there are none. */
export function problemsOf(text: string | Uint8Array, options: LoadOptions = {}): string[] {
  try {
    loadConfig({ text, name: 'f' }, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(/^f:/, ''));
  }
}

/** The options of a provider that has to be of type `ccs`. */
export function ccsOf(config: Config, name = 'ccs'): Extract<ProviderConfig, { type: 'ccs' }> {
  const options = config.providers[name];
  if (options?.type !== 'ccs') throw new TypeError(`${name} is no provider of type ccs`);
  return options;
}
