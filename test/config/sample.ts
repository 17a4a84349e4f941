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

/** The provider of this name, if it is of type ccs. */
export function ccs(config: Config, name = 'ccs'): Extract<ProviderConfig, { type: 'ccs' }> | undefined {
  const options = config.providers[name];
  return options?.type === 'ccs' ? options : undefined;
}

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
