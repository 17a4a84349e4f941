export { listensHttp } from './categories.ts';
export { sessionRules, storeLimits } from './core-rules.ts';
export { type ConfigFrom, type LoadOptions, loadConfig, loadSection, type Written } from './load.ts';
export type { Override } from './overrides.ts';
export { printConfig } from './print.ts';
export { ConfigError, type Problem, problemText } from './problems.ts';
export type { Config, ProviderConfig, ProviderType } from './schema.ts';
export { configTable, describeConfig, distributorTable, emulatorTable, type KeyRow, table } from './table.ts';
